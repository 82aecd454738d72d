"""How often the truth lies within one standard error, over a simulated milling series.

Each draw is one sample at a stage of milling: domains of 200 to 3 nm, strain of 0 to 1 %, an
amorphous part of 0 to 95 wt%, 0 to 10 wt% of NaCl, under Kapton, a weighed spike of corundum
and Poisson noise. Then: the crystalline scale at 85 % loss, with the halo as a component and a
polynomial; widths of tracked planes with Kα2; planes reported lost. All data are simulated.

Run: python benchmarks/diffraction_coverage_series.py [draws] [structure]
"""

import math
import sys
import time
import warnings
from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from xorder import diffraction, references
from xorder.diffraction.calibrations import Calibration
from xorder.diffraction.profiles import fwhm_from_size, tch_from_widths
from xorder.diffraction.quantification import cell_content
from xorder.diffraction.simulation import powder_intensity

AXIS = (15.0, 90.0, 0.02)
HUMPS = (
    diffraction.Hump(centre=30.5, fwhm=8.0, area=1.0),
    diffraction.Hump(centre=47.0, fwhm=12.0, area=0.6),
)
KAPTON = diffraction.Hump(centre=21.0, fwhm=6.0, area=800.0)
#: Relative standard error of the external calibration, and those of spike and its crystallinity.
CALIBRATION, WEIGHED, CRYSTALLINE = 0.01, (0.2, 0.001), (0.98, 0.005)
#: Counts under the strongest line of the sample before milling.
COUNTS = 2e4
SHARP = {"size": 1500.0, "strain": 0.0005}


@dataclass
class Setting:
    """What all samples of the series share."""

    crystals: list
    options: diffraction.RefinementOptions
    blank: diffraction.Pattern
    halo_shape: np.ndarray
    bare: list
    zmv: np.ndarray
    mu: np.ndarray
    calibration: float


@dataclass
class Tally:
    """Pulls by name, and what was held, failed or flagged."""

    pulls: dict = field(default_factory=lambda: defaultdict(list))
    held: int = 0
    failed: int = 0
    bounds: dict = field(default_factory=lambda: defaultdict(int))
    stages: dict = field(default_factory=lambda: defaultdict(list))

    def add(self, name, value, stderr, truth, stage):
        if math.isfinite(stderr) and stderr > 0:
            self.pulls[name].append((value - truth) / stderr)
            self.stages[name].append(stage)
        else:
            self.bounds[name] += 1


def make_setting(name="Fluorapatite"):
    """Return the structures, the blank and the options of the refinement."""
    crystals = [
        replace(references.load(one, line_positions=True), name=short)
        for one, short in ((name, "sample"), ("NaCl", "NaCl"), ("Al2O3_SRM676a", "spike"))
    ]
    blank = diffraction.simulate(
        crystals[1], two_theta=AXIS, scale=0.0, background=(50.0, -20.0), humps=(KAPTON,)
    )
    shape = diffraction.simulate(crystals[0], two_theta=AXIS, scale=0.0, humps=HUMPS).intensity
    options = diffraction.RefinementOptions(
        background=4, halos=(HUMPS,), blank=blank, zero_shift=True, displacement=False
    )
    bare = [diffraction.simulate(c, two_theta=AXIS, **SHARP).components[0] for c in crystals]
    zmv = np.array([math.prod(cell_content(c)) for c in crystals])
    mu = np.array([diffraction.mass_absorption(c, wavelength="CuKa") for c in crystals])
    calibration = COUNTS / bare[0].max() * zmv[0] * mu[0]
    return Setting(crystals, options, blank, shape / shape.max(), bare, zmv, mu, calibration)


