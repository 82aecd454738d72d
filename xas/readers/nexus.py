"""HDF5 files: NXxas, NXdata of absorption, and the scans of ESRF's BLISS."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from xorder._version import __version__
from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.results import Array
from xorder.store import atomic_path
from xorder.xas.readers.channels import MODES, Columns, Table, spectrum_from_columns
from xorder.xas.readers.detectors import element_columns
from xorder.xas.readers.labels import role_of_label, roles_of_labels
from xorder.xas.spectrum import FEWEST_POINTS, LOWEST_ENERGY, Spectrum

__all__ = ["is_hdf5", "read_hdf5", "write_nexus"]

#: Names of the arrays in NXxas and what they are.
_NXXAS = {"incoming_beam": "i0", "energy": "energy"}
_ABSORBED = {"fluorescence": "ifluor", "electron_yield": "iey"}

#: How NXxas names modes, and those whose μ is a logarithm.
_NXXAS_MODES = {
    "transmission": "Transmission",
    "reference": "Transmission",
    "fluorescence": "Fluorescence Yield",
    "electron_yield": "Total Electron Yield",
}
_LOGARITHMIC = ("transmission", "reference")


def is_hdf5(content: bytes) -> bool:
    """Return whether the content is an HDF5 file."""
    return content[:8] == b"\x89HDF\r\n\x1a\n"


def read_hdf5(
    path: Path,
    *,
    columns: Columns | None = None,
    mode: str | None = None,
    sort: bool = False,
) -> tuple[Spectrum, ...]:
    """Return every entry that is an absorption spectrum, named as its entry.

    An entry's arrays are those of its ``measurement`` (BLISS), of its NXdata, or of an NXxas
    instrument; their names say what they are, `columns` takes names. Units of keV are converted.

    Raises
    ------
    UnreadableFile
        A damaged file, or one without a spectrum; the message says why of the first entry.
    """
    import h5py

    spectra, reasons = [], []
    try:
        with h5py.File(path, "r") as file:
            entries = {
                name: item
                for name, item in file.items()
                if isinstance(item, h5py.Group) and _class_of(item) in ("NXentry", "")
            }
            for name, entry in entries.items():
                try:
                    spectra.append(_spectrum(name, entry, path, columns, mode, sort))
                except BadInput as error:
                    reasons.append(f"entry {name!r}: {error.found}")
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError) as error:
        # What h5py raises for bytes that make no sense has many types.
        raise UnreadableFile(
            f"the HDF5 file is damaged ({error})", expected="a whole file", source=path
        ) from error
    if not spectra:
        raise UnreadableFile(
            reasons[0] if reasons else "the file holds no entry",
            expected="an entry with an energy and signals; name them with columns",
            source=path,
        )
    if reasons:
        message = f"{path}: {len(reasons)} entries are no spectra and were left out: "
        warnings.warn(message + "; ".join(reasons[:5]), DataWarning, stacklevel=4)
    return tuple(spectra)


def write_nexus(spectrum: Spectrum, path: str | Path) -> Path:
    """Write a spectrum as NeXus: NXxas where the incident beam is known, else NXxasproc.

    NXxas holds what was counted, so what is written as ``absorbed_beam`` is the signal that gives
    μ with the incident beam: i0 exp(−μ) in transmission, i0 μ in fluorescence and electron yield.
    μ itself, its standard error and the reference stand beside it in the NXdata. The definition
    asks for the time of the measurement and the ring's name, which are written where the metadata
    say them (``scan.start_time``, ``facility.name``) and never made up.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    import h5py

    path = Path(path)
    # In memory first: a full disk is then one clear error, and no half file stays.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["default"] = "entry"
        file.attrs["creator"] = f"Xorder {__version__}"
        entry = _group(file, "entry", "NXentry", default="data")
        entry["title"] = spectrum.name
        entry["simulated"] = spectrum.simulated
        entry["element"], entry["edge"] = spectrum.element, spectrum.edge
        _group(entry, "sample", "NXsample")["name"] = spectrum.name
        if spectrum.i0 is None:
            _write_processed(entry, spectrum)
        else:
            _write_measured(entry, spectrum, spectrum.i0)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return path


def _write_measured(entry: Any, spectrum: Spectrum, i0: Array) -> None:
    """Write an entry as the application definition NXxas has it."""
    entry["definition"] = "NXxas"
    start = spectrum.metadata.get("scan.start_time")
    if start:
        entry["start_time"] = start
    instrument = _group(entry, "instrument", "NXinstrument")
    source = _group(instrument, "source", "NXsource")
    source["type"], source["probe"] = "Synchrotron X-ray Source", "x-ray"
    source["name"] = spectrum.metadata.get("facility.name", "")
    energy = _dataset(_group(instrument, "monochromator", "NXmonochromator"), "energy", spectrum)
    incident = _group(instrument, "incoming_beam", "NXdetector")
    incident["data"] = i0
    absorbed = _group(instrument, "absorbed_beam", "NXdetector")
    mode = spectrum.mode or "transmission"
    counted = np.exp(-spectrum.mu) if mode in _LOGARITHMIC else spectrum.mu
    absorbed["data"] = i0 * counted
    monitor = _group(entry, "monitor", "NXmonitor")
    monitor["mode"], monitor["preset"] = "timer", 1.0
    monitor["data"] = incident["data"]
    data = _group(entry, "data", "NXdata", signal="mu", axes=["energy"])
    data["energy"], data["absorbed_beam"] = energy, absorbed["data"]
    data["mode"] = _NXXAS_MODES.get(mode, "Transmission")
    _write_channels(data, spectrum)


