"""An environment of its own for what cannot live in ours, made once from its lock file."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from bench.benchmark import Say

LOCKS = Path(__file__).parents[2] / "locks"


class NotHereError(Exception):
    """It is not here and cannot be made; the text says why."""


def interpreter(name: str, lock: str, say: Say, *, install: bool, megabytes: int, python: str = ">=3.11,<3.13") -> Path:
    """The interpreter of the environment, which is made from `locks/<lock>` where there is none yet. Raises NotHereError."""
    path = LOCKS / lock
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steelyard" / "bench"
    folder = root / f"{name}-{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    found, complete = folder / "bin/python", folder / "complete"
    if complete.is_file():
        return found
    if not install:
        raise NotHereError(f"{name} is not installed, and a quick run installs nothing: run the benchmark once without --quick")
    say(f"installing {name} into {folder} (about {megabytes} MB, once)")
    for command in (
        ("venv", "--quiet", "--clear", "--python", python, folder),
        ("pip", "install", "--quiet", "--python", found, "--require-hashes", "--no-deps", "-r", path),
    ):
        done = subprocess.run((Path(sys.executable).parent / "uv", *command), capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotHereError(f"uv {command[0]} failed: {' '.join(done.stderr.split())[-300:]}")
    complete.touch()
    return found
