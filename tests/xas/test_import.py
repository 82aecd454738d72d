"""The probe loads light, and only under its own name."""

import subprocess
import sys

import pytest

from xorder import xas


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["larch", "scipy", "matplotlib", "lmfit", "pandas", "numba"])
def test_importing_the_probe_loads_nothing_heavy(module: str) -> None:
    assert module not in loaded_after("import xorder.xas")


def test_reading_and_normalizing_need_numpy_alone() -> None:
    loaded = loaded_after("from xorder.xas import read, normalize, transform_to_r, XasRecipe")
    assert not {"larch", "scipy", "matplotlib"} & loaded


def test_options_load_without_numpy() -> None:
    assert "numpy" not in loaded_after("import xorder.xas.options")


@pytest.mark.parametrize("name", xas.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(xas, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'normalise'"):
        _ = xas.normalise
