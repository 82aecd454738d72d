"""A figure with the data it shows, one style for all of them, and how they reach the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xorder.store import atomic_path, write_text

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLUMN", "PAGE", "Drawing", "mark_simulated", "new_figure", "panel_label", "style"]

#: Widths of one column and of a page in inches.
COLUMN, PAGE = 3.35, 7.0

#: Okabe & Ito (2008): colours told apart by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "legend.fontsize": 7.0,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "axes.linewidth": 0.7,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "xtick.top": True,
    "ytick.right": True,
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "xorder",
    "image.cmap": "viridis",
}


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Drawing:
    """A figure and the data drawn in it."""

    name: str
    """File name without extension."""
    figure: Figure
    """The Matplotlib figure."""
    tables: Mapping[str, pandas.DataFrame] = field(default_factory=dict)
    """The plotted data, one table a panel; column names carry units, such as ``"k (Å⁻¹)"``."""

    def save(self, folder: Path, formats: tuple[str, ...] = ("pdf", "png")) -> list[Path]:
        """Write the figure in each format and its tables as CSV; return the paths.

        Drawn again from the same numbers, the files are the same bytes.

        Raises
        ------
        CannotWrite
            Where the folder cannot be written.
        """
        written = []
        undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
        for kind in formats:
            path = folder / f"{self.name}.{kind}"
            with style(), atomic_path(path) as temporary:
                self.figure.savefig(temporary, format=kind, metadata=undated.get(kind, {}))
            written.append(path)
        for panel, table in self.tables.items():
            text = table.to_csv(index=False, float_format="%.8g", lineterminator="\n")
            written.append(write_text(folder / f"{self.name}_{panel}.csv", text))
        return written


@contextmanager
def style() -> Iterator[None]:
    """Apply the figure style inside a ``with`` block."""
    import matplotlib
    from cycler import cycler

    with matplotlib.rc_context({**_STYLE, "axes.prop_cycle": cycler(color=list(COLOURS))}):
        yield


def new_figure(
    rows: int = 1, columns: int = 1, *, width: float = PAGE, height: float = 2.6
) -> tuple[Figure, list[Axes]]:
    """Return a figure outside pyplot, and its axes row by row.

    Parameters
    ----------
    rows, columns
        Panels.
    width, height
        Size in inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.ravel())


def panel_label(ax: Axes, label: str) -> None:
    """Write ``(a)`` above the upper left corner of a panel."""
    ax.set_title(f"({label})", loc="left", fontweight="bold", fontsize=8.0)


def mark_simulated(figure: Figure) -> None:
    """Write "simulated" where nobody can miss it."""
    figure.suptitle("simulated data", fontsize=7.0, color="#555555", x=0.99, ha="right")
