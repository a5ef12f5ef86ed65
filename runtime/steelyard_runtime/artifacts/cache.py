"""A bounded folder of artifact bytes, on the node or in the pod: a restart need not download again, nor begin a download anew."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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

    def keep(self, sha256: str, arrived: BinaryIO, target: Path) -> None:
        """Put a blob whose bytes were verified where it is needed, and name it, while it is still open in `arriving`."""
        arrived.flush()
        os.fchmod(arrived.fileno(), 0o644)
        _link(Path(arrived.name), target)
        Path(arrived.name).replace(self.path(sha256))

    def give(self, sha256: str, target: Path) -> bool:
        """Put a blob where it is needed, if it is here. It is not verified: whoever gets it hashes it."""
        try:
            _link(self.path(sha256), target)
            self.path(sha256).touch()
        except FileNotFoundError:  # or another process has just let it go
            return target.exists()
        return True

    def drop(self, sha256: str) -> None:
        """Forget a blob."""
        self.path(sha256).unlink(missing_ok=True)

    def shrink(self) -> None:
        """Let the least recently used ones go until the rest is within the bound. What was given away stays where it is."""
        blobs = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # others let go too
                if len(path.name) == NAME_LENGTH:
                    blobs.append((path.stat(), path))
        total = 0
        for found, path in sorted(blobs, key=lambda each: each[0].st_mtime, reverse=True):
            total += found.st_size
            if total > self.limit:
                path.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    """Without a second copy of the bytes, where both are on one file system."""
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _taken(file: BinaryIO, path: Path) -> bool:
    """Whether the file is ours now, and still the one of that name: whoever had it may just have given it its last name."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def cache_from_environment(environment: Mapping[str, str] = os.environ) -> BlobCache | None:
    """Return the cache that STEELYARD_CACHE_DIR and STEELYARD_CACHE_BYTES (default 10 GiB) describe, or none."""
    folder = environment.get("STEELYARD_CACHE_DIR")
    return BlobCache(Path(folder), int(environment.get("STEELYARD_CACHE_BYTES", str(10 << 30)))) if folder else None
