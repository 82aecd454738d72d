"""Writing of refined crystals as CIF, with standard errors in parentheses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from xorder._version import __version__
from xorder.diffraction.writers import pdcif_header
from xorder.store import write_text
from xorder.structure import Crystal, Site
from xorder.symmetry import triplet

if TYPE_CHECKING:
    from xorder.diffraction.pattern import Pattern
    from xorder.diffraction.recipe_fractions import FractionAnalysis
    from xorder.diffraction.refinement_results import Refinement

__all__ = ["cif_text", "with_error", "write_refined_pdcif"]

#: What powder CIF calls the methods that it has a word for.
_METHODS = (
    ("external standard", "external_standard"),
    ("internal standard", "internal_standard"),
)
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
    block = _block_name(found.name)
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


def write_refined_pdcif(
    path: str | Path,
    refinement: Refinement,
    pattern: Pattern,
    *,
    index: int = 0,
    fractions: FractionAnalysis | None = None,
) -> Path:
    """Write a refined pattern and its phases as one powder CIF.

    One block a phase with the refined crystal; one with the measured and calculated points and the
    weight fractions: of the sample where `fractions` has them (by its first method, the amorphous
    part as a phase), else of the crystalline phases.

    Parameters
    ----------
    path
        File to write.
    refinement
        The refinement of the pattern, or of several together.
    pattern
        The pattern, for its radiation.
    index
        Which pattern of a joint refinement.
    fractions
        Weight fractions from the refinement.

    Raises
    ------
    CannotWrite
        Where the file cannot be written.
    """
    found = refinement.patterns[index]
    blocks = [cif_text(refinement, phase) for phase in range(len(found.phases))]
    names = [_block_name(phase.name) for phase in found.phases]
    rows, method = _mass_rows(refinement, index, fractions)
    said = f"weight fractions: {method}"
    comments = [line for line in pdcif_header(pattern, block="pattern") if line.startswith("#")]
    header = pdcif_header(pattern, block="pattern")[len(comments) :]
    points = [
        "loop_", "_pd_meas_2theta_scan", "_pd_proc_intensity_total", "_pd_proc_ls_weight",
        "_pd_calc_intensity_total", "_pd_proc_intensity_bkg_calc",
    ]  # fmt: skip
    columns = (
        found.two_theta, found.intensity, found.sigma**-2.0, found.calculated,
        found.background + found.halo,
    )  # fmt: skip
    points += [
        f"{t:.6f} {i!r} {w!r} {c:.6g} {b:.6g}"
        for t, i, w, c, b in zip(*(column.tolist() for column in columns), strict=True)
    ]
    lines = [
        *header,
        f"_pd_proc_ls_prof_R_factor {found.r_p / 100:.5f}",
        f"_pd_proc_ls_prof_wR_factor {found.r_wp / 100:.5f}",
        f"_pd_proc_ls_prof_wR_expected {found.r_exp / 100:.5f}",
        f"_refine_ls_goodness_of_fit_all {found.gof:.3f}",
        *(f"_pd_qpa_overall.method {word}" for name, word in _METHODS if method.startswith(name)),
        *([f"_pd_proc_info_special_details {_quoted(said)}"] if method else []),
        *(["loop_", "_pd_phase_mass.phase_id", "_pd_phase_mass.percent"] if rows else []),
        *rows,
        *["loop_", "_pd_phase_id", "_pd_phase_block_id", "_pd_phase_name"],
        *(
            f"{name} {name} {_quoted(phase.name)}"
            for name, phase in zip(names, found.phases, strict=True)
        ),
        *points,
    ]
    return write_text(Path(path), "\n".join([*comments, *blocks, *lines]) + "\n")


def _mass_rows(
    refinement: Refinement, index: int, fractions: FractionAnalysis | None
) -> tuple[list[str], str]:
    """Return rows of phase and weight per cent, and the word for the method."""
    if fractions is not None and fractions.amorphous:
        found = fractions.amorphous[0]
        rows = [
            f"{_block_name(str(name))} {with_error(100 * float(w), 100 * float(s))}"
            for name, w, s in zip(
                found.phase, found.weight_fraction, found.weight_fraction_stderr, strict=True
            )
        ]
        rows.append(f"amorphous {with_error(100 * found.amorphous, 100 * found.stderr)}")
        return rows, found.method
    phases, factor = refinement.patterns[index].phases, refinement.serial_factor
    if not all(math.isfinite(phase.weight_fraction) for phase in phases):
        return [], ""
    return [
        f"{_block_name(phase.name)} "
        + with_error(100 * phase.weight_fraction, 100 * phase.weight_fraction_stderr * factor)
        for phase in phases
    ], "crystalline phases only"


def _block_name(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name) or "phase"
