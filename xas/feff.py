"""FEFF as a safe program: a private folder, no change of directory, every failure an error."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from xorder.errors import BadInput, MissingExtra, ProgramFailed
from xorder.results import Array
from xorder.scattering import atomic_number
from xorder.xas.feff_cache import cache_key, keep_files, kept_files

__all__ = ["HOLES", "PROGRAMS", "feff_input", "run_feff"]

#: The executables of each program, in the order they run.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "feff6l": ("feff6l",),
    "feff8l": tuple(
        f"feff8l_{step}" for step in ("rdinp", "pot", "xsph", "pathfinder", "genfmt", "ff2x")
    ),
}

#: Most elements around the absorber, each with a potential of its own.
MOST_KINDS = {"feff6l": 7, "feff8l": 11}

#: FEFF's numbers of the core holes.
HOLES = {"K": 1, "L1": 2, "L2": 3, "L3": 4, "M1": 5, "M2": 6, "M3": 7, "M4": 8, "M5": 9}

#: Words with which FEFF says that it failed, often with exit code 0.
_FAILED = (
    "fatal error",
    "stop at",
    "error reading",
    "forrtl:",
    "fortran runtime error",
    "backtrace",
)

#: Runs that stay in memory.
MOST_RECENT = 64

_recent: dict[str, tuple[tuple[str, str], ...]] = {}
_lock = threading.Lock()

_FOLDERS = {"Linux": "linux64", "Darwin": "darwin64", "Windows": "win64"}


def run_feff(text: str, *, program: str, timeout: float = 120.0) -> tuple[tuple[str, str], ...]:
    """Return name and content of each ``feffNNNN.dat`` that an input makes.

    Equal inputs run once: what they made stays in memory and on disk (`feff_cache`). Safe in
    threads and processes: nothing of the process changes.

    Parameters
    ----------
    text
        Content of ``feff.inp``.
    program
        ``"feff6l"`` or ``"feff8l"``.
    timeout
        Seconds for each program of the run.

    Raises
    ------
    BadInput
        An unknown program or a time that is none.
    MissingExtra
        Where the program is not installed.
    ProgramFailed
        A crash, a time-out, or a run without paths, with the program's last words.
    """
    if program not in PROGRAMS:
        raise BadInput(f"program is {program!r}", expected=" or ".join(PROGRAMS))
    if not timeout > 0:
        raise BadInput(f"timeout is {timeout:g} s", expected="a time above 0")
    executables = tuple(_executable(name) for name in PROGRAMS[program])
    key = cache_key(text, executables)
    with _lock:
        files = _recent.get(key)
    if files is None:
        files = kept_files(key)
    if files is None:
        files = _calculate(text, executables, program, timeout)
        keep_files(key, files)
    with _lock:
        _recent.pop(key, None)
        _recent[key] = files
        while len(_recent) > MOST_RECENT:
            del _recent[next(iter(_recent))]
    return files


def feff_input(
    positions: Array,
    elements: Sequence[str],
    *,
    edge: str,
    radius: float,
    n_legs: int,
    program: str,
    title: str = "xorder",
) -> str:
    """Return the text of ``feff.inp``: one potential an element, the absorber's own first.

    Paths below 1 % of the first in plane waves or 2.5 % in curved waves are left out.

    Parameters
    ----------
    positions
        Positions in Å, the absorber's first, shape (N, 3).
    elements
        Their elements.
    edge
        A name in `HOLES`.
    radius
        Half length of the longest path in Å.
    n_legs
        Most legs of a path.
    program
        ``"feff6l"`` or ``"feff8l"``.
    title
        First line.

    Raises
    ------
    BadInput
        More elements than the program has potentials for.
    """
    kinds = list(dict.fromkeys(elements[1:]))
    if len(kinds) > MOST_KINDS[program]:
        raise BadInput(
            f"there are {len(kinds)} elements around the absorber ({', '.join(kinds)})",
            expected=f"at most {MOST_KINDS[program]} for {program}; feff8l takes more",
        )
    potentials = [(0, elements[0]), *enumerate(kinds, start=1)]
    if program == "feff6l":
        cards = [f"HOLE {HOLES[edge]} 1.0", "CONTROL 1 1 1 1", "PRINT 0 0 0 3"]
        cards += [f"RMAX {radius:.4f}"]
    else:
        cards = [f"EDGE {edge}", "S02 1.0", "CONTROL 1 1 1 1 1 1", "PRINT 0 0 0 0 0 3"]
        cards += ["EXAFS 20", f"RPATH {radius:.4f}"]
    cards += [f"NLEG {n_legs}", "CRITERIA 2.5 1.0", "POTENTIALS"]
    cards += [f" {i} {atomic_number(element)} {element}" for i, element in potentials]
    number = {element: i for i, element in enumerate(kinds, start=1)}
    rows = [f" {x:.5f} {y:.5f} {z:.5f} " for x, y, z in positions]
    cards += ["ATOMS", rows[0] + "0"]
    cards += [f"{row}{number[e]}" for row, e in zip(rows[1:], elements[1:], strict=True)]
    return "\n".join([f"TITLE {title}", *cards, "END", ""])


def _calculate(
    text: str, executables: Sequence[Path], program: str, timeout: float
) -> tuple[tuple[str, str], ...]:
    """Run the programs one after the other in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="xorder-feff-") as name:
        folder = Path(name)
        (folder / "feff.inp").write_text(text, encoding="ascii", errors="replace")
        said = ""
        for executable in executables:
            said = _run(executable, folder, timeout)
        files = sorted(folder.glob("feff[0-9][0-9][0-9][0-9].dat"))
        if not files:
            raise ProgramFailed(
                f"{program} ended without a single path; it said: {_last_words(said)}",
                expected="an absorber with neighbours within the radius",
            )
        _check_all_there(folder, {file.name for file in files}, program)
        return tuple((file.name, file.read_text(encoding="latin-1")) for file in files)


