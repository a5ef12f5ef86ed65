"""The environment of development, as a piece beside all others: the Makefile knows how it is made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cluster import command
from cluster.cache_folder import cache_folder
from cluster.errors import ClusterError
from cluster.lock import only_one
from cluster.piece import Kind, Piece
from cluster.waiting import tail

REPOSITORY = Path(__file__).parent.parent.parent
PIECE = "Python packages"
TARGET = ".venv/.installed"
#: 1.2 GB in the environment, and as much that uv keeps for the next one.
BYTES = 2_500_000_000


def _make(*options: str) -> list[str]:
    return ["make", "--no-print-directory", f"--directory={REPOSITORY}", f"PYTHON={sys.executable}", *options, TARGET]


def _environment() -> dict[str, str]:
    """Ours, without what a make that called us has set for its own children."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE") and name != "MFLAGS"}


def pieces() -> list[Piece]:
    """What has to be done until the environment is as locked."""
    there = subprocess.run(_make("--question"), env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return [] if there.returncode == 0 else [Piece(PIECE, Kind.DOWNLOAD, 12, _install)]


def _install() -> None:
    log = cache_folder() / "python-packages.log"
    with only_one(cache_folder() / "python-packages.lock"):
        if command.run(_make(), log, environment=_environment()) != 0:
            raise ClusterError(f"could not install them into .venv: is the package index reachable?\n{tail(log)}")
