"""The packaged example: a simulated milling series of NaTaCl6, seen by all three probes.

Everything is computed when it is asked for: nothing in it was measured, and every file says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xorder import diffraction, pdf, references, xas
from xorder.errors import BadInput, CannotWrite
from xorder.store import write_text
from xorder.structure import Crystal

__all__ = ["MILLING_SERIES", "Milled", "check_empty", "write_example"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Milled:
    """The truth of one simulated sample."""

    hours: float
    """Milling time, h."""
    amorphous: float
    """Weight fraction that is amorphous."""
    salt: float
    """Weight fraction of NaCl among what is crystalline."""
    size: float
    """Diameter of the NaTaCl6 domains, Å."""
    strain: float
    """Microstrain of NaTaCl6, Δd/d."""

    @property
    def name(self) -> str:
        """Name of the sample."""
        return f"{self.hours:g} h"

    @property
    def conductivity(self) -> float:
        """Conductivity in S/cm by an invented rule: it rises with the square of the amorphous part.

        The ends, 1e-6 and 4e-3 S/cm, are those of Hu et al., Matter 7, 1018 (2024).
        """
        return 1e-6 + 4e-3 * self.amorphous**2


MILLING_SERIES = (
    Milled(hours=1, amorphous=0.02, salt=0.06, size=800.0, strain=0.0003),
    Milled(hours=6, amorphous=0.20, salt=0.05, size=450.0, strain=0.0010),
    Milled(hours=16, amorphous=0.50, salt=0.04, size=280.0, strain=0.0020),
    Milled(hours=26, amorphous=0.75, salt=0.03, size=180.0, strain=0.0030),
    Milled(hours=40, amorphous=0.95, salt=0.02, size=120.0, strain=0.0040),
)

#: Shape of the amorphous halo at Cu Kα: the two maxima of a packing of MCl6 octahedra.
HALO = (
    diffraction.Hump(centre=16.5, fwhm=5.0, area=1.0),
    diffraction.Hump(centre=31.0, fwhm=9.0, area=0.8),
)

_HEADER = """\
# A SIMULATED milling series of NaTaCl6 with NaCl impurity: nothing here was measured.
# Written by `xorder example`; the true fractions, sizes and strains are in truth.csv.
#
#   xorder run {name}/series.toml --out {name}/results

[series]
name = "NaTaCl6 milled"
order = "milling time (h)"
simulated = true

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

[diffraction.size_strain]
standard = "diffraction/LaB6.xye"

[diffraction.refine]
background = 3
humps = [[16.5, 5.0, 1.0], [31.0, 9.0, 0.8]]
positions = false
uiso = "phase"
fixed_shape = ["NaCl"]
constraints = ["strain_NaCl = 0"]

[diffraction.quantify]
halo_mixture = "diffraction/known_mixture.xye"
halo_share = [0.5, 0.01]

[pdf]
structures = ["NaTaCl6", "NaCl"]
amorphous = ["NaTaCl6"]
sphere_diameter = 60.0
r_min = 2.0
r_max = 25.0
qdamp = 0.03
"""

_SAMPLE = """
[[samples]]
name = "{milled.name}"
order = {milled.hours:g}
composition = "NaTaCl6"
conductivity = {milled.conductivity:.3g}
xas = {{ files = "xas/{stem}_*.xdi" }}
diffraction = {{ files = "diffraction/{stem}.xye" }}
pdf = {{ files = "pdf/{stem}.gr" }}
"""


def write_example(
    folder: str | Path, *, series: tuple[Milled, ...] = MILLING_SERIES, seed: int = 0
) -> Path:
    """Write a simulated milling series and its manifest.

    Parameters
    ----------
    folder
        A new or empty folder.
    series
        The truth of the samples.
    seed
        Seed of all noise.

    Returns
    -------
    :
        The manifest, ``series.toml``.

    Raises
    ------
    BadInput
        Where the folder holds something.
    CannotWrite
        Where it cannot be written.
    ProgramFailed
        Where FEFF does not run.
    """
    folder = Path(folder)
    check_empty(folder)
    crystal, salt = (_with_motion(references.load(name)) for name in ("NaTaCl6", "NaCl"))
    paths = xas.calculate_paths(crystal, absorber="Ta", edge="L3", radius=6.0)
    stems = [f"milled_{milled.hours:g}h".replace(".", "_") for milled in series]
    for index, (stem, milled) in enumerate(zip(stems, series, strict=True)):
        _write_scans(folder / "xas", stem, milled, paths, seed + 100 * index)
        _write_pattern(folder / "diffraction", stem, milled, (crystal, salt), seed + index)
        _write_gr(folder / "pdf", stem, milled, (crystal, salt), seed + index)
    _write_standards(folder / "diffraction", (crystal, salt), seed + len(series))
    write_text(folder / "truth.csv", _truth(series))
    samples = [_SAMPLE.format(milled=m, stem=s) for m, s in zip(series, stems, strict=True)]
    text = _HEADER.format(name=folder.name) + "".join(samples)
    return write_text(folder / "series.toml", text)


def _with_motion(crystal: Crystal, *, uiso: float = 0.012) -> Crystal:
    """Return the crystal with one displacement (Å²) for all its sites, which the source lacks."""
    return replace(crystal, sites=tuple(replace(site, uiso=uiso) for site in crystal.sites))


def check_empty(folder: Path) -> None:
    """Make the folders of an example, or raise BadInput where there is something already."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise BadInput(
            "there is something already", expected="a new or empty folder", source=folder
        )
    try:
        for name in ("xas", "diffraction", "pdf"):
            (folder / name).mkdir(parents=True)
    except OSError as error:
        raise CannotWrite(
            f"cannot make the folder: {error.strerror}",
            expected="a folder with write permission",
            source=folder,
        ) from error


