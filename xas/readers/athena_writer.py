"""Athena projects written, so that Athena and larch go on where Xorder stops."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

from xorder._version import __version__
from xorder.errors import BadInput
from xorder.results import Array
from xorder.store import atomic_path
from xorder.xas.normalization import Normalized
from xorder.xas.spectrum import Spectrum

__all__ = ["write_athena"]


def write_athena(spectra: Sequence[Spectrum | Normalized], path: str | Path) -> Path:
    """Write spectra as an Athena project (.prj), in Demeter's Perl form, gzipped.

    Of a `Normalized` its e0, edge step, ranges and order go with it, in Athena's words
    (``bkg_nnorm`` counts terms). Energies are written as they are, with no shift kept apart.

    Raises
    ------
    BadInput
        Where there is nothing to write.
    CannotWrite
        Where the file cannot be written.
    """
    path = Path(path)
    if not spectra:
        raise BadInput("there is no spectrum to write", expected="at least one")
    lines = [
        "# Athena project file -- Demeter version 0.9.26",
        f"# Written by Xorder {__version__}",
        "",
    ]
    for index, spectrum in enumerate(spectra):
        lines += _record(spectrum, f"xo{index:03d}")
    lines += ["@journal = ();", "", "1;", "", ""]
    with atomic_path(path) as temporary:
        temporary.write_bytes(gzip.compress("\n".join(lines).encode("ascii"), mtime=0))
    return path


def _record(spectrum: Spectrum | Normalized, key: str) -> list[str]:
    settings = {
        "label": spectrum.name or key,
        "datatype": "xmu",
        "is_xmu": "1",
        "is_chi": "0",
        "is_nor": "0",
        "is_rec": "1",
        "is_raw": "0",
        "not_data": "0",
        "importance": "1",
        "bkg_eshift": "0",
        "bkg_z": spectrum.element,
        "fft_edge": spectrum.edge.lower(),
        "npts": str(spectrum.energy.size),
        "xmin": f"{spectrum.energy[0]:.3f}",
        "xmax": f"{spectrum.energy[-1]:.3f}",
        "titles": "simulated" if spectrum.simulated else "",
    }
    if isinstance(spectrum, Normalized):
        settings |= _normalization(spectrum)
    arrays: dict[str, Array] = {"x": spectrum.energy, "y": spectrum.mu}
    if isinstance(spectrum, Spectrum):
        extra = {"i0": spectrum.i0, "stddev": spectrum.stderr}
        arrays |= {name: values for name, values in extra.items() if values is not None}
    return [
        f"$old_group = '{key}';",
        f"@args = ({_pairs(settings)});",
        *(f"@{name} = ({_numbers(values)});" for name, values in arrays.items()),
        "[record]   # ",
        "",
    ]


def _normalization(normalized: Normalized) -> dict[str, str]:
    # In full: a range that ends on a point must not lose it by rounding.
    pre, post = normalized.pre_edge_range, normalized.post_edge_range
    return {
        "bkg_e0": repr(float(normalized.e0)),
        "bkg_step": f"{normalized.edge_step:.10g}",
        "bkg_fitted_step": f"{normalized.edge_step:.10g}",
        "bkg_fixstep": "0",
        "bkg_pre1": repr(float(pre[0])),
        "bkg_pre2": repr(float(pre[1])),
        "bkg_nor1": repr(float(post[0])),
        "bkg_nor2": repr(float(post[1])),
        # Athena knows three terms at most, which a background of MBACK may exceed.
        "bkg_nnorm": str(min(normalized.order, 2) + 1),
        "bkg_flatten": "1",
        "bkg_rbkg": "1.0",
        "bkg_kw": "2",
    }


def _pairs(settings: Mapping[str, str]) -> str:
    return ",".join(f"'{name}','{_quoted(value)}'" for name, value in settings.items())


def _quoted(text: str) -> str:
    """Return text for single quotes in Perl: ASCII, other letters as Athena writes them."""
    plain = text.replace("\\", "/").replace("'", "`").replace("\n", " ")
    return "".join(c if ord(c) < 128 else f"\\x{{{ord(c):x}}}" for c in plain)


def _numbers(values: Array) -> str:
    return ",".join(f"'{value!r}'" for value in values.tolist())
