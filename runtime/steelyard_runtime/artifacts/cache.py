"""A bounded folder of artifact bytes, on the node or in the pod: a restart need not download again, nor begin a download anew."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NAME_LENGTH = 64


@dataclass(frozen=True, slots=True)
class BlobCache:
    """Files named by their SHA-256. What it holds is a hint: whoever loads hashes it again."""

    folder: Path
    limit: int
    """In bytes."""

    def path(self, sha256: str) -> Path:
        """Where a blob would be."""
        return self.folder / sha256

    @contextmanager
    def arriving(self, sha256: str) -> Iterator[BinaryIO]:
        """The file that a blob's bytes are collected in, open to read and write. It holds what an earlier process left, which may be
        anything; where another process collects the same blob now, it is one's own, and empty."""
        self.folder.mkdir(parents=True, exist_ok=True)
        left = self.folder / f".{sha256}.part"
        with left.open("a+b") as shared:
            if _taken(shared, left):
                yield shared
                return
        handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{sha256}.")
        os.close(handle)
        try:
            with Path(name).open("a+b") as own:
                yield own
        finally:
            Path(name).unlink(missing_ok=True)

    def keep(self, sha256: str, arrived: BinaryIO) -> None:
        """Name a blob whose bytes were verified, while it is still open in `arriving`."""
        arrived.flush()
        os.fchmod(arrived.fileno(), 0o644)
        Path(arrived.name).replace(self.path(sha256))

    def give(self, sha256: str, target: Path) -> None:
        """Put a blob that is here where it is needed, without a second copy of its bytes where both are on one file system."""
        try:
            target.hardlink_to(self.path(sha256))
        except OSError:
            shutil.copyfile(self.path(sha256), target)
        self.path(sha256).touch()

    def drop(self, sha256: str) -> None:
        """Forget a blob."""
        self.path(sha256).unlink(missing_ok=True)

    def shrink(self) -> None:
        """Let the least recently used ones go until the rest is within the bound. What was given away stays where it is."""
        blobs = sorted((path for path in self.folder.iterdir() if len(path.name) == NAME_LENGTH), key=_used, reverse=True)
        total = 0
        for path in blobs:
            total += path.stat().st_size
            if total > self.limit:
                path.unlink(missing_ok=True)


def _taken(file: BinaryIO, path: Path) -> bool:
    """Whether the file is ours now, and still the one of that name: whoever had it may just have given it its last name."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _used(path: Path) -> float:
    return path.stat().st_mtime


def cache_from_environment(environment: Mapping[str, str] = os.environ) -> BlobCache | None:
    """Return the cache that STEELYARD_CACHE_DIR and STEELYARD_CACHE_BYTES (default 10 GiB) describe, or none."""
    folder = environment.get("STEELYARD_CACHE_DIR")
    return BlobCache(Path(folder), int(environment.get("STEELYARD_CACHE_BYTES", str(10 << 30)))) if folder else None