def _check_all_there(folder: Path, names: set[str], program: str) -> None:
    """Refuse a run that lists more paths than it wrote."""
    listing = folder / "files.dat"
    if not listing.is_file():
        return
    listed = set(re.findall(r"feff\d{4}\.dat", listing.read_text(encoding="latin-1")))
    if not listed <= names:
        raise ProgramFailed(
            f"{program} lists {len(listed)} paths and wrote {len(names)}",
            expected="a run that ends; is the disk full?",
        )


def _run(executable: Path, folder: Path, timeout: float) -> str:
    environment = dict(os.environ)
    library_path = environment.get("LD_LIBRARY_PATH", "")
    environment["LD_LIBRARY_PATH"] = os.pathsep.join(
        filter(None, (str(executable.parent), library_path))
    )
    try:
        done = subprocess.run(  # noqa: S603 - the program is found by us, its input written by us
            [str(executable)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(
            f"{executable.name} did not end within {timeout:g} s",
            expected="a smaller radius, or a longer timeout",
        ) from error
    except OSError as error:
        raise ProgramFailed(f"{executable.name} cannot be started: {error}") from error
    said = done.stdout.decode("latin-1")
    if done.returncode != 0:
        raise ProgramFailed(
            f"{executable.name} ended with code {done.returncode}; it said: {_last_words(said)}"
        )
    # FEFF stops with code 0 after many of its own errors.
    low = said.lower()
    if any(words in low for words in _FAILED):
        raise ProgramFailed(f"{executable.name} stopped; it said: {_last_words(said)}")
    return said


def _executable(name: str) -> Path:
    folder = _FOLDERS.get(platform.system(), "")
    spec = importlib.util.find_spec("larch")
    if spec is not None and spec.submodule_search_locations:
        suffix = ".exe" if platform.system() == "Windows" else ""
        path = Path(spec.submodule_search_locations[0]) / "bin" / folder / f"{name}{suffix}"
        if path.is_file():
            return path
    found = shutil.which(name)
    if found:
        return Path(found)
    raise MissingExtra(
        f"the program {name} is not installed",
        expected="`pip install xraylarch`, which carries FEFF, or FEFF on the PATH",
    )


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " / ".join(lines[-4:]) or "nothing"
