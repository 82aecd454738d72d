"""How many species a series of spectra holds, and whether a reference is one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xorder.errors import BadInput
from xorder.results import Array, Number, Result, quantity, recorded
from xorder.xas.xanes import Measured, Space, curves_on, grid, label, listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PrincipalComponents", "TargetTransform", "find_components", "transform_target"]

#: A component less likely than this to be noise is counted (Malinowski's F-test).
SIGNIFICANCE = 0.05

#: Upper ends of SPOIL and what they say of a target (Malinowski 1978; Beauchemin et al. 2002).
SPOIL_GRADES = (
    (1.5, "excellent"),
    (3.0, "good"),
    (4.5, "fair"),
    (6.0, "poor"),
    (math.inf, "unacceptable"),
)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class PrincipalComponents(Result):
    """Singular value decomposition of a series of spectra, about the origin."""

    x: Array = quantity("eV, or Å⁻¹ for chi", symbol="E or k", dims=("x",))
    """Energy, or wavenumber where `space` is ``"chi"``, at the first spectrum's points."""
    data: Array = quantity(symbol="data", dims=("names", "x"))
    """The spectra on `x`, shape (S, N)."""
    components: Array = quantity(symbol="component", dims=("number", "x"))
    """Orthonormal components, the largest first, shape (S, N)."""
    scores: Array = quantity(symbol="score", dims=("names", "number"))
    """Share of each component in each spectrum; scores @ components is `data`."""
    number: Array = quantity(symbol="number of components", dims=("number",))
    """1 to S."""
    eigenvalues: Array = quantity(symbol="λ", dims=("number",))
    """Squares of the singular values: the scree."""
    variance: Array = quantity(symbol="explained", dims=("number",))
    """Share of Σ data² that the components to here explain."""
    real_error: Array = quantity(symbol="RE", dims=("number",))
    """Real error left after so many components: noise of one point, if all further are noise."""
    indicator: Array = quantity(symbol="IND", dims=("number",))
    """Malinowski's indicator function, RE / (S − n)²; smallest at the number of species."""
    p_value: Array = quantity(symbol="p", dims=("number",))
    """Probability that this component is noise alone: F-test on reduced eigenvalues."""
    n_indicator: int = 0
    """Number of components at the smallest `indicator`."""
    n_f_test: int = 0
    """Number of components that the F-test calls significant at 5 %."""
    n_components: int = 0
    """Number to use: `n_indicator`; `messages` say where the F-test differs."""
    space: str = "flat"
    """Kind of curve."""
    k_weight: float = 2.0
    """Power of k; used where `space` is ``"chi"``."""
    names: tuple[str, ...] = ()
    """Names of the spectra."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    @property
    def numbers(self) -> tuple[Number, ...]:
        """Numbers of components and the noise they leave, as rows of a summary."""
        left = float(self.real_error[self.n_components - 1])
        return (
            Number(name="n_components", value=self.n_components, note="smallest indicator"),
            Number(name="n_components (F-test)", value=self.n_f_test, note="5 %"),
            Number(name="real_error", value=left),
        )

    def reconstructed(self, n_components: int | None = None) -> Array:
        """Return the spectra made of the first components alone, shape (S, N)."""
        n = _checked_number(self, n_components)
        return np.asarray(self.scores[:, :n] @ self.components[:n])

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw the scree and the indicator on Matplotlib axes; return the artists."""
        from xorder.xas.xanes_plots import plot_components

        return plot_components(self, ax, **artist_kwargs)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class TargetTransform(Result):
    """A reference made of a series' components: near itself where it is one of the species."""

    x: Array = quantity("eV, or Å⁻¹ for chi", symbol="E or k", dims=("x",))
    """Energy or wavenumber."""
    target: Array = quantity(symbol="target", dims=("x",))
    """The reference as measured."""
    transformed: Array = quantity(symbol="transformed", dims=("x",))
    """What the components can make of it."""
    r_factor: float = quantity()
    """Σ (target − transformed)² / Σ target²."""
    spoil: float = quantity(symbol="SPOIL")
    """Error of the target over the error that the components bring (Malinowski 1978)."""
    grade: str = ""
    """What the SPOIL says: excellent, good, fair, poor or unacceptable as a species."""
    n_components: int = 0
    """Number of components used."""
    name: str = ""
    """Name of the reference."""
    messages: tuple[str, ...] = ()
    """What a user must know, one sentence each."""

    def plot(self, ax: Axes | None = None, **artist_kwargs: Any) -> list[Any]:
        """Draw target and transform on Matplotlib axes; return the artists."""
        from xorder.xas.xanes_plots import plot_target

        return plot_target(self, ax, **artist_kwargs)


