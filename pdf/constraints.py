"""Constraints and starts as people write them: "a = 3.52", "uiso_Na = uiso_Cl", "delta2 ~ 2"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from xorder.errors import BadInput
from xorder.fitting import Parameter, Parameters

__all__ = ["parameters_from_text"]


def parameters_from_text(texts: Sequence[str], start: Parameters) -> Parameters:
    """Return the parameters that the texts hold, tie or start elsewhere.

    Parameters
    ----------
    texts
        ``"name = 3.52"`` holds, ``"name = expression"`` ties, ``"name ~ 2"`` starts there. A name
        that a model does not know is a parameter of its own, for others to be tied to.
    start
        The parameters of the model.

    Raises
    ------
    BadInput
        Where a text is none of these, or ties a parameter to a name nobody knows.
    """
    found: dict[str, Parameter] = {}
    for text in texts:
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*([=~])\s*(\S.*?)\s*", text)
        if match is None:
            raise BadInput(
                f"a parameter is {text!r}",
                expected='"a = 3.52" (held), "uiso_Na = uiso_Cl" (tied) or "delta2 ~ 2" (start)',
            )
        name, sign, rest = match.groups()
        known = start[name] if name in start else Parameter(name=name, value=0.0)
        value = _number(rest)
        if value is not None:
            low, high = min(known.min, value), max(known.max, value)
            vary = sign == "~"
            found[name] = replace(known, value=value, min=low, max=high, vary=vary, expr="")
        elif sign == "=":
            found[name] = replace(known, expr=rest, vary=False)
        else:
            raise BadInput(f"{name} starts at {rest!r}", expected="a number")
    _check_names(found, start)
    return Parameters(found.values())


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _check_names(found: dict[str, Parameter], start: Parameters) -> None:
    used = {name for p in found.values() for name in re.findall(r"[A-Za-z_]\w*", p.expr)}
    functions = {"sqrt", "exp", "log", "sin", "cos", "tan", "radians", "degrees", "abs", "min",
                 "max", "pi"}  # fmt: skip
    unknown = sorted(used - set(found) - set(start) - functions)
    unknown += [name for name in found if name not in start and name not in used]
    if unknown:
        raise BadInput(
            f"there is no parameter {unknown[0]!r}", expected="one of " + ", ".join(start)
        )
