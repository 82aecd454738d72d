"""Figures as journals want them: their widths, their smallest letters, the formats they take."""

from __future__ import annotations

from dataclasses import dataclass

from xorder.errors import BadInput
from xorder.figures.drawing import PAGE, Drawing

__all__ = ["FORMATS", "JOURNALS", "Journal", "fit_to_journal"]

#: File formats a figure can be written in.
FORMATS = ("pdf", "svg", "png")
#: Letters of our own style, in points: labels, and the smallest there are.
OWN_LETTERS = 8.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Journal:
    """What a publisher asks of a figure."""

    page: float
    """Width over both columns, in inches."""
    letters: float
    """Size of axis labels, in points."""
    line: float
    """Width of a curve, in points."""


#: From the publishers' guides for authors: RSC 17.1 cm; ACS 7 in; Nature 183 mm, letters of 5 to
#: 7 pt; Wiley 180 mm.
JOURNALS = {
    "rsc": Journal(page=17.1 / 2.54, letters=7.5, line=1.0),
    "acs": Journal(page=7.0, letters=7.5, line=1.0),
    "nature": Journal(page=18.3 / 2.54, letters=7.0, line=0.9),
    "wiley": Journal(page=18.0 / 2.54, letters=8.0, line=1.0),
}


def fit_to_journal(drawing: Drawing, name: str) -> Drawing:
    """Return a drawing brought to a journal's width, letters and lines.

    Raises
    ------
    BadInput
        Where the journal is not one of `JOURNALS`.
    """
    from matplotlib.text import Text

    if name not in JOURNALS:
        raise BadInput(f"there is no style {name!r}", expected="one of " + ", ".join(JOURNALS))
    journal = JOURNALS[name]
    figure = drawing.figure
    wide = journal.page / PAGE
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * wide, height * wide)
    for text in figure.findobj(Text):
        text.set_fontsize(float(text.get_fontsize()) * journal.letters / OWN_LETTERS)
    for ax in figure.axes:
        for curve in ax.get_lines():
            curve.set_linewidth(curve.get_linewidth() * journal.line)
    return drawing
