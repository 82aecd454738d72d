"""χ(R) with a path's phase taken off: the path's peak then stands at its distance."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from xorder.errors import BadInput
from xorder.results import recorded
from xorder.xas.photoelectron import HBAR2_OVER_2M
from xorder.xas.scattering_paths import ScatteringPath
from xorder.xas.transforms import N_FFT, Transform

__all__ = ["correct_phase"]


@recorded
def correct_phase(
    transform: Transform, path: ScatteringPath, *, delta_e0: float = 0.0
) -> Transform:
    r"""Return a transform of :math:`k^n \chi(k) e^{-i\phi(k)}`, φ the phase of a path.

    A shell of the path's kind (absorber and scatterer) then peaks at its distance R instead of 0.3
    to 0.5 Å below; what has another phase, such as other elements and multiple scattering, stays
    off by the difference. At the peak of such a shell the real part is zero and the imaginary part
    negative. The range in k, weight and window are those of `transform`; noise is not changed.

    Parameters
    ----------
    transform
        χ(R) as of `transform_to_r`.
    path
        A path of the shell that is to be put right, calculated (`calculate_paths`, `quick_path`).
    delta_e0
        Shift of e0 in eV, as a fit gives it: the path's phase is taken at this shift.

    Raises
    ------
    BadInput
        A transform that is corrected already, a path that ends before the window, or a shift that
        is no number.
    """
    from scipy.interpolate import make_interp_spline

    if transform.phase_of:
        raise BadInput(
            f"the transform is corrected with the phase of {transform.phase_of} already",
            expected="a transform as of transform_to_r",
        )
    if not math.isfinite(delta_e0):
        raise BadInput(f"delta_e0 is {delta_e0}", expected="a finite number of eV")
    k, inside = transform.k, transform.window > 0
    shifted = k**2 - delta_e0 / HBAR2_OVER_2M
    q = np.sign(shifted) * np.sqrt(np.abs(shifted))
    if q[inside].max() > path.k[-1] + 1e-6:
        raise BadInput(
            f"the phase of {path.label} ends at {path.k[-1]:.1f} Å⁻¹ and the window at "
            f"{k[inside].max():.1f} Å⁻¹",
            expected="a path that reaches to the end of the window, or a shorter k_range",
        )
    phase = make_interp_spline(path.k, path.phase, k=3)(np.clip(q, path.k[0], path.k[-1]))
    # The shift of e0 turns the wave by 2(q − k)R as well; what is left turns as 2kR.
    phase = phase + 2.0 * (q - k) * path.reff
    values = transform.weighted * transform.window * np.exp(-1j * phase)
    # The real χ has both directions of rotation: this keeps the one that turns as +2kR.
    spectrum = np.fft.fft(values, n=N_FFT)[: transform.r.size]
    spectrum *= float(k[1] - k[0]) / math.sqrt(math.pi)
    return replace(
        transform,
        chi_r_mag=np.abs(spectrum),
        chi_r_re=spectrum.real.copy(),
        chi_r_im=spectrum.imag.copy(),
        phase_of=path.label,
    )
