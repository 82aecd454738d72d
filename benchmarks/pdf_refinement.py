"""Measured G(r) refined unattended from the CIF: Rw, values, standard errors, sliding box.

Run ``python benchmarks/pdf_refinement.py FOLDER``, where FOLDER holds Ni-xray.gr, Ni-neutron.gr,
CdSe-bulk.gr and sini.gr. The best of pdffit2, srreal with SciPy, and GSAS-II on the same data is
printed beside ours, as published with those programs or measured with them.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

from xorder import pdf, references
from xorder.errors import DataWarning


def main(folder: Path) -> None:
    """Print one block a refinement."""
    nickel, silicon = references.load("Ni"), references.load("Si_SRM640f")
    selenide = references.load("CdSe")
    xray, neutron, bulk, mixture = (
        pdf.read(folder / f"{name}.gr") for name in ("Ni-xray", "Ni-neutron", "CdSe-bulk", "sini")
    )
    options = pdf.RefinementOptions
    single = [
        ("Ni-neutron, 2-20 Å", 0.0698, neutron, nickel, (2, 20), options(q_max=30.0)),
        ("Ni-xray, 1.7-20 Å", 0.07111, xray, nickel, (1.7, 20), options(q_max=40.0)),
        ("CdSe, 1.7-20 Å", 0.1263, bulk, selenide, (1.7, 20),
         options(q_max=14.0, refine_positions=True)),
        ("CdSe, U tensors", 0.1045, bulk, selenide, (1.7, 20),
         options(q_max=14.0, refine_positions=True, displacements="anisotropic")),
        ("CdSe, 1.7-45 Å", 0.1393, bulk, selenide, (1.7, 45),
         options(q_max=14.0, refine_positions=True)),
    ]  # fmt: skip
    for title, best, data, crystal, r_range, how in single:
        start = time.perf_counter()
        fit = pdf.refine(data, crystal, r_range=r_range, options=how)
        report(title, fit.r_w, best, time.perf_counter() - start, fit.parameters, fit.noise)
    sets = {"xray": xray, "neutron": neutron}
    start = time.perf_counter()
    how = options(q_max=30.0, weights="stderr")
    joint = pdf.refine_jointly(sets, nickel, r_range=(2, 20), options=how)
    report("Ni, both, 2-20 Å", joint.r_w, 0.06999, time.perf_counter() - start, joint.parameters)
    for weights in ("exact", "constant"):
        how = options(q_max=25.0, correlation="delta1", refine_qbroad=True, form_factors=weights)
        phases = {"Si": silicon, "Ni": nickel}
        start = time.perf_counter()
        fit = pdf.refine(mixture, phases, r_range=(1.5, 30), options=how)
        report(
            f"SiNi, {weights}", fit.r_w, 0.0931, time.perf_counter() - start, fit.parameters,
            fit.noise,
        )  # fmt: skip
        share = fit.fractions
        sys.stdout.write(f"    mass of Si {share.mass[0]:.4f} ± {share.mass_stderr[0]:.4f}\n")
        box = pdf.fit_boxcar(mixture, phases, r_range=(1.5, 30), whole=fit)
        mass, error = box.mass_fraction[:, 0], box.mass_stderr[:, 0]
        sys.stdout.write(
            f"    windows {mass.min():.4f} to {mass.max():.4f}, spread {mass.std():.4f}, standard "
            f"errors {error.min():.4f} to {error.max():.4f}, undecided {box.undecided.sum()}\n"
        )


def report(title, r_w, best, seconds, parameters, noise=None) -> None:
    """Print Rw beside the best of the other programs, and the free parameters."""
    source = "" if noise is None else f", errors from {noise.source}"
    sys.stdout.write(f"{title}: Rw {r_w:.4f} (others {best:.4f}), {seconds:.2f} s{source}\n    ")
    free = [f"{p.name} {p.value:.5g}({p.stderr:.1g})" for p in parameters.values() if p.vary]
    sys.stdout.write(", ".join(free) + "\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore", DataWarning)
    main(Path(sys.argv[1]))
