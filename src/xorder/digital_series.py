"""A digital series: samples whose every atom is known, as the three probes would measure them.

Crystalline NaTaCl6 in domains of known size and strain, NaCl, and an amorphous part that was made
here of atoms (`xorder.amorphous_packing`); written as a beamline and a laboratory would leave it:
scans of the Ta L3 edge, powder patterns with film and air, raw counts of total scattering, the
blanks, the fully amorphous end member, a mixture of known weights, and the manifest. Every file
says that it is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xorder import diffraction, pdf, references, xas
from xorder.amorphous_packing import Packing, pack_octahedra
from xorder.digital_scattering import Motion, Part, Phase
from xorder.digital_signals import (
    SCHERRER_OF_SPHERE,
    Beamline,
    Diffractometer,
    longer,
    simulate_counts,
    simulate_empty_container,
    simulate_holder,
    simulate_pattern,
    simulate_scans,
)
from xorder.errors import BadInput
from xorder.example import Milled, check_empty
from xorder.store import write_text

__all__ = [
    "ATOMISTIC_SERIES",
    "GLASS",
    "LONGER",
    "WEIGHED",
    "Materials",
    "make_materials",
    "parts_of",
    "simulate_series",
]

#: Eight samples from the crystal to 95 wt% amorphous.
ATOMISTIC_SERIES = (
    Milled(hours=0.5, amorphous=0.00, salt=0.06, size=1000.0, strain=0.0003),
    Milled(hours=1, amorphous=0.10, salt=0.06, size=800.0, strain=0.0005),
    Milled(hours=3, amorphous=0.25, salt=0.05, size=500.0, strain=0.0010),
    Milled(hours=6, amorphous=0.40, salt=0.05, size=350.0, strain=0.0015),
    Milled(hours=12, amorphous=0.55, salt=0.04, size=280.0, strain=0.0020),
    Milled(hours=18, amorphous=0.70, salt=0.04, size=220.0, strain=0.0025),
    Milled(hours=26, amorphous=0.85, salt=0.03, size=180.0, strain=0.0030),
    Milled(hours=40, amorphous=0.95, salt=0.02, size=150.0, strain=0.0035),
)
#: Diameter of the NaCl grains in Å.
SALT_SIZE = 1000.0
#: How much longer than a sample what all samples are compared with is measured: its noise is in
#: every result.
LONGER = 9.0
#: The mixture that calibrates the halo: as weighed.
WEIGHED = Milled(hours=0, amorphous=0.5, salt=0.05, size=600.0, strain=0.0005)
#: The end member of the calibrations.
GLASS = Milled(hours=0, amorphous=1.0, salt=0.0, size=600.0, strain=0.0)

_HEADER = """\
# A SIMULATED milling series of NaTaCl6 whose atoms are known: nothing here was measured.
# Written by `xorder example --atomistic`; the truth is in truth.csv, the amorphous box in
# amorphous.xyz.
#
#   xorder run {name}/series.toml --out {name}/results

[series]
name = "NaTaCl6 milled, atomistic"
order = "milling time (h)"
simulated = true
{ends}
[xas]
element = "Ta"
edge = "L3"
k_range = [3.0, 12.0]
k_weight = 2
feature_r = [3.2, 4.6]

[diffraction]
structure = "NaTaCl6"
impurities = ["NaCl"]
wavelength = "CuKa"
planes = [[0, 1, 2], [0, 0, 4], [1, 1, 0], [1, 0, 6], [2, 2, 0]]
instrument_fwhm = 0.06

[diffraction.refine]
background = 4
blank = "diffraction/blank.xye"
halo_files = ["diffraction/glass.xye"]
positions = false
uiso = "element"
fixed_shape = ["NaCl"]
constraints = ["strain_NaCl = 0"{displacements}]

[diffraction.quantify]
halo_mixture = "diffraction/known_mixture.xye"
halo_share = [0.5, 0.005]

[pdf]
structures = ["NaTaCl6", "NaCl"]
amorphous_file = "pdf/glass.iq"
sphere_diameter = 60.0
r_min = 2.0
r_max = 25.0
q_max = 22.0
qdamp = {qdamp:g}
refine_qbroad = true

