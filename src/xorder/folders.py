"""Folders of the user: what can be made again (cache) and what must be kept (library)."""

from __future__ import annotations

import os
import platform
from pathlib import Path

__all__ = ["cache_folder", "library_folder"]

#: This word in XORDER_CACHE turns the cache off.
OFF = "off"


def cache_folder() -> Path | None:
    """Return the folder of what can be made again, or None where it is turned off.

    The variable XORDER_CACHE names it (``off`` turns it off); else it is the platform's own place:
    ``$XDG_CACHE_HOME/xorder`` or ``~/.cache/xorder``, ``~/Library/Caches/xorder`` on macOS,
    ``%LOCALAPPDATA%\\xorder\\cache`` on Windows.
    """
    given = os.environ.get("XORDER_CACHE", "").strip()
    if given.casefold() == OFF:
        return None
    if given:
        return Path(given).expanduser()
    if platform.system() == "Windows":
        return _home("LOCALAPPDATA", "AppData/Local") / "xorder" / "cache"
    if platform.system() == "Darwin":
        return _home("", "Library/Caches") / "xorder"
    return _home("XDG_CACHE_HOME", ".cache") / "xorder"


def library_folder() -> Path:
    """Return the folder of the user's own reference spectra.

    The variable XORDER_LIBRARY names it; else it is the platform's own place for data:
    ``$XDG_DATA_HOME/xorder/library`` or ``~/.local/share/xorder/library``,
    ``~/Library/Application Support/xorder/library`` on macOS, ``%APPDATA%\\xorder\\library`` on
    Windows.
    """
    given = os.environ.get("XORDER_LIBRARY", "").strip()
    if given:
        return Path(given).expanduser()
    if platform.system() == "Windows":
        return _home("APPDATA", "AppData/Roaming") / "xorder" / "library"
    if platform.system() == "Darwin":
        return _home("", "Library/Application Support") / "xorder" / "library"
    return _home("XDG_DATA_HOME", ".local/share") / "xorder" / "library"


def _home(variable: str, below_home: str) -> Path:
    given = os.environ.get(variable, "") if variable else ""
    return Path(given) if given else Path.home() / below_home
