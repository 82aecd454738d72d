"""Fit parameters in lmfit's words, frozen, with constraints compiled once."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, replace
from types import CodeType
from typing import Any

import numpy as np

from xorder.errors import BadInput, UnknownName
from xorder.results import Array

__all__ = ["Parameter", "Parameters", "Space"]

_FUNCTIONS: dict[str, Any] = {
    name: getattr(math, name)
    for name in ("sqrt", "exp", "log", "sin", "cos", "tan", "radians", "degrees")
} | {"abs": abs, "min": min, "max": max, "pi": math.pi}
#: What a constraint can call; its names come from the parameters.
_NAMESPACE: dict[str, Any] = {"__builtins__": {}} | _FUNCTIONS
_ALLOWED = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Load, ast.Constant,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """One parameter of a fit."""

    name: str
    """Name; an identifier, so that constraints can use it."""
    value: float
    """Value: the start before a fit, the estimate after it."""
    vary: bool = True
    """Whether the fit may change it."""
    min: float = -math.inf
    """Lower bound."""
    max: float = math.inf
    """Upper bound."""
    expr: str = ""
    """Constraint in other parameters' names, such as ``"2 * sigma2_1"``; then it does not vary."""
    stderr: float = math.nan
    """Standard error; NaN before a fit and for what was not determined."""
    init_value: float = math.nan
    """Start value of the fit that gave `value`."""
    unit: str = ""
    """Unit of value, bounds and error."""

    def __str__(self) -> str:
        error = f" ± {self.stderr:.2g}" if math.isfinite(self.stderr) else ""
        kind = f"  = {self.expr}" if self.expr else "" if self.vary else "  (fixed)"
        return f"{self.name} = {self.value:.8g}{error} {self.unit}".rstrip() + kind


class Parameters(Mapping[str, Parameter]):
    """An ordered, immutable set of parameters."""

    __slots__ = ("_by_name",)

    def __init__(self, parameters: Iterable[Parameter] = ()) -> None:
        self._by_name: dict[str, Parameter] = {}
        for parameter in parameters:
            _check(parameter)
            self._by_name.setdefault(parameter.name, parameter)

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownName(
                f"there is no parameter {name!r}", expected="one of " + ", ".join(self._by_name)
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def values(self) -> ValuesView[Parameter]:
        """Return the parameters in their order."""
        return self._by_name.values()

    def items(self) -> ItemsView[str, Parameter]:
        """Return names and parameters in their order."""
        return self._by_name.items()

    def __repr__(self) -> str:
        return "\n".join(str(parameter) for parameter in self.values())

    def valuesdict(self) -> dict[str, float]:
        """Return the values by name."""
        return {name: parameter.value for name, parameter in self._by_name.items()}

    def updated(self, name: str, **changes: Any) -> Parameters:
        """Return a copy in which one parameter is changed, such as ``updated("a", vary=False)``."""
        changed = replace(self[name], **changes)
        return Parameters(changed if p.name == name else p for p in self.values())

    def with_values(self, values: Mapping[str, float]) -> Parameters:
        """Return a copy with new values; names that are not here are an error."""
        for name in values:
            self[name]
        return Parameters(
            replace(p, value=float(values.get(p.name, p.value))) for p in self.values()
        )

    def __or__(self, other: Mapping[str, Parameter]) -> Parameters:
        return Parameters([*self.values(), *other.values()])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{p.name}</td><td>{p.value:.8g}</td><td>{p.stderr:.2g}</td><td>{p.unit}</td>"
            f"<td>{'yes' if p.vary and not p.expr else p.expr or 'fixed'}</td>"
            f"<td>[{p.min:g}, {p.max:g}]</td></tr>"
            for p in self.values()
        )
        head = "".join(
            f"<th>{h}</th>" for h in ("name", "value", "stderr", "unit", "vary", "bounds")
        )
        return f"<table><tr>{head}</tr>{rows}</table>"


