"""What each figure shows, in one sentence, and which published panel it corresponds to."""

from __future__ import annotations

import re

__all__ = ["CAPTIONS", "caption_of"]

#: Captions by the name of the figure, as a regular expression; the first that matches.
#: P1: Hu et al., Matter 7, 1018 (2024). P2 to P4 as `docs/figures.md` names them.
CAPTIONS: tuple[tuple[str, str], ...] = (
    (
        r"amorphization",
        "Degree of amorphization by every measure of the three probes: in the order of the series, "
        "against the length each measure sees, and with conductivity",
    ),
    (r"xas.*wavelet.*", "Wavelet maps on one scale of colour (P1 2D, P2 4e–i, P3 2b, f)"),
    (r"xas.*(fit|shells).*", "Shell fits: χ(k) and χ(R) with the fit (P3 2c, g)"),
    (r"xas.*(near_edge|peaks).*", "Peaks near the edge on their baseline (P1 2B, 3A–B)"),
    (r"xas.*(mixture|lcf).*", "Spectra as mixtures of references"),
    (r"xas.*(difference|component|species|resolved).*", "The spectra of the series compared"),
    (r"xas.*", "Near edge, k²χ(k), Fourier transform and wavelet map (P1 2B–D, 3A–B)"),
    (
        r"diffraction.*refine.*",
        "Refined patterns: measured, calculated, difference, ticks (P2 1a–c)",
    ),
    (r"diffraction.*widths.*", "Widths of the planes through the series (P1 1E)"),
    (r"diffraction.*size.*", "Domain size and microstrain through the series"),
    (r"diffraction.*fraction.*", "Weight fractions, crystalline and amorphous"),
    (r"diffraction.*loss.*", "Loss of crystalline scattering through the series"),
    (
        r"diffraction.*",
        "Powder patterns with the lines of the phases (P1 1D, P2 1f–g, P3 1, P4 3a)",
    ),
    (r"pdf.*boxcar.*", "Phase fractions against distance, window by window (P2 2c)"),
    (r"pdf.*(window|growth).*", "Growth of named pairs through the series (P1 3E)"),
    (r"pdf.*model.*", "Distances, neighbours and polyhedra of models (P2 4a–c, P3 2d)"),
    (r"pdf.*reduc.*", "From counts to G(r), step by step"),
    (r"pdf.*", "G(r) with the refined model, and the phases against distance (P2 2b–c, P3 2e)"),
)


def caption_of(name: str) -> str:
    """Return the caption of a figure, empty where it has none."""
    return next((text for pattern, text in CAPTIONS if re.fullmatch(pattern, name)), "")
