"""A bounded folder of artifact bytes on the node or in the pod, so that a restart need not download again."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BlobCache:
    """Files named by their SHA-256. What it holds is a hint: whoever loads hashes it again."""

    folder: Path
    limit: int
    """In bytes."""

    def path(self, sha256: str) -> Path:
        """Where a blob would be."""
        return self.folder / sha256

    def adopt(self, sha256: str, source: Path) -> None:
        """Keep a verified file, if it fits, and let the least recently used ones go."""
        size = source.stat().st_size
        if size > self.limit:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        staged = self.folder / f".{sha256}.{os.getpid()}"
        staged.write_bytes(b"")
        with source.open("rb") as origin, staged.open("wb") as copy:
            while chunk := origin.read(1 << 20):
                copy.write(chunk)
        staged.replace(self.path(sha256))
        self._shrink()

    def touch(self, sha256: str) -> None:
        """Mark a blob as used now."""
        self.path(sha256).touch()

    def drop(self, sha256: str) -> None:
        """Forget a blob."""
        self.path(sha256).unlink(missing_ok=True)

    def _shrink(self) -> None:
        kept = sorted((path for path in self.folder.iterdir() if len(path.name) == 64), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for path in kept:
            total += path.stat().st_size
            if total > self.limit:
                path.unlink(missing_ok=True)


def cache_from_environment(environment: Mapping[str, str] = os.environ) -> BlobCache | None:
    """Return the cache that STEELYARD_CACHE_DIR and STEELYARD_CACHE_BYTES (default 10 GiB) describe, or none."""
    folder = environment.get("STEELYARD_CACHE_DIR")
    return BlobCache(Path(folder), int(environment.get("STEELYARD_CACHE_BYTES", str(10 << 30)))) if folder else None
