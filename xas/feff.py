"""FEFF as a safe program: a private folder, no change of directory, every failure an error."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from xorder.errors import MissingExtra, ProgramFailed

__all__ = ["PROGRAMS", "run_feff"]

#: The executables of each program, in the order they run.
PROGRAMS: dict[str, tuple[str, ...]] = {
    "feff6l": ("feff6l",),
    "feff8l": tuple(
        f"feff8l_{step}" for step in ("rdinp", "pot", "xsph", "pathfinder", "genfmt", "ff2x")
    ),
}

_FOLDERS = {"Linux": "linux64", "Darwin": "darwin64", "Windows": "win64"}


@functools.lru_cache(maxsize=64)
def run_feff(text: str, *, program: str, timeout: float) -> tuple[tuple[str, str], ...]:
    """Return name and content of each ``feffNNNN.dat`` that an input makes.

    Equal inputs run once in a process. Safe in threads: nothing of the process changes.

    Parameters
    ----------
    text
        Content of ``feff.inp``.
    program
        ``"feff6l"`` or ``"feff8l"``.
    timeout
        Seconds for the whole run.

    Raises
    ------
    MissingExtra
        Where the program is not installed.
    ProgramFailed
        A crash, a time-out, or a run without paths, with the program's last words.
    """
    executables = [_executable(name) for name in PROGRAMS[program]]
    with tempfile.TemporaryDirectory(prefix="xorder-feff-") as name:
        folder = Path(name)
        (folder / "feff.inp").write_text(text, encoding="ascii")
        said = ""
        for executable in executables:
            said = _run(executable, folder, timeout)
        files = sorted(folder.glob("feff[0-9][0-9][0-9][0-9].dat"))
        if not files:
            raise ProgramFailed(
                f"{program} ended without a single path; it said: {_last_words(said)}",
                expected="an absorber with neighbours within the radius",
            )
        return tuple((file.name, file.read_text(encoding="latin-1")) for file in files)


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
    if "fatal error" in low or "stop at" in low or "error reading" in low:
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