def draw(generator, setting, stage):
    """Return a simulated pattern at a stage of milling (0 to 1) and its truth."""
    jitter = generator.uniform(0.9, 1.1, size=3)
    size = 2000.0 * (30.0 / 2000.0) ** min(stage * jitter[0], 1.0)
    strain, amorphous = 0.01 * min(stage * jitter[1], 1.0), 0.95 * min(stage * jitter[2], 1.0)
    salt = float(generator.uniform(0.0, 0.10)) * (1.0 - amorphous)
    parts = np.array([1.0 - amorphous - salt, salt, 0.0])
    weighed = WEIGHED[0] + WEIGHED[1] * generator.normal()
    crystalline = CRYSTALLINE[0] + CRYSTALLINE[1] * generator.normal()
    mixed = (1.0 - weighed) * parts + np.array([0.0, 0.0, weighed * crystalline])
    # The amorphous part absorbs as the crystal does, that of the spike as the spike.
    mu = (1.0 - weighed) * ((parts[0] + amorphous) * setting.mu[0] + salt * setting.mu[1])
    mu += weighed * setting.mu[2]
    scales = setting.calibration * mixed / setting.zmv / mu
    shift = float(generator.uniform(-0.03, 0.03))
    widths = ({"size": size, "strain": strain}, SHARP, SHARP)
    made = [
        diffraction.simulate(c, two_theta=AXIS, scale=s, zero_shift=shift, **w)
        for c, s, w in zip(setting.crystals, scales, widths, strict=True)
    ]
    lost = setting.calibration / setting.zmv[0] / mu * (1.0 - weighed) * amorphous
    area = float(np.trapezoid(setting.bare[0], made[0].two_theta)) * lost
    halo = area / float(np.trapezoid(setting.halo_shape, made[0].two_theta))
    blank = float(generator.uniform(100.0, 300.0))
    clean = sum(one.components[0] for one in made) + 100.0 + halo * setting.halo_shape
    clean = clean + blank * setting.blank.intensity / setting.blank.intensity.max()
    counts = generator.poisson(clean).astype(float)
    pattern = replace(
        made[0], intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)), name="simulated"
    )
    truth = {
        "scale_sample": scales[0], "scale_NaCl": scales[1], "inverse_size_sample": 1.0 / size,
        "strain_sample": strain, "halo_0": halo, "blank": blank, "zero_shift": shift,
    }  # fmt: skip
    cell = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), setting.crystals[0].cell.tolist(),
                    strict=True))  # fmt: skip
    truth |= {f"{name}_sample": value for name, value in cell.items()}
    of_crystals = scales[:2] * setting.zmv[:2]
    fractions = {
        "amorphous (internal)": amorphous, "amorphous (external)": None,
        "NaCl wt% (internal)": salt,
        "crystal of crystalline": of_crystals[0] / float(np.sum(scales * setting.zmv)),
    }  # fmt: skip
    mixture = 1.0 - float(np.sum(mixed))
    return pattern, truth, fractions | {"amorphous (external)": mixture}, mu


def refined(pattern, setting):
    """Return the refinement of a pattern, started alike for every sample."""
    loose = {"positions": False, "uiso": "none"}
    phases = [
        diffraction.Phase(crystal=setting.crystals[0], size=300.0, strain=0.002, **loose),
        diffraction.Phase(crystal=setting.crystals[1], refine_shape=False, **SHARP, **loose),
        diffraction.Phase(crystal=setting.crystals[2], refine_shape=False, **SHARP, **loose),
    ]
    return diffraction.refine(pattern, phases, options=setting.options)


