"""Names of characteristic lines and their wavelengths; light enough for options and manifests."""

from __future__ import annotations

import math

from xorder.errors import BadInput

__all__ = ["K_ALPHA", "WAVELENGTHS", "check_wavelength", "named_lines"]

#: Kα1 and Kα2 in Å: Hölzer et al., Phys. Rev. A 56, 4554 (1997); Mo and Ag: Deslattes et al.,
#: Rev. Mod. Phys. 75, 35 (2003).
K_ALPHA = {
    "Ag": (0.5594218, 0.5638131),
    "Mo": (0.7093172, 0.7136070),
    "Cu": (1.540593, 1.544427),
    "Co": (1.788996, 1.792835),
    "Fe": (1.936041, 1.939973),
    "Cr": (2.289726, 2.293651),
}
#: Wavelengths outside this range (Å) are not powder diffraction with X-rays; a number beyond it is
#: most often an energy in eV or a wavelength in pm.
WAVELENGTHS = (0.05, 5.0)

#: How a text for neutrons begins, before their wavelength.
NEUTRON = "neutron"


def named_lines(name: str) -> tuple[str, tuple[float, ...], tuple[float, ...]]:
    """Return name, wavelengths (Å) and weights that a text means.

    Such as ``"CuKa"``, ``"1.5406"`` or ``"neutron 1.594"``.

    Raises
    ------
    BadInput
        For an unknown anode or line, and for a number that is no X-ray wavelength in Å.
    """
    try:
        number = float(name)
    except ValueError:
        pass
    else:
        check_wavelength(number)
        return "", (number,), (1.0,)
    if name.strip().lower().startswith(NEUTRON):
        try:
            number = float(name.strip()[len(NEUTRON) :].lstrip("s"))
        except ValueError:
            raise BadInput(
                f"there is no radiation {name!r}",
                expected="neutrons with their wavelength in Å, as 'neutron 1.594'",
            ) from None
        check_wavelength(number)
        return NEUTRON, (number,), (1.0,)
    plain = name.strip().replace("α", "a").replace("lpha", "")
    for separator in (" ", "-", "_", ","):
        plain = plain.replace(separator, "")
    for anode, (alpha1, alpha2) in K_ALPHA.items():
        lines = {
            f"{anode}Ka": ((alpha1, alpha2), (2.0, 1.0)),
            f"{anode}Ka1": ((alpha1,), (1.0,)),
            f"{anode}Ka2": ((alpha2,), (1.0,)),
        }
        for known, (wavelengths, weights) in lines.items():
            if plain.lower() == known.lower():
                return known, wavelengths, weights
    raise BadInput(
        f"there is no radiation {name!r}",
        expected="a wavelength in Å, Ka, Ka1 or Ka2 of " + ", ".join(K_ALPHA) + ", as 'CuKa', or "
        "'neutron 1.594'",
    )


def check_wavelength(wavelength: float) -> None:
    """Refuse a number that is no X-ray wavelength in Å."""
    low, high = WAVELENGTHS
    if not math.isfinite(wavelength) or not low <= wavelength <= high:
        raise BadInput(
            f"wavelength {wavelength:g} Å", expected=f"a number of Å between {low:g} and {high:g}"
        )
