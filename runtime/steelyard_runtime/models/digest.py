"""The digest of a model: one hash over the sorted list of its files."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

from steelyard_runtime.failure import Failure, Reason, user_failure
from steelyard_runtime.sha256 import digest_of_bytes, hex_of_file

Counts = Callable[[str], bool]
"""Whether a file is one of the model's, by its path in the folder."""


def listing(folder: Path, counts: Counts = lambda _: True) -> bytes:
    """Return the canonical list: a line `<sha256>  <size>  <path relative to the folder>` for each file that counts, lines in byte order.

    Raises `Failure` for what would be loaded and is not in the list, what is not the model's, and names that could be taken for lines.
    """
    lines = []
    homes = _homes(folder)
    for parent, folders, names in os.walk(folder):
        folders.sort()  # of several faults always the same is told
        for name in folders:
            if (Path(parent) / name).is_symlink():
                raise _refused(folder, Path(parent) / name, "is a link to a folder, whose files have no place in the digest")
        for name in sorted(names):
            path = Path(parent) / name
            if not counts(path.relative_to(folder).as_posix()):
                continue
            if path.is_symlink() and not _is_file_in(homes, path):
                raise _refused(folder, path, "is a link that leads out of the model, or nowhere")
            if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in str(path.relative_to(folder))):
                raise _refused(folder, path, "has a control character in its name, or is not UTF-8")
            lines.append(f"{hex_of_file(path)}  {path.stat().st_size}  {path.relative_to(folder).as_posix()}\n".encode())
    return b"".join(sorted(lines))


def model_digest(folder: Path, counts: Counts = lambda _: True) -> str:
    """Return `sha256:<hex>` over `listing(folder, counts)`: what `spec.model.digest` of a workload must be."""
    return digest_of_bytes(listing(folder, counts))


def _homes(folder: Path) -> tuple[Path, ...]:
    """Where files of a model may be: in its folder, and of one in a hub's cache (`snapshots/COMMIT`) in the `blobs` that its links lead to."""
    home = folder.resolve()
    return (home, home.parent.parent / "blobs") if home.parent.name == "snapshots" else (home,)


def _is_file_in(homes: tuple[Path, ...], path: Path) -> bool:
    target = Path(os.path.realpath(path))  # a loop of links is no error for it
    return target.is_file() and any(target.is_relative_to(home) for home in homes)


def _refused(folder: Path, path: Path, what: str) -> Failure:
    return user_failure(Reason.MODEL_UNREADABLE, f"the model's {str(path.relative_to(folder))!r} {what}; put the files themselves there")
