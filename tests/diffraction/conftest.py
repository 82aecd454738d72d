"""Structures written out by hand, so that tests of diffraction need no file."""

from collections.abc import Callable

import numpy as np
import pytest

from xorder.structure import Crystal, Site

MONOCLINIC = (
    (np.diag([1, 1, 1]), (0.0, 0.0, 0.0)),
    (np.diag([-1, 1, -1]), (0.5, 0.5, 0.5)),
    (np.diag([-1, -1, -1]), (0.0, 0.0, 0.0)),
    (np.diag([1, -1, 1]), (0.5, 0.5, 0.5)),
)
FACES = np.array([(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])


def cubic_rotations(proper: bool) -> np.ndarray:
    """Return the signed permutation matrices: m-3m, or -43m where `proper`."""
    from itertools import permutations, product

    matrices = []
    for order in permutations(range(3)):
        for signs in product((1, -1), repeat=3):
            matrix = np.zeros((3, 3), dtype=int)
            matrix[range(3), order] = signs
            if not proper or np.prod(signs) == 1:
                matrices.append(matrix)
    return np.array(matrices)


def face_centred(name: str, a: float, sites: tuple[Site, ...], *, proper: bool = False) -> Crystal:
    rotations = cubic_rotations(proper)
    return Crystal(
        name=name,
        cell=np.array([a, a, a, 90.0, 90.0, 90.0]),
        sites=sites,
        rotations=np.repeat(rotations, 4, axis=0),
        translations=np.tile(FACES, (len(rotations), 1)),
        space_group="F -4 3 m" if proper else "F m -3 m",
    )


@pytest.fixture(scope="session")
def nacl() -> Crystal:
    """Rock salt, a = 5.6401 Å."""
    sites = (
        Site(label="Na1", element="Na", xyz=np.zeros(3), uiso=0.02),
        Site(label="Cl1", element="Cl", xyz=np.full(3, 0.5), uiso=0.017),
    )
    return face_centred("NaCl", 5.6401, sites)


@pytest.fixture(scope="session")
def zincblende() -> Crystal:
    """ZnS: no centre of symmetry, so Friedel mates differ."""
    sites = (
        Site(label="Zn1", element="Zn", xyz=np.zeros(3), uiso=0.008),
        Site(label="S1", element="S", xyz=np.full(3, 0.25), uiso=0.009),
    )
    return face_centred("ZnS", 5.409, sites, proper=True)


@pytest.fixture(scope="session")
def monoclinic() -> Crystal:
    """A chloride in P2_1/n with anisotropic, mixed, partly filled and special sites."""
    uij = np.array([[0.02, 0.004, -0.003], [0.004, 0.03, 0.002], [-0.003, 0.002, 0.015]])
    sites = (
        Site(label="Ta1", element="Ta", xyz=np.array([0.243, 0.217, 0.383]), uiso=0.012),
        Site(label="Na1", element="Na", xyz=np.array([0.5, 0.0, 0.5]), uiso=0.03, occupancy=0.8),
        Site(label="K1", element="K", xyz=np.array([0.5, 0.0, 0.5]), uiso=0.03, occupancy=0.2),
        Site(label="Cl1", element="Cl", xyz=np.array([0.116, 0.181, 0.265]), uij=uij, uiso=0.02),
        Site(label="Cl2", element="Cl", xyz=np.array([0.462, 0.395, 0.405]), uiso=0.025),
        Site(label="Cl3", element="Cl", xyz=np.array([0.916, 0.004, 0.342]), uiso=0.02),
    )
    rotations, translations = zip(*MONOCLINIC, strict=True)
    return Crystal(
        name="chloride",
        cell=np.array([6.71, 7.12, 10.4, 90.0, 97.3, 90.0]),
        sites=sites,
        rotations=np.array(rotations),
        translations=np.array(translations),
        space_group="P 1 21/n 1",
        space_group_number=14,
    )


@pytest.fixture(scope="session")
def big_triclinic() -> Callable[[int], Crystal]:
    """Return a maker of random P1 structures with a number of atoms."""

    def make(atoms: int) -> Crystal:
        rng = np.random.default_rng(5)
        edge = (20.0 * atoms) ** (1 / 3)
        sites = tuple(
            Site(label=f"X{i}", element=("Na", "Ta", "Cl")[i % 3], xyz=rng.random(3), uiso=0.01)
            for i in range(atoms)
        )
        return Crystal(
            name="random",
            cell=np.array([edge, 1.1 * edge, 0.9 * edge, 85.0, 93.0, 97.0]),
            sites=sites,
            rotations=np.eye(3, dtype=int)[None],
            translations=np.zeros((1, 3)),
        )

    return make
