"""How much a folder's disk still holds."""

from __future__ import annotations

import shutil
from pathlib import Path


def existing(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    while not folder.exists():
        folder = folder.parent
    return folder


def free(folder: Path) -> int:
    """The free bytes where this folder is or will be."""
    return shutil.disk_usage(existing(folder)).free
