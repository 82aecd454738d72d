"""What each probe says of disorder: which numbers, over which lengths, and what they can see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xorder.results import Number

__all__ = ["MEASURES", "Measure", "numbers_of_measure"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One number of a probe that changes as order is lost."""

    name: str
    """Name, unique among all measures."""
    probe: Literal["xas", "diffraction", "pdf"]
    """The probe."""
    pattern: str
    """Regular expression of the number's name in the summary."""
    label: str
    """What it is, as a figure prints it."""
    length: tuple[float, float]
    """Lengths it speaks for, Å."""
    sees: str
    """What makes it differ from the others, as part of a sentence."""
    quantity: str = ""
    """What it measures, where other measures give the same number; those may be averaged."""
    inverse: bool = False
    """Whether 1/value, not the value, is a sum over the parts of a sample."""


MEASURES = (
    Measure(
        name="wavelet_feature",
        probe="xas",
        pattern=r"wavelet_box_mean",
        label="XAS: wavelet feature",
        length=(3.2, 4.6),
        sees="straight Cl–M–Cl chains; bent bonds and multiple-scattering disorder lower it alike",
    ),
    Measure(
        name="first_shell",
        probe="xas",
        pattern=r"first_shell_magnitude",
        label="XAS: first shell",
        length=(1.0, 3.0),
        sees="spread and number of the nearest neighbours",
    ),
    Measure(
        name="sigma2",
        probe="xas",
        pattern=r"fit sigma2.*",
        label="XAS: σ² of the first shell",
        length=(1.0, 3.0),
        sees="the spread of the nearest distances, static and thermal",
    ),
    Measure(
        name="coordination",
        probe="xas",
        pattern=r"fit (n|N|amplitude)\b.*",
        label="XAS: neighbours in the first shell",
        length=(1.0, 3.0),
        sees="the number of nearest neighbours; σ² and N are strongly correlated",
    ),
    Measure(
        name="near_edge_peak",
        probe="xas",
        pattern=r"peak .*area.*",
        label="XAS: near-edge peak",
        length=(1.0, 3.5),
        sees="the symmetry of the absorber's site",
    ),
    Measure(
        name="pdf_fraction",
        probe="pdf",
        pattern=r"mass_fraction_amorphous",
        label="PDF: amorphous mass",
        length=(2.0, 25.0),
        sees="what has no pairs beyond a nanometre; crystals of a few nanometres count as crystals",
        quantity="amorphous mass fraction",
    ),
    Measure(
        name="pair_window",
        probe="pdf",
        pattern=r"window_area",
        label="PDF: pairs in the window",
        length=(3.0, 5.0),
        sees="pairs that are named by their distance",
    ),
    Measure(
        name="order_length",
        probe="pdf",
        pattern=r"order_length_half_.*",
        label="PDF: order length",
        length=(5.0, 60.0),
        sees="how far pairs of a crystal reach, not how much of it there is",
        inverse=True,
    ),
    *(
        Measure(
            name=f"xrd_{short}",
            probe="diffraction",
            pattern=rf"amorphous \({method}\)",
            label=f"XRD: amorphous mass ({method})",
            length=(30.0, 1000.0),
            sees="what gives no lines; crystals below some 3 nm count as amorphous",
            quantity="amorphous mass fraction",
        )
        for short, method in (
            ("internal", "internal standard"),
            ("external", "external standard"),
            ("halo", "calibrated halo"),
        )
    ),
    Measure(
        name="xrd_loss",
        probe="diffraction",
        pattern=r"crystalline_loss",
        label="XRD: loss of crystalline scattering",
        length=(30.0, 1000.0),
        sees="Bragg intensity; absorption and the mass in the beam enter it",
    ),
    Measure(
        name="xrd_size",
        probe="diffraction",
        pattern=r"refined size \(.*\)",
        label="XRD: domain size",
        length=(30.0, 1000.0),
        sees="the size of what is still crystalline, not how much that is",
        inverse=True,
    ),
    Measure(
        name="xrd_strain",
        probe="diffraction",
        pattern=r"refined strain \(.*\)",
        label="XRD: microstrain",
        length=(30.0, 1000.0),
        sees="the strain of what is still crystalline, not how much that is",
    ),
)


def numbers_of_measure(
    measure: Measure, samples: Sequence[Mapping[str, Iterable[Number]]]
) -> list[Number | None]:
    """Return a measure's number in each sample, None where a sample has none.

    Of several numbers that match, as of several phases, the first of the series is taken in every
    sample: the phase, shell or peak that the recipe names first.

    Parameters
    ----------
    measure
        The measure.
    samples
        Numbers by probe, of each sample.
    """
    pattern = re.compile(measure.pattern)
    name = next(
        (
            number.name
            for numbers in samples
            for number in numbers.get(measure.probe, ())
            if pattern.fullmatch(number.name)
        ),
        None,
    )
    return [
        next((number for number in numbers.get(measure.probe, ()) if number.name == name), None)
        for numbers in samples
    ]
