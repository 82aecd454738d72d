"""Which quantity the first column is: as the user, the header or the suffix says."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from xorder.errors import BadInput, DataWarning, UnreadableFile
from xorder.pdf.intensity import HIGHEST_Q
from xorder.pdf.pattern import Radiation
from xorder.results import Array

__all__ = ["Axis", "axis_of_text", "check_axis_name", "momentum_transfer"]

Axis = Literal["q", "q_nm", "two_theta"]
"""Q in Å⁻¹, Q in nm⁻¹, or the scattering angle in degrees."""

#: What headers write, lower case; the first that is found counts.
_WORDS: tuple[tuple[str, Axis], ...] = (
    (r"q_nm|qnm\b|nm\^?[-{(]*1|1\s*/\s*nm|inverse\s+nano|nm⁻¹|/nm\b", "q_nm"),
    (r"2th|two_?theta|2-theta|2θ|2\s*theta|degree|\bdeg\b", "two_theta"),
    (
        r"q_a\b|qa\b|a\^-1|å⁻¹|å\^-1|1\s*/\s*a|inverse\s+ang|ang\w*\^?-1|1/å|/å|"
        r"angstrom\^?\{?-1|q_ang",
        "q",
    ),
)
#: Files of programs that always write Å⁻¹.
_SUFFIXES = {".iq": "q", ".sq": "q", ".fq": "q"}
#: Range of Q in Å⁻¹ that is worth a G(r).
SHORTEST_Q = 4.0


def axis_of_text(text: str) -> Axis | None:
    """Return the quantity that a label or unit names, or None.

    Raises
    ------
    BadInput
        Where it is an angle in radians.
    """
    if re.search(r"2th_rad|\brad(ians?)?\b", text.lower()):
        raise BadInput(f"the axis {text!r} is in radians", expected="degrees or Q")
    for pattern, axis in _WORDS:
        if re.search(pattern, text.lower()):
            return axis
    return None


def check_axis_name(axis: str | None) -> None:
    """Raise BadInput unless `axis` is None or one of those known."""
    if axis is not None and axis not in get_args(Axis):
        raise BadInput(f"axis is {axis!r}", expected="'q' (Å⁻¹), 'q_nm' (nm⁻¹) or 'two_theta'")


def momentum_transfer(
    values: Array,
    *,
    given: Axis | None,
    stated: Axis | None,
    wavelength: float,
    path: Path,
    radiation: Radiation = "xray",
) -> Array:
    """Return Q in Å⁻¹ from a first column.

    Parameters
    ----------
    values
        First column, shape (N,).
    given
        What the user says it is; goes before what the file says.
    stated
        What the file says it is.
    wavelength
        Wavelength in Å; needed for angles.
    path
        File, for messages.
    radiation
        What was scattered; neutrons reach further in Q.

    Raises
    ------
    BadInput
        Where nobody says what the column is, it is an angle without a wavelength, or it cannot be
        what it is said to be.
    """
    axis = given or stated or _SUFFIXES.get(path.suffix.lower())
    if axis is None:
        raise BadInput(
            f"nothing says whether {values[0]:g} to {values[-1]:g} is Q or an angle",
            expected="axis='q' (Å⁻¹), 'q_nm' (nm⁻¹) or 'two_theta' (degrees)",
            source=path,
        )
    if given and stated and given != stated:
        warnings.warn(
            f"{path}: the header says {stated!r}; {given!r} is taken, as asked",
            DataWarning,
            stacklevel=4,
        )
    if axis == "two_theta":
        return _from_angle(values, wavelength, path)
    q = values / 10 if axis == "q_nm" else values.copy()
    highest = HIGHEST_Q[radiation]
    limit = highest if math.isnan(wavelength) else 4 * math.pi / wavelength
    if axis == "q" and q[-1] > limit:
        raise BadInput(
            f"Q reaches {q[-1]:g}, beyond the {limit:.4g} Å⁻¹ that "
            + ("any" if math.isnan(wavelength) else f"a wavelength of {wavelength:g} Å")
            + " measurement can reach; this looks like nm⁻¹ or an angle",
            expected="axis='q_nm' or 'two_theta'",
            source=path,
        )
    if axis == "q_nm" and q[-1] < SHORTEST_Q:
        warnings.warn(
            f"{path}: Q of nm⁻¹ reaches {q[-1]:.3g} Å⁻¹ only; was it Å⁻¹?",
            DataWarning,
            stacklevel=4,
        )
    return q


def _from_angle(values: Array, wavelength: float, path: Path) -> Array:
    if math.isnan(wavelength):
        raise BadInput(
            "the first column is an angle and the wavelength is missing",
            expected="wavelength= in Å",
            source=path,
        )
    if np.any(values >= 180):
        raise BadInput(
            f"two_theta reaches {np.max(values):g} degrees",
            expected="below 180; or axis='q_nm'",
            source=path,
        )
    if np.any(values <= 0):
        raise UnreadableFile(
            f"two_theta is {np.min(values):g} degrees", expected="positive angles", source=path
        )
    return np.asarray(4 * math.pi / wavelength * np.sin(np.deg2rad(values) / 2))