@recorded
def find_components(
    spectra: Sequence[Measured],
    *,
    space: Space = "flat",
    e_range: tuple[float, float] = (-20.0, 80.0),
    k_range: tuple[float, float] = (3.0, 12.0),
    k_weight: float = 2.0,
) -> PrincipalComponents:
    r"""Return the principal components of a series and how many of them are no noise.

    The data are not centred: the number of components is then the number of species, not one less.
    With S spectra of N points and eigenvalues λ, the real error after n components is
    :math:`RE = [\sum_{j>n} \lambda_j / N(S-n)]^{1/2}`, the indicator :math:`RE/(S-n)^2`
    (Malinowski, Anal. Chem. 49, 612, 1977), and the F-test compares the reduced eigenvalues
    :math:`\lambda_j/(N-j+1)(S-j+1)` (Malinowski, J. Chemometrics 3, 49, 1989).

    Parameters
    ----------
    spectra
        At least three spectra of one edge, normalized in the same way; for ``"chi"`` `Exafs`.
    space
        ``"flat"``, ``"norm"``, ``"derivative"`` or ``"chi"``.
    e_range
        Range in eV relative to the first spectrum's e0.
    k_range, k_weight
        Range in Å⁻¹ and power of k; used for ``"chi"`` alone.

    Raises
    ------
    BadInput
        Fewer than three spectra, spectra that are not normalized, of different edges, or that do
        not cover the range, or fewer points than spectra.
    """
    items = listed(spectra, "spectra", space=space, fewest=3)
    x = grid(items[0], k_range if space == "chi" else e_range)
    data = curves_on(x, items, space=space, k_weight=k_weight, what="spectra")
    count, points = data.shape
    if points <= count:
        raise BadInput(
            f"the range holds {points} points for {count} spectra",
            expected="more points than spectra; a wider range",
        )
    left, singular, right = np.linalg.svd(data, full_matrices=False)
    eigenvalues = singular**2
    real_error, indicator = _indicator(eigenvalues, points)
    p_value = _noise_probability(eigenvalues, points)
    n_indicator = int(np.nanargmin(indicator)) + 1
    n_f_test = _significant(p_value)
    return PrincipalComponents(
        x=x,
        data=data,
        components=right,
        scores=left * singular,
        number=np.arange(1.0, count + 1.0),
        eigenvalues=eigenvalues,
        variance=np.cumsum(eigenvalues) / np.sum(eigenvalues),
        real_error=real_error,
        indicator=indicator,
        p_value=p_value,
        n_indicator=n_indicator,
        n_f_test=n_f_test,
        n_components=n_indicator,
        space=space,
        k_weight=k_weight,
        names=tuple(label(item, i) for i, item in enumerate(items)),
        messages=_messages(count, n_indicator, n_f_test),
    )


