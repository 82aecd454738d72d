"""One spectrum and its shells as an objective of the one fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xorder.errors import BadInput
from xorder.parameters import Parameter, Parameters
from xorder.results import Array
from xorder.xas.background import Exafs
from xorder.xas.shell_background import background_splines, spline_parameters
from xorder.xas.shell_models import QUANTITIES, PathStack
from xorder.xas.shell_paths import Shell, names_in
from xorder.xas.shell_spaces import FitSpace, independent_points, space_matrix, space_noise
from xorder.xas.transforms import checked_k_range

__all__ = ["ShellObjective", "check_grid", "shell_parameters"]


@dataclass(frozen=True, slots=True)
class _Role:
    """What a name that stands alone as a quantity starts from."""

    value: float
    low: float
    high: float
    unit: str = ""


_ROLES = {
    "degeneracy": _Role(4.0, 0.0, 40.0),
    "s02": _Role(0.9, 0.0, 5.0),
    "delta_e0": _Role(0.0, -30.0, 30.0, "eV"),
    "delta_r": _Role(0.0, -0.5, 0.5, "Å"),
    "sigma2": _Role(0.005, 0.0, 0.1, "Å²"),
    "third": _Role(0.0, -0.02, 0.02, "Å³"),
    "fourth": _Role(0.0, -0.002, 0.002, "Å⁴"),
}


class ShellObjective:
    """χ(k) of one spectrum, a sum of paths, and the space they are compared in.

    Parameters
    ----------
    exafs
        χ(k) in even steps from 0.
    shells
        Paths with their parameters.
    parameters
        Start values, bounds and constraints of the names in the shells.
    space
        Ranges, weights and space.
    epsilon_k
        Standard error of a point of χ(k); the spectrum's own where None.
    prefix
        Begins the names of this spectrum's quantities, for fits of several.

    Raises
    ------
    BadInput
        A range beyond the data, no shells, noise that is not positive, or names without a start.
    """

    def __init__(
        self,
        exafs: Exafs,
        shells: Sequence[Shell],
        parameters: Parameters,
        *,
        space: FitSpace,
        epsilon_k: float | None = None,
        prefix: str = "",
    ) -> None:
        if not shells:
            raise BadInput("there is no shell to fit", expected="at least one")
        check_grid(exafs)
        checked_k_range(exafs, space.k_range)
        epsilon = exafs.epsilon_k if epsilon_k is None else epsilon_k
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise BadInput(f"epsilon_k is {epsilon}", expected="a standard error above 0")
        self.exafs, self.shells, self.space = exafs, tuple(shells), space
        self.epsilon_k = float(epsilon)
        k = exafs.k
        matrix, self._used = space_matrix(space, float(k[1] - k[0]), k.size)
        self._noise = space_noise(space, float(k[1] - k[0]), k.size)
        self._matrix = matrix / self.epsilon_k
        self._data = self._matrix @ exafs.chi[self._used]
        self._stack = PathStack([shell.path for shell in shells], k[self._used])
        self._whole = self._stack.on(k)
        self._base, self._slots, constraints = _slots(shells, prefix)
        used = _used_parameters(parameters, self._slots, constraints)
        self._splines = background_splines(space, k)
        coefficients = spline_parameters(self._splines.shape[1], prefix)
        self._coefficients = [p.name for p in coefficients]
        own = [parameters.get(p.name, p) for p in coefficients]
        self._parameters = used | Parameters(own)
        self._spline_slopes = -(self._matrix @ self._splines[self._used])

    @property
    def parameters(self) -> Parameters:
        """The names of the shells, and one constraint for each expression."""
        return self._parameters

    @property
    def n_independent(self) -> float:
        """Independent points of the ranges."""
        return independent_points(self.space)

    @property
    def data(self) -> Array:
        """The data in the fit's space over their standard error, shape (rows,)."""
        return self._data

    @property
    def noise(self) -> tuple[Array, float, float]:
        """What noise of `epsilon_k` is in `data`, as `space_noise` gives it."""
        return self._noise

    def residual(self, values: Mapping[str, float]) -> Array:
        """Return (data - model) / standard error in the fit's space, shape (rows,)."""
        chi = self._stack.chi(self.quantities(values)).sum(axis=1)
        left = self._data - self._matrix @ chi
        if self._coefficients:
            left = left + self._spline_slopes @ self._weights(values)
        return np.asarray(left)

    def jacobian(self, values: Mapping[str, float], names: Sequence[str]) -> Array:
        """Return d residual / d parameter, shape (rows, len(names))."""
        wanted = [slot for slot in self._slots if slot[2] in names]
        slopes = self._stack.derivatives(
            self.quantities(values), sorted({quantity for _, quantity, _ in wanted})
        )
        index = {name: column for column, name in enumerate(names)}
        chi = np.zeros((self._stack.k.size, len(names)))
        for path, quantity, name in wanted:
            chi[:, index[name]] += slopes[quantity][:, path]
        columns = -(self._matrix @ chi)
        for i, name in enumerate(self._coefficients):
            if name in index:
                columns[:, index[name]] = self._spline_slopes[:, i]
        return np.asarray(columns)

    def quantities(self, values: Mapping[str, float]) -> Array:
        """Return N, S0², … of every path at the values, shape (paths, 7)."""
        result = self._base.copy()
        for path, quantity, name in self._slots:
            result[path, quantity] = values[name]
        return result

    def names(self, path: int) -> dict[str, str]:
        """Return the parameter behind each quantity of a path that is not a number."""
        return {QUANTITIES[q]: name for p, q, name in self._slots if p == path}

    def chi(self, values: Mapping[str, float]) -> Array:
        """Return χ(k) of every path over the whole grid of the spectrum, shape (K, paths)."""
        return self._whole.chi(self.quantities(values))

    def background(self, values: Mapping[str, float]) -> Array:
        """Return what the spline takes of χ(k), shape (K,); zero where none is fitted."""
        return np.asarray(self._splines @ self._weights(values))

    def _weights(self, values: Mapping[str, float]) -> Array:
        return np.array([values[name] for name in self._coefficients])


