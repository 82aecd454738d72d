"""What the labels of columns say: roles and units."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["role_of_label", "roles_of_labels", "units_of_labels"]

_LABELS: tuple[tuple[str, str], ...] = (
    (
        "energy",
        r"energy|e|en|ev|ebraggenergy|mono[ _]?(?:chromator[ _]?)?energy|achieved[ _]energy"
        r"|bragg_energy|energy[_ ](?:enc|rbv|readback|feedback|achieved|fbk|mono|axis)"
        r"|energyfeedback|energyachieved|photon[ _]energy|x-?ray energy|mono_?e(?:v|n)?"
        r"|zapenergy|energ(?:ie|ia|ía)|incident[ _]energy|mono:e(?:nergy)?"
        r"|(?:\w+:)*energy:(?:fbk|readback|rbv)",
    ),
    ("angle", r"angle|angle\(o\)|theta|bragg|bragg[ _]angle|mono[ _]?angle|th|monoangle"),
    (
        "mu",
        r"mu|xmu|mutrans|mu_?trans\w*|mu\(e\)|µ|μ|μ\(e\)|norm|normalized|xanes|absorption"
        r"|abs(?:orbance)?|norm(?:alized)?[ _](?:mu|abs\w*)|mut|mu_?t",
    ),
    ("mufluor", r"mu_?fluo\w*|mu_?f|muf"),
    ("mu_ref", r"mu_?ref\w*|murefer|xmuref"),
    (
        "i0",
        r"i0|io|i_0|i0[_:. ]\w+|izero|i_zero|inorm|monitor|mon|i0detector|i0_eh\d"
        r"|incident|i0[ _]?(?:ion)?[ _]?chamber|ion[_ ]?chamber[_ ]?0|ic0",
    ),
    (
        "itrans",
        r"itrans|it|i1|i_t|i_1|i1[_:. ]\w+|it_\w+|itransmission|trans(?:mission)?|itr"
        r"|i1detector|ic1|transmitted",
    ),
    (
        "ifluor",
        r"ifluor|if|iff|ifl|i_f|ifluo|ifluorescence|fluor?|fluorescence|lytle"
        r"|pips|pipsdetector|xfluor|tfy|pfy|ify|vortex|fy|ifl?_\w+",
    ),
    (
        "iey",
        r"tey|iey|ey|pey|tey(?:detector|_?current)|drain[ _]?current|drain|keithley\d_tey"
        r"|sample[ _]current|electron[ _]yield",
    ),
    ("iref", r"irefer|iref\w*|ir|i2|i_2|i_r|ir_\w+|i2[_:. ]\w+|reference|i2detector|ic2"),
    ("stderr", r"stderr|mu_err|sigma|stddev|mu_std|dmu|delta_mu"),
)

#: Words of settings and of electronics, which are no signal whatever stands before them.
_SETTING = re.compile(r"gain|sens|offset|\bamp|dark|unit|live|dead|name|setpoint|requested")

#: What stands before a counter's name: its beamline, or the kind of scan.
_PREFIX = re.compile(r"^(?:[\w-]+:|q?exafs_|xas_|scan_)")

_UNIT = re.compile(
    r"\s*[\[(]\s*([kmM]?eV|deg(?:rees)?|°|a\.?u\.?|arb\.?[^\])]*|counts?|A|nA|V|s)"
    r"\s*[\])]\s*$",
    re.IGNORECASE,
)


def role_of_label(label: str) -> str:
    """Return the role that a column's label names, or an empty string."""
    bare = _UNIT.sub("", label.strip(" \"'")).lower().rstrip("*").strip()
    # Some programs add each column's number to its label.
    bare = re.sub(r"_c\d+$", "", bare)
    if _SETTING.search(bare):
        return ""
    for name in dict.fromkeys((bare, _PREFIX.sub("", bare))):
        for role, pattern in _LABELS:
            if re.fullmatch(pattern, name):
                return role
    return ""


def roles_of_labels(labels: Sequence[str]) -> dict[str, int]:
    """Return the first column of each role that the labels name."""
    roles: dict[str, int] = {}
    for index, label in enumerate(labels):
        role = role_of_label(label)
        if role:
            roles.setdefault(role, index)
    return roles


def units_of_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the unit that each label names in brackets, empty where it names none."""
    found = (_UNIT.search(label.strip(" \"'")) for label in labels)
    return tuple(match[1] if match else "" for match in found)