[pdf.reduce]
normalization = "low_r"
container = "pdf/empty_capillary.iq"
fluorescence = {fluorescence:g}
polarization = 0.0
r_cut = 1.6
q_min = {q_min:g}
q_max = 22.0
low_q = "linear"
r_step = 0.02
r_max = 40.0
"""

_ENDS = """\
crystalline = "{}"
amorphous = "{}"
"""

_SAMPLE = """
[[samples]]
name = "{milled.name}"
order = {milled.hours:g}
conductivity = {milled.conductivity:.3g}
xas = {{ files = "xas/{stem}_*.xdi" }}
diffraction = {{ files = "diffraction/{stem}.xye" }}
pdf = {{ files = "pdf/{stem}.iq" }}
"""


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Materials:
    """What the samples are mixed of, with all that must be computed once."""

    crystal: Phase
    """NaTaCl6."""
    salt: Phase
    """NaCl."""
    glass: Phase
    """Amorphous NaTaCl6."""
    frames: tuple[pdf.Frame, ...]
    """The boxes of the amorphous phase."""
    crystal_paths: tuple[xas.ScatteringPath, ...] = ()
    """Scattering paths of Ta in the crystal."""
    glass_paths: tuple[xas.ScatteringPath, ...] = ()
    """Scattering paths of Ta in the boxes, averaged."""


def make_materials(
    *,
    packing: Packing | None = None,
    motion: Motion | None = None,
    boxes: int = 1,
    absorbers: int = 6,
    seed: int = 0,
) -> Materials:
    """Return the materials of a digital series.

    Parameters
    ----------
    packing
        How the amorphous boxes are made.
    motion
        Motion of the atoms.
    boxes
        Boxes to average.
    absorbers
        Ta atoms whose surroundings FEFF calculates; 0 leaves the paths out.
    seed
        Seed of boxes and absorbers.

    Raises
    ------
    BadStructure
        Where the packing is too dense.
    ProgramFailed
        Where FEFF does not run.
    """
    motion = motion or Motion()
    frames = tuple(pack_octahedra(packing, seed=seed + n) for n in range(boxes))
    structure = references.load("NaTaCl6")
    near: tuple[xas.ScatteringPath, ...] = ()
    near_glass: tuple[xas.ScatteringPath, ...] = ()
    if absorbers:
        near = xas.calculate_paths(structure, absorber="Ta", edge="L3", radius=5.0)
        near_glass = xas.calculate_paths(
            frames, absorber="Ta", edge="L3", radius=5.0, n_absorbers=absorbers, seed=seed, jobs=2
        )
    return Materials(
        crystal=Phase.crystalline(structure, motion=motion),
        salt=Phase.crystalline(references.load("NaCl"), motion=motion),
        glass=Phase.amorphous(frames, motion=motion),
        frames=frames,
        crystal_paths=near,
        glass_paths=near_glass,
    )


def parts_of(milled: Milled, materials: Materials) -> list[Part]:
    """Return the phases of a sample; those it has nothing of are left out."""
    crystalline = 1.0 - milled.amorphous
    parts = [
        Part(
            phase=materials.crystal,
            mass_fraction=crystalline * (1.0 - milled.salt),
            diameter=milled.size,
            strain=milled.strain,
        ),
        Part(phase=materials.salt, mass_fraction=crystalline * milled.salt, diameter=SALT_SIZE),
        Part(phase=materials.glass, mass_fraction=milled.amorphous),
    ]
    return [part for part in parts if part.mass_fraction > 0]


def simulate_series(
    truth: Sequence[Milled],
    folder: str | Path,
    *,
    seed: int = 0,
    materials: Materials | None = None,
    setup: tuple[Diffractometer, Beamline] | None = None,
) -> Path:
    """Write the measurements of a digital series, what calibrates them, and the manifest.

    Parameters
    ----------
    truth
        The samples.
    folder
        A new or empty folder.
    seed
        Seed of the boxes and of all noise.
    materials
        Crystals, glass and their paths; made with `seed` where None, which takes most of the time.
    setup
        The instruments.

    Returns
    -------
    :
        The manifest, ``series.toml``.

    Raises
    ------
    BadInput
        Where there are no samples, or the folder holds something.
    CannotWrite
        Where it cannot be written.
    ProgramFailed
        Where FEFF does not run.
    """
    folder = Path(folder)
    if not truth:
        raise BadInput("there is no sample", expected="at least one")
    stems = [f"milled_{milled.hours:g}h".replace(".", "_") for milled in truth]
    if len(set(stems)) < len(stems):
        raise BadInput("two samples were milled for one time", expected="each a time of its own")
    check_empty(folder)
    materials = materials or make_materials(seed=seed)
    bench, beamline = setup or (Diffractometer(), Beamline())
    for index, (stem, milled) in enumerate(zip(stems, truth, strict=True)):
        name, own = f"{milled.name}, simulated", seed + 100 * (index + 1)
        parts = parts_of(milled, materials)
        _write_scans(folder / "xas", stem, milled, materials, own)
        pattern = simulate_pattern(parts, bench, seed=own, name=name)
        diffraction.write_xye(folder / "diffraction" / f"{stem}.xye", pattern)
        counts = simulate_counts(parts, beamline, seed=own, name=name)
        _write_counts(folder / "pdf" / f"{stem}.iq", counts)
    _write_calibrations(folder, materials, bench, beamline, seed)
    write_text(folder / "amorphous.xyz", _xyz(materials.frames[0]))
    write_text(folder / "truth.csv", _truth(truth, materials))
    header = _HEADER.format(
        name=folder.name,
        ends=_ENDS.format(truth[0].name, truth[-1].name) if len(truth) > 1 else "",
        qdamp=beamline.qdamp,
        fluorescence=beamline.fluorescence,
        q_min=beamline.q[0],
        displacements=_displacements(materials),
    )
    samples = [_SAMPLE.format(milled=m, stem=s) for m, s in zip(truth, stems, strict=True)]
    return write_text(folder / "series.toml", header + "".join(samples))


def _write_scans(folder: Path, stem: str, milled: Milled, materials: Materials, seed: int) -> None:
    if not (materials.crystal_paths and materials.glass_paths):
        raise BadInput("the materials have no scattering paths", expected="some absorbers")
    scans = simulate_scans(
        materials.crystal_paths,
        materials.glass_paths,
        amorphous_share=_tantalum_share(milled),
        seed=seed,
        name=f"{milled.name}, simulated",
    )
    for number, spectrum in enumerate(scans, start=1):
        xas.write_xdi(spectrum, folder / f"{stem}_{number}.xdi")


def _tantalum_share(milled: Milled) -> float:
    """Return the share of the Ta atoms that is amorphous; NaCl has none."""
    crystalline = (1.0 - milled.amorphous) * (1.0 - milled.salt)
    return milled.amorphous / (milled.amorphous + crystalline)


def _write_calibrations(
    folder: Path, materials: Materials, bench: Diffractometer, beamline: Beamline, seed: int
) -> None:
    """Write blank, capillary, fully amorphous end member and weighed mixture."""
    place, long = folder / "diffraction", longer(bench, LONGER)
    diffraction.write_xye(place / "blank.xye", simulate_holder(long, seed=seed + 1))
    for stem, milled, setup, own in (
        ("glass", GLASS, long, 2),
        ("known_mixture", WEIGHED, bench, 3),
    ):
        pattern = simulate_pattern(
            parts_of(milled, materials), setup, seed=seed + own, name=f"{stem}, simulated"
        )
        diffraction.write_xye(place / f"{stem}.xye", pattern)
    counts = simulate_counts(
        parts_of(GLASS, materials),
        longer(beamline, LONGER),
        seed=seed + 4,
        name="glass, simulated",
    )
    # As counts in the time of a sample, so that one constant level holds for all files.
    counts = replace(
        counts, intensity=counts.intensity / LONGER, stderr=np.sqrt(counts.intensity) / LONGER
    )
    _write_counts(folder / "pdf" / "glass.iq", counts)
    empty = simulate_empty_container(beamline, seed=seed + 5)
    _write_counts(folder / "pdf" / "empty_capillary.iq", empty)


def _write_counts(path: Path, counts: pdf.Intensity) -> None:
    pdf.write_curve(
        path,
        pdf.Curve(
            letter="I",
            x=counts.q,
            values=counts.intensity,
            stderr=counts.stderr,
            wavelength=counts.wavelength,
            composition=counts.composition,
            name=counts.name,
            simulated=True,
        ),
    )


def _displacements(materials: Materials) -> str:
    """Return the displacements as the crystal alone gives them, as constraints of a manifest."""
    texts = [
        f'"uiso_{element}_{phase.name} = {phase.motion.uiso[element]:g}"'
        for phase in (materials.crystal, materials.salt)
        for element in sorted(phase.amounts)
    ]
    return "".join(f", {text}" for text in texts)


def _xyz(frame: pdf.Frame) -> str:
    """Return a box as extended xyz."""
    if frame.lattice is None:
        raise BadInput("the frame has no box", expected="a periodic box")
    box = " ".join(f"{value:.6f}" for value in frame.lattice.ravel())
    lines = [str(len(frame.elements))]
    lines.append(f'Lattice="{box}" Properties=species:S:1:pos:R:3 comment="SIMULATED"')
    lines += [
        f"{element} {x:.5f} {y:.5f} {z:.5f}"
        for element, (x, y, z) in zip(frame.elements.tolist(), frame.positions, strict=True)
    ]
    return "\n".join(lines) + "\n"


def _truth(series: Sequence[Milled], materials: Materials) -> str:
    lines = ["# SIMULATED: the truth behind the files of this folder"]
    lines.append(
        "# displacements (Å²): "
        + ", ".join(f"{e} {u:g}" for e, u in materials.glass.motion.uiso.items())
    )
    lines.append(
        "hours,amorphous (wt),NaCl of the crystalline (wt),domain diameter (Å),"
        "Scherrer size (Å),microstrain,amorphous share of Ta"
    )
    lines += [
        f"{m.hours:g},{m.amorphous:g},{m.salt:g},{m.size:g},{SCHERRER_OF_SPHERE * m.size:.4g},"
        f"{m.strain:g},{_tantalum_share(m):.4f}"
        for m in series
    ]
    return "\n".join(lines) + "\n"
