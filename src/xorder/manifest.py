"""The tables of series.toml as pydantic models; loaded only when a manifest is read."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

__all__ = ["Manifest", "SampleTable", "SeriesTable", "WatchTable"]

_STRICT = ConfigDict(extra="forbid")

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SeriesTable(BaseModel):
    """``[series]``: what the series is."""

    model_config = _STRICT
    name: Name
    order: str = ""
    simulated: bool = False
    crystalline: str = ""
    amorphous: str = ""


class SampleTable(BaseModel):
    """``[[samples]]``: one sample. A probe's table has ``files`` and settings of its own."""

    model_config = _STRICT
    name: Name
    order: Finite | None = None
    composition: str = ""
    conductivity: Positive | None = None
    conductivity_stderr: Positive | None = None
    xas: dict[str, Any] | None = None
    pdf: dict[str, Any] | None = None
    diffraction: dict[str, Any] | None = None


class WatchTable(BaseModel):
    """``[watch]``: the number that counting is for, and the error it is to reach."""

    model_config = _STRICT
    target: Name
    stderr: Positive | None = None
    relative: Positive | None = None


class Manifest(BaseModel):
    """The whole file. A probe's table is the recipe of all samples."""

    model_config = _STRICT
    series: SeriesTable
    watch: WatchTable | None = None
    xas: dict[str, Any] = {}
    pdf: dict[str, Any] = {}
    diffraction: dict[str, Any] = {}
    samples: Annotated[list[SampleTable], Field(min_length=1)]