class Space:
    """The varying parameters as a vector, and how all values follow from it."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.names = [p.name for p in parameters.values() if p.vary and not p.expr]
        self.lower = np.array([parameters[name].min for name in self.names])
        self.upper = np.array([parameters[name].max for name in self.names])
        start = np.array([parameters[name].value for name in self.names])
        self.start = np.clip(start, self.lower, self.upper)
        self._fixed = parameters.valuesdict()
        self._constraints = _ordered_constraints(parameters)
        self._constrain = {
            n for p in parameters.values() if p.expr for n in _compiled(p.name, p.expr)[1]
        }

    def values(self, x: Array) -> dict[str, float]:
        """Return every parameter's value at the vector `x`."""
        values = dict(self._fixed)
        values.update(zip(self.names, x.tolist(), strict=True))
        for name, code in self._constraints:
            try:
                values[name] = float(eval(code, _NAMESPACE, values))  # noqa: S307
            except (ArithmeticError, ValueError) as error:
                raise BadInput(
                    f"the constraint {name} = {self.parameters[name].expr!r} has no value: {error}"
                ) from error
        return values

    def derivatives(self, x: Array) -> Array:
        """Return d(value of every parameter)/dx, shape (parameters, varying)."""
        index = {name: i for i, name in enumerate(self.parameters)}
        result = np.zeros((len(index), len(self.names)))
        for column, name in enumerate(self.names):
            result[index[name], column] = 1.0
        if self._constraints:
            for column, moved in enumerate(self.names):
                if moved not in self._constrain:
                    continue
                step = 1e-6 * max(1.0, abs(x[column]))
                up, down = x.copy(), x.copy()
                up[column] += step
                down[column] -= step
                high, low = self.values(up), self.values(down)
                for name, _ in self._constraints:
                    result[index[name], column] = (high[name] - low[name]) / (2 * step)
        return result


def _check(p: Parameter) -> None:
    if not p.name.isidentifier():
        raise BadInput(f"parameter name {p.name!r} is not an identifier", expected="such as 'a_1'")
    if not math.isfinite(p.value):
        raise BadInput(f"parameter {p.name} starts at {p.value}", expected="a finite start value")
    if not p.min < p.max:
        raise BadInput(
            f"parameter {p.name} has bounds [{p.min:g}, {p.max:g}]", expected="min < max"
        )


@functools.lru_cache(maxsize=4096)
def _compiled(name: str, expr: str) -> tuple[CodeType, frozenset[str]]:
    try:
        tree = ast.parse(expr, mode="eval")
    except SyntaxError as error:
        raise BadInput(f"constraint {name} = {expr!r} cannot be read: {error.msg}") from error
    used: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise BadInput(
                f"constraint {name} = {expr!r} uses {type(node).__name__}",
                expected="arithmetic on parameter names and sqrt, exp, log, sin, cos, tan, abs",
            )
        if isinstance(node, ast.Name):
            used.add(node.id)
    return compile(tree, f"<constraint {name}>", "eval"), frozenset(used) - set(_FUNCTIONS)


def _ordered_constraints(parameters: Parameters) -> list[tuple[str, CodeType]]:
    """Return the constraints, each after those it depends on."""
    waiting = {p.name: _compiled(p.name, p.expr) for p in parameters.values() if p.expr}
    for name, (_, used) in waiting.items():
        missing = sorted(used - set(parameters))
        if missing:
            raise BadInput(
                f"constraint {name} = {parameters[name].expr!r} uses unknown {', '.join(missing)}",
                expected="names of " + ", ".join(parameters),
            )
    ordered: list[tuple[str, CodeType]] = []
    while waiting:
        ready = [name for name, (_, used) in waiting.items() if not used & set(waiting)]
        if not ready:
            raise BadInput(f"constraints {', '.join(waiting)} depend on one another in a circle")
        ordered += [(name, waiting.pop(name)[0]) for name in ready]
    return ordered
