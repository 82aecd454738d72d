"""Writing of refined crystals as CIF, with standard errors in parentheses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from xorder._version import __version__
from xorder.structure import Crystal, Site
from xorder.symmetry import triplet

if TYPE_CHECKING:
    from xorder.diffraction.refinement_results import Refinement

__all__ = ["cif_text", "with_error"]

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def with_error(value: float, stderr: float) -> str:
    """Return a number as CIFs print it, ``9.37172(4)``: the error rounded to two digits below 20.

    Where there is no standard error six decimals are printed.
    """
    if not (math.isfinite(stderr) and stderr > 0):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    decimals = 1 - math.floor(math.log10(stderr))
    digits = round(stderr * 10.0**decimals)
    if digits >= 20:
        decimals -= 1
        digits = round(stderr * 10.0**decimals)
    if decimals < 0:
        digits, decimals = round(stderr), 0
    return f"{value:.{decimals}f}({digits})"


def cif_text(refinement: Refinement, phase: int = 0) -> str:
    """Return the refined crystal of a phase as the text of a CIF.

    Standard errors count serial correlation. Anisotropic displacements that were kept are written
    as their isotropic equivalents.
    """
    pattern = refinement.patterns[0]
    found = pattern.phases[phase]
    crystal, factor = found.crystal, refinement.serial_factor
    errors = [math.nan] * 6 if crystal.cell_stderr is None else crystal.cell_stderr.tolist()
    block = "".join(c if c.isalnum() else "_" for c in found.name) or "phase"
    simulated = " of a simulated pattern" if pattern.simulated else ""
    lines = [
        f"data_{block}",
        f"_audit_creation_method 'Rietveld refinement{simulated} by xorder {__version__}'",
        f"_chemical_name_common {_quoted(found.name)}",
    ]
    for name, value, error in zip(_CELL, crystal.cell.tolist(), errors, strict=True):
        lines.append(f"_cell_{name} {with_error(value, error * factor)}")
    lines += [
        f"_space_group_name_H-M_alt {_quoted(crystal.space_group)}",
        f"_space_group_IT_number {crystal.space_group_number}"
        if crystal.space_group_number
        else "_space_group_IT_number ?",
        f"_pd_proc_ls_prof_R_factor {pattern.r_p / 100:.5f}",
        f"_pd_proc_ls_prof_wR_factor {pattern.r_wp / 100:.5f}",
        f"_pd_proc_ls_prof_wR_expected {pattern.r_exp / 100:.5f}",
        f"_refine_ls_R_I_factor {found.r_bragg / 100:.5f}",
        f"_refine_ls_goodness_of_fit_all {pattern.gof:.3f}",
        "loop_",
        "_space_group_symop_operation_xyz",
    ]
    operations = zip(crystal.rotations, crystal.translations, strict=True)
    lines += [f"'{triplet(rotation, translation)}'" for rotation, translation in operations]
    lines += [
        "loop_",
        "_atom_site_label",
        "_atom_site_type_symbol",
        "_atom_site_fract_x",
        "_atom_site_fract_y",
        "_atom_site_fract_z",
        "_atom_site_occupancy",
        "_atom_site_U_iso_or_equiv",
        "_atom_site_adp_type",
    ]
    names = _local_errors(refinement, phase)
    lines += [_site_line(crystal, site, names, factor) for site in crystal.sites]
    return "\n".join(lines) + "\n"


def _site_line(crystal: Crystal, site: Site, errors: dict[str, float], factor: float) -> str:
    label = "".join(c if c.isalnum() and c.isascii() else "_" for c in site.label)
    xyz = [
        with_error(value, errors.get(f"{axis}_{label}", math.nan) * factor)
        for axis, value in zip("xyz", site.xyz.tolist(), strict=True)
    ]
    groups = (f"uiso_{label}", f"uiso_{site.element}", "uiso")
    displacement = next((errors[name] for name in groups if name in errors), math.nan)
    occupancy = errors.get(f"occupancy_{label}", math.nan)
    charge = "" if site.charge == 0 else f"{abs(site.charge)}{'+' if site.charge > 0 else '-'}"
    uiso = "?" if not math.isfinite(site.uiso) else with_error(site.uiso, displacement * factor)
    return " ".join(
        [
            site.label, site.element + charge, *xyz, with_error(site.occupancy, occupancy * factor),
            uiso, "Uiso" if site.uij is None else "Uani",
        ]
    )  # fmt: skip


def _local_errors(refinement: Refinement, phase: int) -> dict[str, float]:
    """Return the standard errors of a phase's coordinates by their local names."""
    suffix = refinement.suffixes[phase]
    parameters = refinement.fit.parameters
    found = {}
    for name, parameter in parameters.items():
        if suffix and not name.endswith(suffix):
            continue
        found[name[: len(name) - len(suffix)]] = parameter.stderr
    return found


def _quoted(text: str) -> str:
    return f"'{text}'" if "'" not in text else f'"{text}"'