def quantities(generator, found, setting, mu):
    """Return amorphous part and NaCl by internal and external standard, with errors."""
    names = [f"scale_{c.name}" for c in setting.crystals]
    scales = np.array([found.fit.parameters[n].value for n in names])
    rows = [found.fit.var_names.index(n) for n in names]
    covar = found.fit.covar[np.ix_(rows, rows)]
    inside = {}
    if np.isfinite(covar).all():
        internal = diffraction.amorphous_from_internal_standard(
            scales, setting.crystals, covar=covar, standard="spike", weighed=WEIGHED,
            crystallinity=CRYSTALLINE,
        )  # fmt: skip
        error = CALIBRATION * setting.calibration
        external = diffraction.amorphous_from_external_standard(
            scales, setting.crystals, covar=covar, wavelength="CuKa", sample_absorption=mu,
            calibration=Calibration(
                kind="external standard", stderr=error,
                value=setting.calibration + error * generator.normal(),
            ),
        )  # fmt: skip
        place = list(internal.phase).index("NaCl")
        inside = {
            "amorphous (internal)": (internal.amorphous, internal.stderr),
            "NaCl wt% (internal)": (
                float(internal.weight_fraction[place]),
                float(internal.weight_fraction_stderr[place]),
            ),
            "amorphous (external)": (external.amorphous, external.stderr),
        }
    phase = found.patterns[0].phases[0]
    inside["crystal of crystalline"] = (phase.weight_fraction, phase.weight_fraction_stderr)
    return inside


def coverage(draws, *, name="Fluorapatite", seed=5):
    """Return the tally over draws that run evenly through the stages of milling."""
    warnings.simplefilter("ignore")
    setting, tally = make_setting(name), Tally()
    generator = np.random.default_rng(seed)
    for stage in (np.arange(draws) + 0.5) / draws:
        pattern, truth, fractions, mu = draw(generator, setting, float(stage))
        found = refined(pattern, setting)
        tally.failed += not found.success
        tally.held += any("stays below five" in message for message in found.messages)
        for one, value in truth.items():
            if one in found.fit.var_names:
                parameter = found.fit.parameters[one]
                tally.add(one, parameter.value, parameter.stderr, value, stage)
        for one, (value, stderr) in quantities(generator, found, setting, mu).items():
            tally.add(one, value, stderr, fractions[one], stage)
    return tally


def report(tally, draws, seconds):
    """Print a row a quantity."""
    print(f"{draws} simulated samples, {tally.failed} failed, {tally.held} with a phase held "
          f"because it was too faint, {seconds / draws:.2f} s each")  # fmt: skip
    print(f"{'quantity':24s} {'within 1 s':>10s} {'mean pull':>10s} {'sd pull':>8s} {'n':>4s} "
          f"{'at bound':>8s}  by third of the series")  # fmt: skip
    for name, listed in tally.pulls.items():
        pulls, stages = np.array(listed), np.array(tally.stages[name])
        inside = np.abs(pulls) <= 1.0
        thirds = [inside[(stages >= k / 3) & (stages < (k + 1) / 3)] for k in range(3)]
        parts = " ".join(f"{100 * t.mean():3.0f}%" if len(t) else "   -" for t in thirds)
        print(f"{name:24s} {100 * inside.mean():9.1f}% {pulls.mean():10.2f} {pulls.std():8.2f} "
              f"{len(pulls):4d} {tally.bounds[name]:8d}  {parts}")  # fmt: skip
    pooled = np.abs(np.concatenate([np.array(p) for p in tally.pulls.values()])) <= 1.0
    print(f"{'all':24s} {100 * pooled.mean():9.1f}%")


def heavy_loss(repeats=10, seed=7):
    """Print the crystalline scale at 85 % loss over the true one, with a halo and without."""
    crystal = references.load("Fluorapatite")
    truth, generator = 0.15 * 2e-3, np.random.default_rng(seed)
    clean = diffraction.simulate(
        crystal, two_theta=AXIS, size=91.8, scale=truth, background=(120.0, -40.0, 10.0),
        humps=tuple(replace(h, area=h.area * 680.0 * 8.0 * 1.064) for h in HUMPS),
    )  # fmt: skip
    phase = diffraction.Phase(crystal=crystal, positions=False, uiso="none", strain=None)
    choices = {
        "halo and 6 terms": diffraction.RefinementOptions(background=6, halos=(HUMPS,)),
        "Chebyshev 8": diffraction.RefinementOptions(background=8),
        "Chebyshev 14": diffraction.RefinementOptions(background=14),
    }
    ratios = defaultdict(list)
    for _ in range(repeats):
        counts = generator.poisson(clean.intensity).astype(float)
        pattern = replace(clean, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))
        for name, options in choices.items():
            found = diffraction.refine(pattern, phase, options=options)
            ratios[name].append(found.patterns[0].phases[0].scale / truth)
    print(f"crystalline scale at 85 % loss over the true one, {repeats} patterns")
    for name, listed in ratios.items():
        print(f"  {name:18s} mean {np.mean(listed):.3f}, from {min(listed):.3f} to "
              f"{max(listed):.3f}")  # fmt: skip


