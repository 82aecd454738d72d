"""SPEC files: scans of a diffractometer program's counters, several in one file."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np

from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.xas.readers.channels import Columns, Table, spectrum_from_columns
from xorder.xas.readers.detectors import element_columns
from xorder.xas.readers.labels import roles_of_labels
from xorder.xas.readers.text import table_from_lines
from xorder.xas.spectrum import LOWEST_ENERGY, Spectrum

__all__ = ["is_spec", "read_spec"]


def is_spec(text: str) -> bool:
    """Return whether the text is a SPEC file."""
    return bool(re.match(r"^#F\s", text)) or bool(
        re.match(r"^#S\s+\d+\s", text) and re.search(r"^#L\s", text, re.MULTILINE)
    )


def read_spec(
    text: str,
    path: Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> tuple[Spectrum, ...]:
    """Return every scan that is an absorption spectrum, named ``"scan 3"``.

    Energies below 100 are keV, as SPEC counts them. Scans without an energy or a signal, aborted
    ones among them, are left out with a DataWarning.

    Raises
    ------
    UnreadableFile
        Where no scan is a spectrum; the message says why of the first.
    """
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if re.match(r"^#S\s+\d+", line)]
    spectra, reasons = [], []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=False):
        number = lines[start].split()[1]
        try:
            spectra.append(_scan(lines[start:end], start, number, path, columns, mode, sort))
        except BadInput as error:
            reasons.append(f"scan {number}: {error.found}")
    if not spectra:
        raise UnreadableFile(
            reasons[0] if reasons else "the file holds no scan",
            expected="a scan over energy; columns={'energy': …, 'i0': …, 'itrans': …} by label",
            source=path,
        )
    if reasons:
        message = f"{path}: {len(reasons)} scans are no spectra and were left out: "
        warnings.warn(message + "; ".join(reasons[:5]), DataWarning, stacklevel=4)
    return tuple(spectra)


def _scan(
    lines: list[str],
    offset: int,
    number: str,
    path: Path,
    columns: Columns | None,
    mode: str | None,
    sort: bool,
) -> Spectrum:
    said = next((line[2:].strip() for line in lines if line.startswith("#L")), "")
    labels = [label for label in re.split(r"\s{2,}|\t", said) if label]
    body, continued = [], False
    for line in lines:
        # An MCA's counts stand in lines of their own, from @ on; a backslash continues them.
        spectrum_of_mca = continued or line.startswith("@")
        continued = spectrum_of_mca and line.rstrip().endswith("\\")
        body.append("" if spectrum_of_mca or line.startswith("#") else line)
    found = table_from_lines([""] * offset + body, path)
    values = found.table
    if values.shape[1] != len(labels):
        raise UnreadableFile(
            f"the scan names {len(labels)} columns and has {values.shape[1]}", source=path
        )
    roles = roles_of_labels(labels)
    units = ["" for _ in labels]
    if "energy" in roles and np.nanmax(values[:, roles["energy"]]) < LOWEST_ENERGY:
        units[roles["energy"]] = "keV"
    table = Table(
        values=values,
        labels=tuple(labels),
        units=tuple(units),
        roles=roles,
        elements=element_columns(labels),
        path=path,
    )
    return spectrum_from_columns(
        table,
        columns=columns,
        mode=mode,
        sort=sort,
        name=f"scan {number}",
        metadata={"scan": lines[0][2:].strip()},
        messages=found.messages,
    )
