"""I(Q), S(Q), F(Q) and G(r) of a reduction to text files that read back with the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from xorder._version import __version__
from xorder.errors import BadInput
from xorder.pdf.reduction_result import Reduction
from xorder.pdf.writers import write_gr
from xorder.results import Array
from xorder.store import write_text

__all__ = ["write_reduction"]

Kind = Literal["iq", "sq", "fq", "gr"]
_LABELS = {
    "iq": "Q(1/A) I(Q)",
    "sq": "Q(1/A) S(Q) dS(Q)",
    "fq": "Q(1/A) F(Q) dF(Q)",
}


def write_reduction(
    stem: str | Path, reduction: Reduction, *, kinds: Sequence[Kind] = ("iq", "sq", "fq", "gr")
) -> tuple[Path, ...]:
    """Write the functions of a reduction, one file each, and return their paths.

    Parameters
    ----------
    stem
        Path without suffix; ``.iq``, ``.sq``, ``.fq`` and ``.gr`` are put behind it.
    reduction
        What to write. I(Q) is in electron units per atom. Lost are provenance and correlations;
        every number reads back exactly.
    kinds
        Which functions.

    Raises
    ------
    BadInput
        Where a kind is unknown.
    CannotWrite
        Where a file cannot be written.
    """
    unknown = [kind for kind in kinds if kind not in get_args(Kind)]
    if unknown:
        raise BadInput(f"kinds names {unknown[0]!r}", expected="some of iq, sq, fq, gr")
    return tuple(_write(Path(f"{stem}.{kind}"), kind, reduction) for kind in kinds)


def _write(path: Path, kind: Kind, reduction: Reduction) -> Path:
    if kind == "gr":
        return write_gr(path, reduction.pair_distribution)
    columns: tuple[Array, ...] = {
        "iq": (reduction.q, reduction.iq),
        "sq": (reduction.q, reduction.sq, reduction.fq_stderr / reduction.q),
        "fq": (reduction.q, reduction.fq, reduction.fq_stderr),
    }[kind]
    lines = ["# SIMULATED data; not a measurement"] if reduction.simulated else []
    lines += [
        f"# version = xorder-{__version__}",
        f"# simulated = {'true' if reduction.simulated else 'false'}",
        "# mode = xray",
        f"# composition = {reduction.composition}",
        f"# scale_is_absolute = {'true' if reduction.scale_is_absolute else 'false'}",
    ]
    if not math.isnan(reduction.wavelength):
        lines.append(f"# wavelength = {reduction.wavelength!r}")
    lines += ["#### start data", "#S 1", f"#L {_LABELS[kind]}"]
    lines += [" ".join(repr(float(value)) for value in row) for row in zip(*columns, strict=True)]
    return write_text(path, "\n".join(lines) + "\n")