def _write_processed(entry: Any, spectrum: Spectrum) -> None:
    """Write an entry as the application definition NXxasproc has it."""
    entry["definition"] = "NXxasproc"
    process = _group(entry, "XAS_data_reduction", "NXprocess")
    process["program"], process["version"] = "xorder", __version__
    process["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    _group(process, "parameters", "NXparameters")["raw_file"] = spectrum.source
    data = _group(entry, "data", "NXdata", signal="mu", axes=["energy"])
    _dataset(data, "energy", spectrum)
    _write_channels(data, spectrum)
    # The definition's own name for the signal.
    data["data"] = data["mu"]


def _write_channels(data: Any, spectrum: Spectrum) -> None:
    if spectrum.mode:
        data.attrs["measured_as"] = spectrum.mode
    for name in ("mu", "stderr", "i0", "mu_ref"):
        values = getattr(spectrum, name)
        if values is not None:
            data[name] = values


def _dataset(group: Any, name: str, spectrum: Spectrum) -> Any:
    group[name] = getattr(spectrum, name)
    group[name].attrs["units"] = "eV"
    return group[name]


def _spectrum(
    name: str,
    entry: Any,
    path: Path,
    columns: Columns | None,
    mode: str | None,
    sort: bool,
) -> Spectrum:
    arrays, data = _arrays(entry)
    sizes = [values.shape[0] for values, _ in arrays.values()]
    if not sizes:
        raise UnreadableFile("it holds no one-dimensional arrays", source=path)
    roles_first = [v.shape[0] for n, (v, _) in arrays.items() if role_of_label(n) == "energy"]
    size = (roles_first or [max(sizes, key=sizes.count)])[0]
    kept = {n: item for n, item in arrays.items() if item[0].shape[0] == size}
    if size < FEWEST_POINTS:
        raise UnreadableFile(f"it has {size} points", source=path)
    labels, units = list(kept), [unit for _, unit in kept.values()]
    table = Table(
        values=np.stack([values for values, _ in kept.values()], axis=1),
        labels=tuple(labels),
        units=tuple(units),
        roles=roles_of_labels(labels),
        elements=element_columns(labels),
        path=path,
    )
    stated = _stated_mode(data)
    spectrum = spectrum_from_columns(
        table,
        columns=columns,
        mode=mode,
        sort=sort,
        name=_text(entry.get("title")) or name,
        element=_text(entry.get("element")),
        edge=_text(entry.get("edge")),
        simulated=bool(np.any(entry["simulated"][()])) if "simulated" in entry else False,
        metadata={"entry": name},
    )
    told = stated in MODES and columns is None and mode is None
    return replace(spectrum, mode=stated) if told else spectrum


def _stated_mode(data: Any) -> str:
    """Return how an NXdata says that it was measured, in this package's words."""
    if data is None:
        return ""
    own = _text(data.attrs.get("measured_as"))
    said = own or _text(data.get("mode")).lower()
    if said.endswith("electron yield"):
        return "electron_yield"
    return "fluorescence" if said == "fluorescence yield" else said


def _arrays(entry: Any) -> tuple[dict[str, tuple[Any, str]], Any]:
    """Return the one-dimensional arrays of an entry with their units, and its NXdata."""
    data = next(
        (g for g in _groups(entry) if _class_of(g) == "NXdata" and _one_dimensional(g)), None
    )
    measured = _one_dimensional(place) if (place := entry.get("measurement")) is not None else {}
    if measured:
        return measured, data
    found = _one_dimensional(data) if data is not None else {}
    definition = _text(entry.get("definition"))
    if definition == "NXxasproc" and "mu" not in found and "data" in found:
        found["mu"] = found.pop("data")
    if found and (definition != "NXxas" or "mu" in roles_of_labels(list(found))):
        return found, data
    # What NXxas counted stands with the instrument; its NXdata has no incident beam.
    found.pop("absorbed_beam", None)
    signal = _ABSORBED.get(_stated_mode(data), "itrans")
    for group in _groups(entry.get("instrument")):
        for name, item in _one_dimensional(group).items():
            last = str(group.name).rsplit("/", 1)[-1]
            label = {**_NXXAS, "absorbed_beam": signal}.get(last, "") if name == "data" else name
            found.setdefault(label or f"{last}/{name}", item)
    return found, data


def _one_dimensional(group: Any) -> dict[str, tuple[Any, str]]:
    import h5py

    found = {}
    for name in group:
        # A link whose file is elsewhere stands as nothing.
        item = group.get(name)
        if isinstance(item, h5py.Dataset) and item.ndim == 1 and item.dtype.kind in "fiu":
            unit = _text(item.attrs.get("units"))
            values = np.asarray(item[()], dtype=float)
            if not unit and role_of_label(name) == "energy" and values.size:
                unit = "keV" if np.nanmax(values) < LOWEST_ENERGY else ""
            found[name] = (values, unit)
    return found


def _groups(place: Any) -> list[Any]:
    import h5py

    if not isinstance(place, h5py.Group):
        return []
    items = (place.get(name) for name in place)
    return [item for item in items if isinstance(item, h5py.Group)]


def _group(parent: Any, name: str, kind: str, **attributes: Any) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    for key, value in attributes.items():
        group.attrs[key] = value
    return group


def _class_of(group: Any) -> str:
    return _text(group.attrs.get("NX_class"))


def _text(value: Any) -> str:
    """Return what an attribute or a scalar dataset says, empty for anything else."""
    import h5py

    if isinstance(value, h5py.Dataset):
        value = value[()] if value.shape == () else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