def check_grid(exafs: Exafs) -> None:
    """Refuse χ(k) that is not on even steps from 0 or not a number somewhere."""
    k, chi = exafs.k, exafs.chi
    even = k.size > 3 and bool(np.allclose(k, k[1] * np.arange(k.size), atol=1e-6 * abs(k[1])))
    if not even or not k[1] > 0:
        raise BadInput("the wavenumbers of χ(k) are no even steps from 0", expected="such a grid")
    bad = np.flatnonzero(~np.isfinite(chi))
    if bad.size:
        raise BadInput(f"chi is not a number at k = {k[bad[0]]:.2f} Å⁻¹", expected="numbers")


def shell_parameters(shells: Sequence[Shell], given: Parameters) -> Parameters:
    """Return the given parameters and those that the shells name and nobody gave.

    A name that stands alone for a quantity starts from what suits the quantity.

    Raises
    ------
    BadInput
        A name that stands only in expressions and has no start value.
    """
    made: dict[str, Parameter] = {}
    for shell in shells:
        for quantity, role in _ROLES.items():
            own = "r" if quantity == "delta_r" and shell.r is not None else quantity
            value = getattr(shell, own)
            if not isinstance(value, str) or not value.strip().isidentifier():
                continue
            name = value.strip()
            if name in given or name == "reff":
                continue
            start, low, high = role.value, role.low, role.high
            if own == "r":
                start, low, high = (shell.path.reff + x for x in (start, low, high))
            elif own == "degeneracy" and shell.path.degeneracy > 1:
                start = shell.path.degeneracy
            made.setdefault(
                name, Parameter(name=name, value=start, min=low, max=high, unit=role.unit)
            )
    known = given | Parameters(made.values())
    for shell in shells:
        for quantity in QUANTITIES:
            expression = shell.expression(quantity)
            for name in names_in(expression) if isinstance(expression, str) else ():
                if name not in known:
                    raise BadInput(
                        f"{name} in {quantity} = {expression!r} of {shell.name} has no start value",
                        expected=f"Parameter(name={name!r}, value=…) in parameters",
                    )
    return known


def _slots(
    shells: Sequence[Shell], prefix: str
) -> tuple[Array, list[tuple[int, int, str]], list[Parameter]]:
    """Return the fixed quantities, the named ones, and a constraint for each expression."""
    base = np.zeros((len(shells), len(QUANTITIES)))
    slots: list[tuple[int, int, str]] = []
    made: dict[str, Parameter] = {}
    for path, shell in enumerate(shells):
        for column, quantity in enumerate(QUANTITIES):
            value = shell.expression(quantity)
            if not isinstance(value, str):
                base[path, column] = value
                continue
            name = value
            if not value.isidentifier():
                # Equal expressions are one constraint.
                fresh = f"{prefix}path{path + 1}_{quantity}"
                unit = _ROLES[quantity].unit
                constraint = Parameter(name=fresh, value=0.0, expr=value, unit=unit)
                name = made.setdefault(value, constraint).name
            slots.append((path, column, name))
    return base, slots, list(made.values())


def _used_parameters(
    known: Parameters, slots: Sequence[tuple[int, int, str]], constraints: Sequence[Parameter]
) -> Parameters:
    """Return what the slots need, constraints of constraints included."""
    everything = known | Parameters(constraints)
    for constraint in constraints:
        if constraint.name in known:
            raise BadInput(
                f"the parameter name {constraint.name} is taken", expected="another name"
            )
    waiting = [name for _, _, name in slots]
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            expression = everything[name].expr
            waiting += names_in(expression) if expression else ()
    return Parameters(p for p in everything.values() if p.name in needed)
