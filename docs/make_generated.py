"""Write docs/generated: the commands, the figures of the packaged example, the notebooks.

Run `python docs/make_generated.py`, or let the build of the documentation do it. Nothing of it is
kept in the repository.
"""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xorder.run import Run

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
GENERATED = DOCS / "generated"
COMMANDS = """\
# Command line

Every command with its options, as `xorder COMMAND --help` prints them. Exit status: 0 well, 1
samples failed, 2 bad input, 3 a fault of Xorder itself, 130 interrupted. Any command takes
`--debug` for a Python traceback.

"""
GALLERY = """\
# Gallery

Every figure that `xorder run` draws of the packaged example: **simulated** data, computed and drawn
when this page was built. What a figure corresponds to in the literature stands in
[Figures](../figures.md). The numbers behind each panel are written beside it as CSV.

"""
FIGURE = """\
## {name}

```{{figure}} figures/{file}
:alt: {name}, simulated
:width: 100%

{caption}
```
"""


def commands() -> str:
    """Return the reference of the command line as Markdown, made from the commands themselves."""
    from xorder.cli import app

    text = app.generate_docs(output_format="markdown", heading_level=1)
    # What stands before the first group is its table of contents, which the page has already.
    body = text[text.index("\n## xorder ") + 1 :]
    return COMMANDS + body


def write_gallery(folder: Path) -> str:
    """Run the packaged example, copy its figures into a folder and return the page of them."""
    from xorder import load_series, run_series
    from xorder.errors import XorderWarning
    from xorder.example import write_example
    from xorder.figures.captions import caption_of

    example = ROOT / "example"
    manifest = example / "series.toml"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XorderWarning)
        if not manifest.is_file():
            write_example(example)
        run = run_series(load_series(manifest), example / "results")
    folder.mkdir(exist_ok=True)
    parts = [GALLERY]
    for path in run.figures:
        if path.suffix == ".png":
            shutil.copyfile(path, folder / path.name)
            caption = f"{caption_of(path.stem)}. Simulated."
            parts.append(FIGURE.format(name=path.stem, file=path.name, caption=caption))
    draw_recovered(run, folder / "recovered.png")
    return "\n".join(parts)


def draw_recovered(run: Run, path: Path) -> None:
    """Draw the amorphous mass that was found against that which was put in."""
    from xorder.example import MILLING_SERIES
    from xorder.figures.drawing import mark_simulated, new_figure, style

    table = run.to_dataframe().set_index("sample")
    truth = {milled.name: milled.amorphous for milled in MILLING_SERIES}
    measures = {
        "PDF": ("mass_fraction_amorphous", 1.0, "o", -0.01),
        "XRD, calibrated halo": ("amorphous (calibrated halo)", 0.01, "s", 0.01),
    }
    with style():
        figure, (left, right) = new_figure(1, 2, height=2.8)
        left.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        right.axhline(0.0, color="0.6", linewidth=0.8)
        for label, (name, factor, marker, aside) in measures.items():
            found = table[table.name == name]
            true = found.index.map(truth)
            value, stderr = factor * found.value, factor * found.stderr
            left.errorbar(true + aside, value, stderr, fmt=marker, markersize=4, label=label)
            right.errorbar(true + aside, value - true, stderr, fmt=marker, markersize=4)
        left.set(xlabel="amorphous mass put in", ylabel="amorphous mass found")
        right.set(xlabel="amorphous mass put in", ylabel="found minus put in")
        left.legend()
        mark_simulated(figure)
    figure.savefig(path, dpi=200)


def write() -> None:
    """Write everything."""
    GENERATED.mkdir(exist_ok=True)
    put(GENERATED / "commands.md", commands())
    put(GENERATED / "gallery.md", write_gallery(GENERATED / "figures"))
    for notebook in sorted((ROOT / "examples").glob("*.ipynb")):
        # Beside the notebook the pages lie in ../docs; here they lie one folder up.
        text = notebook.read_text(encoding="utf-8").replace("](../docs/", "](../")
        put(GENERATED / notebook.name, text)


def put(path: Path, text: str) -> None:
    """Write a file where it changed, so that an unchanged page is not built again."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