@recorded
def transform_target(
    components: PrincipalComponents, target: Measured, *, n_components: int | None = None
) -> TargetTransform:
    r"""Return a reference projected on a series' components, with its SPOIL.

    With the components' error :math:`REP = RE\,\|t\|` of the transformation :math:`t` and the
    apparent error :math:`AET = [\sum(\hat x - x)^2/(N-n)]^{1/2}`, the target's own error is
    :math:`RET = (AET^2 - REP^2)^{1/2}` and SPOIL is RET/REP (Malinowski, Anal. Chim. Acta 103, 339,
    1978): below 3 the reference is likely a species of the series, above 6 it is not.

    Parameters
    ----------
    components
        Principal components of the series.
    target
        Reference, normalized in the same way, covering the components' range.
    n_components
        Number of components to use; None takes `PrincipalComponents.n_components`.

    Raises
    ------
    BadInput
        A target of another class or that does not cover the range, or a number of components that
        leaves no error to compare with.
    """
    n = _checked_number(components, n_components)
    items = listed([target], "target", space=components.space)
    x = curves_on(
        components.x,
        items,
        space=components.space,
        k_weight=components.k_weight,
        what="target",
    )[0]
    basis = components.components[:n]
    loadings = basis @ x
    transformed = loadings @ basis
    misfit = float(np.sum((x - transformed) ** 2))
    size = np.linalg.norm(loadings / np.sqrt(components.eigenvalues[:n]))
    predicted = float(components.real_error[n - 1]) * float(size)
    apparent = math.sqrt(misfit / (x.size - n))
    own = math.sqrt(max(apparent**2 - predicted**2, 0.0))
    # Noise-free components explain exactly or not at all: rounding is no error to compare with.
    exact = 1e-10 * float(np.max(np.abs(x)))
    spoil = own / predicted if predicted > exact else 0.0 if apparent <= exact else math.inf
    return TargetTransform(
        x=components.x,
        target=x,
        transformed=transformed,
        r_factor=misfit / float(x @ x),
        spoil=spoil,
        grade=next(grade for limit, grade in SPOIL_GRADES if spoil < limit or limit == math.inf),
        n_components=n,
        name=label(target, 0),
    )


def _checked_number(components: PrincipalComponents, n_components: int | None) -> int:
    n = components.n_components if n_components is None else n_components
    most = components.number.size - 1
    if not (isinstance(n, int) and 1 <= n <= most):
        raise BadInput(f"n_components is {n!r}", expected=f"1 to {most}, one less than the spectra")
    return n


def _indicator(eigenvalues: Array, points: int) -> tuple[Array, Array]:
    """Return real error and indicator after 1, 2, … components; NaN after all of them."""
    count = eigenvalues.size
    n = np.arange(1, count)
    rest = np.cumsum(eigenvalues[::-1])[::-1][1:]
    real_error = np.sqrt(rest / (points * (count - n)))
    nothing = np.array([math.nan])
    return np.append(real_error, nothing), np.append(real_error / (count - n) ** 2, nothing)


def _noise_probability(eigenvalues: Array, points: int) -> Array:
    from scipy.special import fdtrc

    count = eigenvalues.size
    j = np.arange(1, count + 1)
    freedom = (points - j + 1.0) * (count - j + 1.0)
    found = np.full(count, math.nan)
    for n in range(count - 1):
        noise = float(np.sum(eigenvalues[n + 1 :]) / np.sum(freedom[n + 1 :]))
        ratio = float(eigenvalues[n] / freedom[n]) / max(noise, 1e-300)
        found[n] = fdtrc(1, count - n - 1, ratio)
    return found


def _significant(p_value: Array) -> int:
    """Return how many components stand out, looking up from the smallest."""
    standing = np.flatnonzero(p_value < SIGNIFICANCE)
    return int(standing[-1]) + 1 if standing.size else 1


def _messages(count: int, n_indicator: int, n_f_test: int) -> tuple[str, ...]:
    messages = []
    if n_indicator != n_f_test:
        messages.append(
            f"the indicator finds {n_indicator} components, the F-test at 5 % {n_f_test}: look at "
            "the shapes of those between"
        )
    if n_indicator >= count - 1:
        messages.append(
            f"{count} spectra hold {n_indicator} components or more: too few spectra to tell"
        )
    return tuple(messages)
