"""Small crystals written out, so that these tests need no file."""

from types import SimpleNamespace

import numpy as np
import pytest

from xorder.structure import Crystal, Site


def crystal(name, cell, sites, rotations=None, translations=None, **kwargs):
    count = 1 if rotations is None else len(rotations)
    return Crystal(
        name=name,
        cell=np.array(cell, dtype=float),
        sites=tuple(sites),
        rotations=np.eye(3, dtype=int)[None] if rotations is None else np.array(rotations),
        translations=np.zeros((count, 3)) if translations is None else np.array(translations),
        **kwargs,
    )


def site(label, element, xyz, occupancy=1.0, uiso=float("nan"), uij=None):
    return Site(
        label=label,
        element=element,
        xyz=np.array(xyz, dtype=float),
        occupancy=occupancy,
        uiso=uiso,
        uij=uij,
    )


FACES = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def cubic_rotations():
    """The 48 signed permutations of the axes."""
    from itertools import permutations, product

    found = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.zeros((3, 3), dtype=int)
            for row, (column, sign) in enumerate(zip(order, signs, strict=True)):
                matrix[row, column] = sign
            found.append(matrix)
    return found


def face_centred(name, a, sites):
    rotations = [rotation for rotation in cubic_rotations() for _ in FACES]
    translations = [shift for _ in cubic_rotations() for shift in FACES]
    return crystal(name, [a, a, a, 90, 90, 90], sites, rotations, translations)


def nickel(uiso=0.005):
    return face_centred("Ni", 3.524, [site("Ni1", "Ni", [0, 0, 0], uiso=uiso)])


def rock_salt(uiso=0.015):
    return face_centred(
        "NaCl",
        5.64,
        [
            site("Na1", "Na", [0, 0, 0], uiso=uiso),
            site("Cl1", "Cl", [0.5, 0.5, 0.5], uiso=uiso * 1.2),
        ],
    )


def skewed(anisotropic=False):
    """A triclinic cell with a mixed site, a half-empty site and three elements."""
    tensor = np.array([[0.012, 0.003, -0.002], [0.003, 0.018, 0.004], [-0.002, 0.004, 0.009]])
    uij = tensor if anisotropic else None
    return crystal(
        "skewed",
        [5.1, 6.3, 7.2, 84.0, 97.0, 103.0],
        [
            site("Ta1", "Ta", [0.1, 0.2, 0.3], uiso=0.007, uij=uij),
            site("Zr1", "Zr", [0.6, 0.7, 0.8], occupancy=0.3, uiso=0.009, uij=uij),
            site("Hf1", "Hf", [0.6, 0.7, 0.8], occupancy=0.7, uiso=0.009, uij=uij),
            site("Cl1", "Cl", [0.35, 0.85, 0.45], occupancy=0.5, uiso=0.02, uij=uij),
            site("Cl2", "Cl", [0.85, 0.45, 0.05], uiso=0.016, uij=uij),
        ],
    )


@pytest.fixture(scope="session")
def made():
    """The builders above."""
    return SimpleNamespace(
        crystal=crystal, site=site, nickel=nickel, rock_salt=rock_salt, skewed=skewed
    )
