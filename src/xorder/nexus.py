"""What NeXus calls the results of a sample: its application definitions, as links.

`NXxasproc` for a normalized spectrum, `NXmonopd` for a powder pattern. What a definition asks for
and no measured file says (the name of the source, the monitor of the beam) is left out, never made
up. There is no definition for G(r): it stands as plain NXdata.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["link_definitions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Definition:
    """An application definition over the results of one probe."""

    name: str
    groups: Mapping[str, str]
    """NeXus class of each group."""
    links: Mapping[str, str]
    """Fields, and the datasets of the analysis that they are."""
    signal: str
    axes: Sequence[str]


_DEFINITIONS = {
    "xas": _Definition(
        name="NXxasproc",
        groups={"sample": "NXsample", "data": "NXdata"},
        links={"data/energy": "normalized/energy", "data/data": "normalized/norm"},
        signal="data",
        axes=("energy",),
    ),
    "diffraction": _Definition(
        name="NXmonopd",
        groups={
            "instrument": "NXinstrument",
            "instrument/crystal": "NXcrystal",
            "instrument/detector": "NXdetector",
            "sample": "NXsample",
            "data": "NXdata",
        },
        links={
            "instrument/crystal/wavelength": "pattern/wavelength/wavelengths",
            "instrument/detector/polar_angle": "pattern/two_theta",
            "instrument/detector/data": "pattern/intensity",
            "data/polar_angle": "pattern/two_theta",
            "data/data": "pattern/intensity",
        },
        signal="data",
        axes=("polar_angle",),
    ),
}


def link_definitions(entry: Any, results: Mapping[str, Any], title: str) -> None:
    """Add an NXsubentry to an open NXentry for each result that has an application definition.

    Parameters
    ----------
    entry
        The HDF5 group of the entry, with the results in it.
    results
        The results by name; those of a probe bear its name.
    title
        Title of the entry, and name of the sample.
    """
    for probe, result in results.items():
        definition = _DEFINITIONS.get(probe)
        if definition is None or any(
            path not in entry[probe] for path in definition.links.values()
        ):
            continue
        own = _group(entry, f"{probe}_{definition.name}", "NXsubentry")
        own["title"] = title
        own["definition"] = definition.name
        for path, nx_class in definition.groups.items():
            _group(own, path, nx_class)
        own["sample/name"] = title
        for path, target in definition.links.items():
            own[path] = entry[f"{probe}/{target}"]
        own["data"].attrs.update(signal=definition.signal, axes=list(definition.axes))
        own.attrs["default"] = "data"
        if definition.name == "NXxasproc":
            _write_reduction(own, result)


def _write_reduction(own: Any, result: Any) -> None:
    made = result.provenance
    process = _group(own, "XAS_data_reduction", "NXprocess")
    parameters = _group(process, "parameters", "NXparameters")
    if made is None:
        return
    process["program"] = "xorder"
    process["version"] = made.version
    process["date"] = made.time
    files = [item.get("path", "") for item in made.parameters.get("files") or [] if item]
    parameters["raw_file"] = ", ".join(files)


def _group(parent: Any, path: str, nx_class: str) -> Any:
    group = parent.create_group(path, track_order=True)
    group.attrs["NX_class"] = nx_class
    return group
