"""The width that the instrument gives a line, measured on a standard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xorder.diffraction.linear_fits import fit_linear
from xorder.diffraction.peak_tracking import PeakTable
from xorder.diffraction.profiles import Profile, fwhm_from_size
from xorder.diffraction.voigt_widths import parts_from_fwhm, voigt_fwhm
from xorder.errors import BadInput
from xorder.results import Array, Result, quantity, recorded

__all__ = [
    "InstrumentResolution",
    "measured_parts",
    "resolution_from_profile",
    "resolution_from_standard",
]

Method = Literal["caglioti", "interpolation"]

#: Fewest lines of a standard that the five terms of the curve, and a check of them, need.
FEWEST_LINES = 4
#: Standard error of η where its fit gave none because it stopped at 0 or 1.
UNKNOWN_ETA = 0.3


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class InstrumentResolution(Result):
    r"""Gaussian and Lorentzian width of the instrument's lines as functions of 2θ.

    Caglioti: :math:`\Gamma_G^2 = U\tan^2\theta + V\tan\theta + W` and
    :math:`\Gamma_L = X\tan\theta + Y/\cos\theta`, FWHM in degrees. Interpolation: both parts
    straight between the lines of the standard.
    """

    two_theta: Array = quantity("°", symbol="2θ", dims=("two_theta",))
    """Lines of the standard, ascending."""
    lorentz: Array = quantity("°", symbol="Γ_L", dims=("two_theta",))
    """Lorentzian FWHM of each line."""
    gauss_squared: Array = quantity("°²", symbol="Γ_G²", dims=("two_theta",))
    """Squared Gaussian FWHM of each line."""
    method: Method
    """How widths between the lines follow."""
    values: Array = quantity()
    """U, V, W, X, Y; for interpolation the Lorentzian, then the squared Gaussian widths."""
    covar: Array = quantity()
    """Covariance of `values`."""
    redchi: float = quantity(symbol="χ²_red", default=float("nan"))
    """χ² over degrees of freedom of the curve through the standard's widths."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def profile(self) -> Profile:
        """The curve as the instrument of a simulation or refinement."""
        if self.method != "caglioti":
            raise BadInput(
                "an interpolated resolution has no U, V, W, X, Y", expected="method='caglioti'"
            )
        u, v, w, x, y = self.values.tolist()
        return Profile(u=u, v=v, w=w, x=x, y=y)

    def parts(self, two_theta: Array) -> tuple[Array, Array]:
        """Return the Lorentzian FWHM (°) and the squared Gaussian FWHM (°²) at angles."""
        design = self.design(two_theta)
        both = np.maximum(design @ self.values, 0.0)
        return both[: len(design) // 2], both[len(design) // 2 :]

    def fwhm(self, two_theta: Array) -> Array:
        """Return the FWHM in degrees at angles."""
        return voigt_fwhm(*self.parts(two_theta))[0]

    def design(self, two_theta: Array) -> Array:
        """Return the derivative of both parts at N angles by `values`, shape (2 N, values)."""
        angles = np.atleast_1d(np.asarray(two_theta, dtype=float))
        if self.method == "caglioti":
            return _caglioti_design(angles)
        low, high = self.two_theta[0], self.two_theta[-1]
        if angles.min() < low - 1e-9 or angles.max() > high + 1e-9:
            raise BadInput(
                f"a line at {angles.min():.2f}° or {angles.max():.2f}° lies outside the standard's "
                f"{low:.2f} to {high:.2f}°",
                expected="lines between those of the standard, or method='caglioti'",
            )
        unit = np.eye(len(self.two_theta))
        shares = np.stack([np.interp(angles, self.two_theta, row) for row in unit], axis=1)
        return np.kron(np.eye(2), shares)


@recorded
def resolution_from_standard(
    table: PeakTable,
    *,
    method: Method = "caglioti",
    standard_size: float | None = None,
) -> InstrumentResolution:
    """Return the resolution of an instrument from the lines of a standard such as LaB6 or Si.

    Parameters
    ----------
    table
        Peaks of the standard, one sample, measured as the samples are: same optics, slits, holder.
    method
        ``"caglioti"``: five terms fitted to all widths, weighted by their covariances.
        ``"interpolation"``: straight lines between the widths, for detectors whose resolution has
        another shape.
    standard_size
        Domain size of the standard in Å, whose broadening is taken out (Scherrer, K = 0.9,
        Lorentzian); none where None.

    Raises
    ------
    BadInput
        For several samples, for too few lines and for a curve that has no real width.
    """
    if len(np.unique(table.sample)) > 1:
        raise BadInput(
            f"the table holds {len(np.unique(table.sample))} samples", expected="one standard"
        )
    used = np.flatnonzero(table.success & ~table.overlapped & np.isfinite(table.fwhm))
    if used.size < FEWEST_LINES:
        raise BadInput(
            f"{used.size} lines of the standard have a width of their own",
            expected=f"at least {FEWEST_LINES}, over the range of the samples",
        )
    used = used[np.argsort(table.two_theta[used])]
    angles = table.two_theta[used]
    lorentz, square, covar = measured_parts(table, used)
    if standard_size is not None:
        wavelength = 2.0 * table.d[used] * np.sin(np.deg2rad(angles) / 2.0)
        lorentz = lorentz - [
            float(fwhm_from_size(np.array(t), size=standard_size, wavelength=w))
            for t, w in zip(angles, wavelength, strict=True)
        ]
    both = np.concatenate([lorentz, square])
    messages = [
        f"({table.plane[i]}) left out: its width is that of a group of lines"
        for i in np.flatnonzero(table.success & table.overlapped)
    ]
    redchi = float("nan")
    if method == "caglioti":
        values, covar, found = fit_linear(
            _caglioti_design(angles), both, covar, ("u", "v", "w", "x", "y")
        )
        redchi = found.redchi
    elif method == "interpolation":
        values = both
    else:
        raise BadInput(f"method {method!r}", expected="'caglioti' or 'interpolation'")
    curve = InstrumentResolution(
        two_theta=angles, lorentz=lorentz, gauss_squared=square, method=method, values=values,
        covar=covar, redchi=redchi, messages=tuple(messages),
    )  # fmt: skip
    _check_curve(curve)
    return curve


@recorded
def resolution_from_profile(
    profile: Profile, *, two_theta: tuple[float, float] = (5.0, 150.0)
) -> InstrumentResolution:
    """Return the resolution that a known profile gives, without uncertainty.

    Parameters
    ----------
    profile
        Terms that an instrument file states; sizes are no better than they are.
    two_theta
        Range in degrees for which they hold.
    """
    angles = np.linspace(*two_theta, 20)
    gauss, lorentz = profile.widths(angles)
    return InstrumentResolution(
        two_theta=angles,
        lorentz=lorentz,
        gauss_squared=gauss**2,
        method="caglioti",
        values=np.array([profile.u, profile.v, profile.w, profile.x, profile.y]),
        covar=np.zeros((5, 5)),
        messages=("The instrument's widths are stated, not measured: their error is left out.",),
    )


def measured_parts(table: PeakTable, used: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return Lorentzian FWHM, squared Gaussian FWHM and their covariance, shape (2 N, 2 N).

    The covariance is that of width and η in each line's fit; lines are independent.
    """
    lorentz, square, jacobian = parts_from_fwhm(table.fwhm[used], table.eta[used])
    covar = np.zeros((2 * len(used), 2 * len(used)))
    for place, row in enumerate(used):
        own = jacobian[place] @ _shape_covar(table, int(row)) @ jacobian[place].T
        both = np.array([place, place + len(used)])
        covar[np.ix_(both, both)] = own
    return lorentz, square, covar


def _shape_covar(table: PeakTable, row: int) -> Array:
    """Return the covariance of fwhm and η of one line."""
    covar = np.diag([table.fwhm_stderr[row] ** 2, table.eta_stderr[row] ** 2])
    found = table.fits[row].fit if table.fits else None
    if found is not None and {"fwhm_0", "eta"} <= set(found.var_names):
        at = [found.var_names.index(name) for name in ("fwhm_0", "eta")]
        covar = found.covar[np.ix_(at, at)]
    if not (np.isfinite(covar[0, 0]) and covar[0, 0] > 0):
        raise BadInput(
            f"the width of ({table.plane[row]}) of {table.sample[row] or 'the sample'} has no "
            "standard error",
            expected="peaks whose fits determine their widths",
        )
    if not (np.isfinite(covar).all() and covar[1, 1] > 0):
        covar = np.diag([covar[0, 0], UNKNOWN_ETA**2])
    return np.asarray(covar)


def _caglioti_design(angles: Array) -> Array:
    theta = np.deg2rad(angles) / 2.0
    tangent, secant, none = np.tan(theta), 1.0 / np.cos(theta), np.zeros_like(theta)
    lorentz = np.stack([none, none, none, tangent, secant], axis=1)
    gauss = np.stack([tangent**2, tangent, np.ones_like(theta), none, none], axis=1)
    return np.concatenate([lorentz, gauss])


def _check_curve(curve: InstrumentResolution) -> None:
    """Refuse a curve whose Gaussian and Lorentzian width vanish together on its own range."""
    angles = np.linspace(curve.two_theta[0], curve.two_theta[-1], 200)
    fwhm = curve.fwhm(angles)
    if not fwhm.min() > 0:
        raise BadInput(
            f"the resolution curve has no width at 2θ = {angles[fwhm.argmin()]:.1f}°",
            expected="more lines of the standard, or method='interpolation'",
        )
