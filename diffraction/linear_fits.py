"""A straight model through points with a full covariance: an objective for the one fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.fitting import FitResult, fit
from xorder.parameters import Parameter, Parameters
from xorder.results import Array

__all__ = ["LinearModel", "fit_linear"]


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class LinearModel:
    """Values that are a linear function of the parameters, whitened by their covariance."""

    design: Array
    """Derivative of each value by each parameter, shape (N, P)."""
    observed: Array
    """The values, shape (N,)."""
    whitening: Array
    """Inverse Cholesky factor of their covariance, shape (N, N)."""
    parameters: Parameters
    """The parameters, in the order of the columns of `design`."""

    @property
    def n_independent(self) -> float:
        """Whitened values are independent: their number."""
        return float(len(self.observed))

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return the whitened residual, shape (N,)."""
        vector = np.array([values[name] for name in self.parameters])
        return np.asarray(self.whitening @ (self.observed - self.design @ vector))

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d parameter, shape (N, len(names)); it does not depend on values."""
        order = list(self.parameters)
        return np.asarray(-self.whitening @ self.design[:, [order.index(name) for name in names]])


def fit_linear(
    design: Array, observed: Array, covar: Array, names: Sequence[str]
) -> tuple[Array, Array, FitResult]:
    """Return parameters, their covariance and the fit of a linear model.

    The covariance follows from that of the values; where they scatter more than it says, it is
    scaled by the reduced χ², never downwards.

    Raises
    ------
    BadInput
        Where the covariance is none, or points do not determine the parameters.
    """
    # Columns of one size keep the fit's own tests of singularity meaningful.
    size = np.sqrt(np.diag(covar))
    if not np.all(np.isfinite(covar)) or not np.all(size > 0):
        raise BadInput(
            "a width has no standard error", expected="peaks whose fits determine their widths"
        )
    correlation = covar / np.outer(size, size)
    try:
        root = np.linalg.cholesky(correlation + 1e-10 * np.eye(len(size)))
    except np.linalg.LinAlgError:
        raise BadInput(
            "the covariance of the widths is not positive", expected="that of a fit"
        ) from None
    whitening = np.linalg.inv(root) / size
    start = np.linalg.lstsq(whitening @ design, whitening @ observed, rcond=None)[0]
    model = LinearModel(
        design=design,
        observed=observed,
        whitening=whitening,
        parameters=Parameters(
            Parameter(name=name, value=float(value))
            for name, value in zip(names, start, strict=True)
        ),
    )
    found = fit(model, scale_covar=False)
    values = np.array([found.parameters[name].value for name in names])
    return values, found.covar * max(1.0, found.redchi), found