def tracked(repeats=12, seed=1):
    """Print the bias of tracked widths with Kα2, and whether planes reported lost were."""
    nacl, generator = references.load("NaCl"), np.random.default_rng(seed)
    profile = diffraction.Profile(u=0.002, v=-0.002, w=0.0036, x=0.01, y=0.03)
    planes, span = [(2, 0, 0), (2, 2, 0), (4, 0, 0)], (20.0, 90.0, 0.02)
    humps = [diffraction.Hump(centre=30.0, fwhm=8.0, area=3000.0)]
    sharp = diffraction.simulate(nacl, two_theta=span, profile=profile, size=300.0).components[0]
    lost, honest = 0, 0
    print(f"tracked widths, Cu Kα1,2, halo under the first line, mean of {repeats}")
    for size in (2000.0, 500.0, 200.0, 120.0, 80.0, 45.0, 30.0):
        clean = diffraction.simulate(
            nacl, two_theta=span, profile=profile, size=size, background=(150.0, -30.0),
            humps=humps,
        )  # fmt: skip
        bragg, smooth = clean.components[0], clean.components[1:].sum(axis=0)
        # Exposure of 10,000 counts; of the sharp lines where domains are large.
        scale = 1e4 / max(sharp.max(), bragg.max() if size > 300.0 else 0.0)
        if size < 60.0:
            scale *= 0.05
        found = clean.reflections[0]
        gauss, lorentz = profile.widths(found.two_theta)
        wide = lorentz + fwhm_from_size(found.two_theta, size=size, wavelength=1.540593)
        truth, area = tch_from_widths(gauss, wide)[0], scale * powder_intensity(found)
        rows = []
        for _ in range(repeats):
            counts = generator.poisson(bragg * scale + smooth).astype(float)
            pattern = diffraction.make_pattern(clean.two_theta, counts, wavelength="CuKa")
            table = diffraction.track_peaks(pattern, nacl, planes=planes)
            rows.append(table.fwhm)
            place = [int(np.argmin(abs(found.two_theta - t))) for t in table.two_theta_calculated]
            for i, k in enumerate(place):
                if table.lost[i]:
                    lost += 1
                    honest += bool(area[k] <= table.area_limit[i] or truth[k] > 0.9)
        own = truth[place]
        bias = 100.0 * (np.nanmean(np.array(rows), axis=0) / own - 1.0)
        error = 100.0 * np.nanstd(np.array(rows), axis=0) / own / math.sqrt(repeats)
        text = ", ".join(f"{w:.3f}° {b:+.1f}({e:.1f}) %" for w, b, e in
                         zip(own, bias, error, strict=True))  # fmt: skip
        print(f"  {size / 10:5.1f} nm: {text}; lost {np.isnan(rows).sum()} of {3 * repeats}")
    print(f"  {honest} of {lost} planes reported lost have an area below the limit given, or lines "
          "over 0.9° wide")  # fmt: skip


def main(draws=200, name="Fluorapatite"):
    """Print every part."""
    begin = time.perf_counter()
    report(coverage(draws, name=name), draws, time.perf_counter() - begin)
    heavy_loss()
    tracked()


if __name__ == "__main__":
    words = sys.argv[1:]
    main(*(int(word) for word in words[:1]), *words[1:2])
