"""The report of a run: one HTML file that opens anywhere, without a network.

Warnings come first, then the samples, the figures as vector drawings, every number, and last where
all of it comes from.
"""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xorder._version import __version__
from xorder.batch import Outcome
from xorder.errors import MissingExtra
from xorder.figures.captions import caption_of
from xorder.figures.drawing import Drawing, style
from xorder.redraw import drawings_of
from xorder.results import Number
from xorder.run import Run
from xorder.store import write_text

if TYPE_CHECKING:
    import pandas

__all__ = ["write_report"]

#: Curves and marks with more points than this are pictures inside the vector drawing.
HEAVY = 1500
#: Points of a curve in an interactive block.
INTERACTIVE_POINTS = 1200


def write_report(run: Run, path: str | Path, *, interactive: bool = False) -> Path:
    """Write the report of a run as one self-contained HTML file.

    Parameters
    ----------
    run
        What `run_series` or `open_run` returned.
    path
        The file.
    interactive
        Add curves that can be zoomed, of the data in each figure; plotly's script makes the file
        5 MB larger.

    Raises
    ------
    MissingExtra
        Where interactive curves are asked for and plotly is not installed.
    CannotWrite
        Where the file cannot be written.
    """
    from jinja2 import Environment, PackageLoader

    environment = Environment(
        loader=PackageLoader("xorder"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    columns, samples = _samples(run)
    text = environment.get_template("report.html").render(
        title=run.series.name,
        simulated=run.series.simulated,
        version=__version__,
        time=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        failures=[
            {"who": " ".join((f.sample, f.probe)).strip(), "message": f.message}
            for f in run.failures
        ],
        messages=_messages(run),
        columns=columns,
        samples=samples,
        figures=list(_figures(run, interactive)),
        manifest=str(run.series.path),
        plotly=_plotly() if interactive else "",
    )
    return write_text(Path(path), text)


def _messages(run: Run) -> list[dict[str, str]]:
    """Return what was said, each text once with whom it is about."""
    said: dict[str, list[str]] = {}
    for outcome in run.outcomes:
        for message in outcome.messages:
            said.setdefault(message, []).append(outcome.sample.name)
    every = len(run.outcomes)
    found = [{"who": "the run", "text": text} for text in run.messages]
    for name, comparison in run.comparisons.items():
        found += [{"who": f"{name}, compared", "text": text} for text in comparison.messages]
    for text, names in said.items():
        who = "all samples" if len(names) == every > 1 else ", ".join(names)
        found.append({"who": who, "text": text})
    return found


def _samples(run: Run) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the columns of the table of samples, and its rows with all that is said of each."""
    order = run.series.order or "order"
    columns = [
        {"title": "sample", "number": False},
        {"title": order, "number": True},
        {"title": "composition", "number": False},
        {"title": "conductivity (S/cm)", "number": True},
        {"title": "amorphous mass", "number": True},
        {"title": "analysed by", "number": False},
    ]
    scale = run.comparisons.get("amorphization")
    rows: list[dict[str, Any]] = []
    for outcome in run.outcomes:
        sample = outcome.sample
        numbers = _numbers(run, outcome)
        mass = [
            number
            for number in (scale.sample_numbers.get(sample.name, ()) if scale else ())
            if number.name == "amorphous_mass"
        ]
        cells = [
            sample.name,
            "" if sample.order is None else f"{sample.order:g}",
            sample.composition,
            "" if sample.conductivity is None else f"{sample.conductivity:.3g}",
            _with_error(mass[0]) if mass else "",
            ", ".join(outcome.kinds) or "nothing",
        ]
        rows.append(
            {
                "name": sample.name,
                "cells": cells,
                "numbers": {
                    probe: [_row(number) for number in found] for probe, found in numbers.items()
                },
                "count": sum(len(found) for found in numbers.values()),
                "provenance": list(_provenance(outcome)),
            }
        )
    filled = [i for i in range(len(columns)) if any(row["cells"][i] for row in rows)]
    for row in rows:
        row["cells"] = [row["cells"][i] for i in filled]
    return [columns[i] for i in filled], rows


def _numbers(run: Run, outcome: Outcome) -> dict[str, tuple[Number, ...]]:
    numbers = dict(outcome.numbers)
    for name, found in run.comparisons.items():
        more = found.sample_numbers.get(outcome.sample.name, ())
        if more:
            numbers[f"{name}, compared"] = tuple(more)
    return numbers


def _row(number: Number) -> dict[str, str]:
    value, stderr = _rounded(number.value, number.stderr)
    return {
        "name": number.name,
        "value": value,
        "stderr": stderr,
        "unit": number.unit,
        "note": number.note,
    }


def _rounded(value: float, stderr: float) -> tuple[str, str]:
    """Return a value to the second digit of its standard error, and that error."""
    if not math.isfinite(value):
        return "–", "–"
    if not (math.isfinite(stderr) and stderr > 0):
        return f"{value:.6g}", "–"
    decimals = 1 - math.floor(math.log10(stderr))
    if 0 <= decimals <= 8:
        return f"{value:.{decimals}f}", f"{stderr:.{decimals}f}"
    digits = max(2, decimals + 1 + math.floor(math.log10(max(abs(value), stderr))))
    return f"{value:.{digits}g}", f"{stderr:.2g}"


def _with_error(number: Number) -> str:
    row = _row(number)
    return f"{row['value']} ± {row['stderr']}"


def _provenance(outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Yield how each analysis of a sample was made."""
    for probe, analysis in outcome.analyses.items():
        made = analysis.provenance
        if made is None:
            continue
        parameters = dict(made.parameters)
        files = [item for item in parameters.get("files") or [] if isinstance(item, dict)]
        recipe = json.dumps(parameters.get("recipe"), ensure_ascii=False, default=str)
        yield {
            "probe": probe,
            "function": made.function,
            "version": made.version,
            "time": made.time,
            "files": files,
            "recipe": recipe,
        }


def _figures(run: Run, interactive: bool) -> Iterator[dict[str, str]]:
    # The series on one scale says most, and comes first.
    drawings = sorted(drawings_of(run), key=lambda drawing: drawing.name != "amorphization")
    for index, drawing in enumerate(drawings):
        yield {
            "name": drawing.name,
            "caption": caption_of(drawing.name),
            "svg": _svg(drawing, index),
            "interactive": _interactive(drawing) if interactive else "",
        }


def _svg(drawing: Drawing, index: int) -> str:
    """Return a drawing as SVG to stand inside a page with others."""
    import numpy as np
    from matplotlib.collections import Collection

    for ax in drawing.figure.axes:
        for curve in ax.get_lines():
            marked = curve.get_marker() not in ("None", None, "", " ")
            if np.shape(curve.get_xdata())[0] > (HEAVY // 5 if marked else HEAVY):
                curve.set_rasterized(True)
        for patches in ax.collections:
            if isinstance(patches, Collection) and len(patches.get_paths()) > HEAVY // 5:
                patches.set_rasterized(True)
    buffer = io.StringIO()
    with style():
        drawing.figure.savefig(buffer, format="svg", dpi=170, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Names inside a drawing must not meet those of another.
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>f{index}-", text)
    return re.sub(r"\n\s*", "\n", text)


def _interactive(drawing: Drawing) -> str:
    """Return blocks for plotly: the data of each panel that is curves over one axis."""
    blocks = []
    for panel, table in drawing.tables.items():
        traces = list(_traces(table))
        if traces:
            layout = {
                "height": 380,
                "margin": {"t": 30, "r": 10},
                "title": {"text": f"{drawing.name} ({panel})", "font": {"size": 13}},
                "xaxis": {"title": {"text": str(table.columns[0])}},
            }
            data = json.dumps([traces, layout], ensure_ascii=False, allow_nan=False)
            quoted = data.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
            blocks.append(f'<div class="plot" data-plot="{quoted}"></div>')
    return "".join(blocks)


def _traces(table: pandas.DataFrame) -> Iterator[dict[str, Any]]:
    import numpy as np

    numeric = table.select_dtypes("number")
    if len(numeric.columns) < 2 or numeric.columns[0] != table.columns[0] or len(table) < 3:
        return
    keep = np.unique(np.linspace(0, len(table) - 1, INTERACTIVE_POINTS).astype(int))
    x = _plain(numeric.iloc[keep, 0].tolist())
    for name in numeric.columns[1:]:
        values = _plain(numeric[name].iloc[keep].tolist())
        yield {"x": x, "y": values, "name": str(name), "mode": "lines"}


def _plain(values: Sequence[float]) -> list[float | None]:
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtra(
            "plotly is not installed", expected="`pip install 'xorder[report]'`"
        ) from error
    return str(get_plotlyjs())
