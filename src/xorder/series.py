"""The manifest of a sample series: what was measured, where it lies, how it is analysed."""

from __future__ import annotations

import difflib
import functools
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

from xorder.errors import BadInput, BadManifest, MissingFile
from xorder.store import file_stem

__all__ = ["PROBES", "ProbeInput", "Sample", "Series", "load_series", "series_from_files"]

#: The probes and the classes of their recipes, in the order of the length they see.
PROBES = {
    "xas": ("xorder.xas.options", "XasRecipe"),
    "pdf": ("xorder.pdf.options", "PdfRecipe"),
    "diffraction": ("xorder.diffraction.options", "DiffractionRecipe"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeInput:
    """The files of one sample for one probe, and the recipe that analyses them."""

    patterns: tuple[str, ...]
    """Paths or ``*`` patterns, relative to `folder`."""
    folder: Path
    """Folder of the manifest."""
    recipe: Any
    """The probe's recipe, the sample's own settings over those of the series."""

    def files(self) -> tuple[Path, ...]:
        """Return the files that the patterns name, sorted within each pattern.

        Raises
        ------
        MissingFile
            Where a path or pattern names nothing.
        """
        found: list[Path] = []
        for pattern in self.patterns:
            matches = sorted(self._matches(pattern))
            if not matches:
                raise MissingFile(
                    "no such file",
                    expected="a path or * pattern relative to the manifest",
                    source=os.path.normpath(self.folder / pattern),
                )
            found += [path for path in matches if path not in found]
        return tuple(found)

    def _matches(self, pattern: str) -> Iterator[Path]:
        path = Path(os.path.normpath(self.folder / pattern))
        if path.is_file():
            yield path
        elif any(letter in pattern for letter in "*?["):
            anchor, relative = (
                (Path(path.anchor), str(path.relative_to(path.anchor)))
                if Path(pattern).is_absolute()
                else (self.folder, pattern)
            )
            yield from (match for match in anchor.glob(relative) if match.is_file())


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One sample of the series."""

    name: str
    """Name, unique in the series."""
    slug: str
    """Name as part of a file name."""
    order: float | None = None
    """Value of the variable that orders the series, such as hours of milling."""
    composition: str = ""
    """Chemical formula."""
    conductivity: float | None = None
    """Ionic conductivity at 25 °C, S/cm."""
    conductivity_stderr: float | None = None
    """Standard error of `conductivity`, S/cm."""
    probes: Mapping[str, ProbeInput]
    """Files and recipe of each probe that saw the sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """A sample series as its manifest describes it."""

    name: str
    """Name of the series."""
    order: str = ""
    """What orders the samples, with unit, such as ``"milling time (h)"``."""
    simulated: bool = False
    """Whether the data were simulated; then every file and figure says so."""
    ends: tuple[str, str] | None = None
    """The crystalline and the amorphous end member, by name; None where the series has none."""
    watch: tuple[str, float | None, float | None] | None = None
    """What counting is for: name of a number, its standard error, the same relative to the value.

    One of the two is None; all of it where the manifest has no table ``[watch]``.
    """
    samples: tuple[Sample, ...]
    """The samples, in the order of the manifest."""
    path: Path
    """The manifest."""


def load_series(path: str | Path) -> Series:
    """Read and check a manifest.

    Files named in it are looked for when their sample is analysed, so that one missing file costs
    one sample only.

    Raises
    ------
    MissingFile
        Where there is no manifest.
    BadManifest
        Where a key is unknown or missing, or a value is not what its key needs; every fault is
        named on a line of its own.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "series.toml"
    text = _read(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadManifest(f"not valid TOML: {error}", source=path) from error
    from xorder.manifest import Manifest

    faults: list[str] = []
    manifest = _validated(Manifest, table, "", faults)
    if manifest is None:
        raise _bad(path, text, faults)
    samples = [
        _sample(entry, index, table, path.resolve().parent, faults)
        for index, entry in enumerate(manifest.samples)
    ]
    faults += _repeated([sample.name for sample in samples], [sample.slug for sample in samples])
    ends = _ends(manifest.series, samples, faults)
    watch = _watch(manifest.watch, faults)
    if faults:
        raise _bad(path, text, faults)
    return Series(
        name=manifest.series.name,
        order=manifest.series.order,
        simulated=manifest.series.simulated,
        ends=ends,
        watch=watch,
        samples=tuple(samples),
        path=path.resolve(),
    )


def series_from_files(
    probe: str, files: Sequence[Path], recipe: Any, *, together: bool = False
) -> Series:
    """Return a series of one probe without a manifest: each file a sample, named by its stem.

    Parameters
    ----------
    probe
        One of `PROBES`.
    files
        The files.
    recipe
        The probe's recipe.
    together
        Take all files as one sample.
    """
    groups = [list(files)] if together else [[path] for path in files]
    here = Path.cwd()
    names: list[str] = []
    counts: Counter[str] = Counter()
    for group in groups:
        stem = group[0].stem
        counts[stem] += 1
        names.append(f"{stem} ({counts[stem]})" if counts[stem] > 1 else stem)
    samples = [
        Sample(
            name=name,
            slug=file_stem(name) or "sample",
            probes={probe: ProbeInput(patterns=tuple(map(str, group)), folder=here, recipe=recipe)},
        )
        for name, group in zip(names, groups, strict=True)
    ]
    return Series(name=f"{probe} of {len(files)} files", samples=tuple(samples), path=here)


def _read(path: Path) -> str:
    if not path.is_file():
        raise MissingFile(
            "no such manifest", expected="a series.toml (`xorder example` makes one)", source=path
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadManifest("not a text file in UTF-8", expected="TOML", source=path) from error
    except OSError as error:
        raise BadManifest(f"cannot be read: {error.strerror}", source=path) from error


def _validated(model: Any, value: Any, where: str, faults: list[str]) -> Any:
    """Return `value` as `model`, or None with every fault noted."""
    from pydantic import ValidationError

    try:
        return _adapter(model).validate_python(value)
    except ValidationError as error:
        faults += [_fault(model, where, item) for item in error.errors(include_url=False)]
    except BadInput as error:
        faults.append(f"{where}: {error}" if where else str(error))
    return None


@functools.cache
def _adapter(model: Any) -> Any:
    """Return the validator of a class; to build one takes longer than a hundred samples."""
    from pydantic import TypeAdapter

    return TypeAdapter(model)


def _fault(model: Any, where: str, error: Any) -> str:
    """Return one fault of a pydantic error as: key, what was found, what was expected."""
    location = [str(part) for part in error["loc"]]
    key = ".".join([where, *location] if where else location)
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        near = difflib.get_close_matches(location[-1], _known_keys(model, location), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{key}: unknown key{hint}"
    if error["type"] in ("missing", "missing_keyword_only_argument"):
        return f"{key}: missing"
    wrapped = error.get("ctx", {}).get("error")
    if isinstance(wrapped, BadInput):
        return f"{key}: {wrapped}"
    return f"{key}: found {error['input']!r}; {error['msg'][:1].lower()}{error['msg'][1:]}"


def _known_keys(model: Any, location: Sequence[str]) -> list[str]:
    """Return the keys a table can have: the model's, or those of a table within it."""
    for part in location[:-1]:
        inner = None if part.isdigit() else _table_kind(_hints(model).get(part))
        model = inner or model
    return list(_hints(model))


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the annotations of a class's keys."""
    if hasattr(kind, "model_fields"):
        return {key: info.annotation for key, info in kind.model_fields.items()}
    annotations = get_type_hints(kind)
    return {f.name: annotations[f.name] for f in fields(kind)}


def _table_kind(annotation: Any) -> Any:
    """Return the class of options that an annotation holds, alone or in a tuple, or None."""
    if hasattr(annotation, "model_fields") or (
        isinstance(annotation, type) and is_dataclass(annotation)
    ):
        return annotation
    found = (_table_kind(argument) for argument in get_args(annotation))
    return next((kind for kind in found if kind is not None), None)


def _sample(
    entry: Any, index: int, table: Mapping[str, Any], folder: Path, faults: list[str]
) -> Sample:
    where = f"samples[{index}] ({entry.name})"
    probes = {}
    for probe in PROBES:
        own = getattr(entry, probe)
        if own is not None:
            order_name = table["series"].get("order", "")
            common = {**table.get(probe, {}), **_of_sample(probe, entry, order_name)}
            given = _probe_input(probe, own, common, folder, where, faults)
            if given is not None:
                probes[probe] = given
    if not probes and not any(fault.startswith(where) for fault in faults):
        faults.append(f"{where}: no data; expected a table " + ", ".join(PROBES))
    if entry.composition:
        faults += [
            f"{where}.composition: {fault}" for fault in _composition_fault(entry.composition)
        ]
    return Sample(
        name=entry.name,
        slug=file_stem(entry.name) or f"sample_{index + 1}",
        order=entry.order,
        composition=entry.composition,
        conductivity=entry.conductivity,
        conductivity_stderr=entry.conductivity_stderr,
        probes=probes,
    )


def _of_sample(probe: str, entry: Any, order_name: str) -> dict[str, Any]:
    """Return what a probe's recipe takes from the sample itself: composition, order …"""
    module, name = PROBES[probe]
    keys = {f.name for f in fields(getattr(import_module(module), name))}
    known = {
        "composition": entry.composition,
        "order_value": entry.order,
        "order_name": order_name,
        "conductivity": entry.conductivity,
    }
    return {key: known[key] for key in known.keys() & keys if known[key] not in (None, "")}


def _probe_input(
    probe: str,
    own: Mapping[str, Any],
    common: Mapping[str, Any],
    folder: Path,
    where: str,
    faults: list[str],
) -> ProbeInput | None:
    settings = _merged(common, own)
    patterns = settings.pop("files", [])
    patterns = [patterns] if isinstance(patterns, str) else patterns
    if (
        not isinstance(patterns, list)
        or not patterns
        or not all(isinstance(p, str) and p.strip() for p in patterns)
    ):
        faults.append(f"{where}.{probe}.files: found {own.get('files')!r}; expected file names")
        return None
    module, name = PROBES[probe]
    kind = getattr(import_module(module), name)
    recipe = _validated(kind, _with_paths(kind, settings, folder), f"{where}.{probe}", faults)
    if recipe is None:
        return None
    return ProbeInput(patterns=tuple(patterns), folder=folder, recipe=recipe)


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sample's own settings over those of the series, table by table."""
    both = {
        key: _merged(common[key], own[key])
        for key in common.keys() & own.keys()
        if isinstance(common[key], Mapping) and isinstance(own[key], Mapping)
    }
    return {**common, **own, **both}


def _with_paths(kind: Any, settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Make those values absolute that are paths of files beside the manifest, tables included."""

    def absolute(value: Any) -> Any:
        if isinstance(value, str) and value and (folder / value).is_file():
            return str(folder / value)
        if isinstance(value, (list, tuple)):
            return [absolute(item) for item in value]
        if isinstance(value, Mapping):
            return {key: absolute(item) for key, item in value.items()}
        return value

    def resolved(key: str, item: Any) -> Any:
        inner = _table_kind(hints.get(key))
        if key in paths:
            return absolute(item)
        if inner is not None and isinstance(item, Mapping):
            return _with_paths(inner, item, folder)
        if inner is not None and isinstance(item, (list, tuple)):
            return [
                _with_paths(inner, one, folder) if isinstance(one, Mapping) else one for one in item
            ]
        return item

    hints = _hints(kind)
    paths = {f.name for f in fields(kind) if f.metadata.get("path")}
    return {key: resolved(key, item) for key, item in settings.items()}


def _composition_fault(formula: str) -> list[str]:
    from xorder.scattering import atomic_number

    if not re.fullmatch(r"[A-Za-z0-9.()\[\]·∙\s+\-−]+", formula):
        return [f"found {formula!r}; expected a formula such as 'NaTaCl6'"]
    faults = []
    for symbol in re.findall(r"[A-Z][a-z]?|[a-z]+", formula):
        try:
            atomic_number(symbol)
        except BadInput as error:
            faults.append(str(error))
    return faults


def _ends(table: Any, samples: Sequence[Sample], faults: list[str]) -> tuple[str, str] | None:
    """Return the end members the manifest names, else the first and last in a complete order."""
    given = {"crystalline": table.crystalline, "amorphous": table.amorphous}
    names = [sample.name for sample in samples]
    if any(given.values()):
        faults += [
            f"series.{key}: found {name!r}; expected the name of a sample: {', '.join(names)}"
            for key, name in given.items()
            if name not in names
        ]
        if table.crystalline == table.amorphous:
            faults.append(f"series.amorphous: found {table.amorphous!r} for both end members")
        return table.crystalline, table.amorphous
    orders = [sample.order for sample in samples if sample.order is not None]
    one_substance = len({sample.composition for sample in samples}) == 1
    if len(samples) < 3 or not one_substance or len(set(orders)) < len(samples):
        return None
    return names[orders.index(min(orders))], names[orders.index(max(orders))]


def _watch(table: Any, faults: list[str]) -> tuple[str, float | None, float | None] | None:
    """Return what counting is for."""
    if table is None:
        return None
    if (table.stderr is None) == (table.relative is None):
        faults.append("watch: expected one of stderr and relative beside target")
    return table.target, table.stderr, table.relative


def _repeated(names: Sequence[str], slugs: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    faults = []
    for index, slug in enumerate(slugs):
        if slug.lower() in seen:
            faults.append(
                f"samples[{index}] ({names[index]}): the name is used before; "
                "expected names that differ in letters or digits"
            )
        seen.add(slug.lower())
    return faults


def _bad(path: Path, text: str, faults: Sequence[str]) -> BadManifest:
    if len(faults) == 1:
        return BadManifest(faults[0], source=path, line=_line_of(text, faults[0]))
    return BadManifest("\n  ".join([f"{len(faults)} faults", *faults]), source=path)


def _line_of(text: str, fault: str) -> int | None:
    """Return the line of the key a fault names, where only one line sets that key."""
    key = fault.split(":")[0].rsplit(".", 1)[-1]
    lines = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if re.search(rf"(^|[\s{{,]){re.escape(key)}\s*=", line)
    ]
    return lines[0] if len(lines) == 1 else None