def _write_scans(
    folder: Path, stem: str, milled: Milled, paths: tuple[xas.ScatteringPath, ...], seed: int
) -> None:
    """Write three Ta L3 scans: straight bonds in the crystal, bent and disordered ones outside."""
    ordered = xas.Environment(
        paths=paths, weight=1.0 - milled.amorphous, sigma2=0.004, sigma2_growth=0.002
    )
    disordered = xas.Environment(
        paths=paths,
        weight=milled.amorphous,
        sigma2=0.007,
        sigma2_growth=0.008,
        multiple_scattering=0.25,
        delta_r=0.004,
    )
    for scan in range(3):
        spectrum = xas.simulate_spectrum(
            [ordered, disordered],
            element="Ta",
            edge="L3",
            white_line=1.6,
            noise=1e-3,
            seed=seed + scan,
            name=f"{milled.name}, simulated",
        )
        xas.write_xdi(spectrum, folder / f"{stem}_{scan + 1}.xdi")


def _write_pattern(
    folder: Path, stem: str, milled: Milled, crystals: tuple[Crystal, Crystal], seed: int
) -> None:
    """Write one powder pattern: broadened crystals, halo, background."""
    pattern = diffraction.simulate_mixture(
        crystals,
        weight_fractions=(1.0 - milled.salt, milled.salt),
        amorphous_fraction=milled.amorphous,
        humps=HALO,
        two_theta=(8.0, 70.0, 0.02),
        profile=diffraction.Profile(),
        sizes=(milled.size, 1000.0),
        strains=(milled.strain, 0.0),
        counts=2e4,
        background=(160.0, -60.0, 20.0),
        seed=seed,
        name=f"{milled.name}, simulated",
    )
    diffraction.write_xye(folder / f"{stem}.xye", pattern)


def _write_standards(folder: Path, crystals: tuple[Crystal, Crystal], seed: int) -> None:
    """Write LaB6 for the instrument's widths, and a mixture whose amorphous half was weighed."""
    lanthanum = diffraction.simulate_mixture(
        [_with_motion(references.load("LaB6_SRM660c"), uiso=0.005)],
        weight_fractions=[1.0],
        two_theta=(15.0, 110.0, 0.01),
        profile=diffraction.Profile(),
        counts=2e4,
        background=(100.0,),
        seed=seed,
        name="LaB6, simulated",
    )
    diffraction.write_xye(folder / "LaB6.xye", lanthanum)
    mixture = Milled(hours=0, amorphous=0.5, salt=0.04, size=600.0, strain=0.0005)
    _write_pattern(folder, "known_mixture", mixture, crystals, seed + 1)


def _write_gr(
    folder: Path, stem: str, milled: Milled, crystals: tuple[Crystal, Crystal], seed: int
) -> None:
    crystalline = 1.0 - milled.amorphous
    phases = [
        pdf.SimulatedPhase(
            crystal=crystals[0],
            mass_fraction=crystalline * (1.0 - milled.salt),
            uiso=0.012,
            delta2=2.0,
            sphere_diameter=milled.size,
        ),
        pdf.SimulatedPhase(
            crystal=crystals[1], mass_fraction=crystalline * milled.salt, uiso=0.018
        ),
        pdf.SimulatedPhase(
            crystal=crystals[0],
            mass_fraction=milled.amorphous,
            uiso=0.03,
            delta2=3.0,
            sphere_diameter=9.0,
        ),
    ]
    simulated = pdf.simulate_gr(
        phases,
        r=np.arange(0.02, 40.0, 0.02),
        q_max=22.0,
        qdamp=0.03,
        wavelength=0.2095,
        noise=0.01,
        seed=seed,
        name=f"{milled.name}, simulated",
    )
    pdf.write_gr(folder / f"{stem}.gr", simulated)


def _truth(series: tuple[Milled, ...]) -> str:
    lines = ["# SIMULATED: the truth behind the files of this folder"]
    lines += ["hours,amorphous (wt),NaCl of the crystalline (wt),domain size (Å),microstrain"]
    lines += [f"{m.hours:g},{m.amorphous:g},{m.salt:g},{m.size:g},{m.strain:g}" for m in series]
    return "\n".join(lines) + "\n"
