"""The one door to measured data, which live beside the project and never in it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("XORDER_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared() -> Callable[..., Path]:
    """Return a function from parts of a path below the folder of measured data to that path."""

    def find(*parts: str) -> Path:
        path = SHARED.joinpath(*parts)
        if not path.exists():
            pytest.skip(f"measured data not here: {'/'.join(parts)}")
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache and library out of the tests, and the tests out of these."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XORDER_CACHE", str(folder / "cache"))
        patch.setenv("XORDER_LIBRARY", str(folder / "library"))
        yield
