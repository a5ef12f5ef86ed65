"""A bounded folder of artifact bytes, on the node or in the pod: a restart need not download again, nor begin a download anew."""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

LOG = logging.getLogger("steelyard.cache")
NAME_LENGTH = 64
_PART = ".part"


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
        anything; where another process collects the same blob now, it is one's own, and empty. It is locked as long as it is open: what
        is not locked was left behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        left = self._part(sha256)
        with left.open("a+b") as shared:
            if _locked(shared) and _named(shared, left):
                yield shared
                return
        with self._own(sha256) as own:
            try:
                yield own
            finally:
                Path(own.name).unlink(missing_ok=True)

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
            os.utime(self.path(sha256))  # not touch: what another process has just let go would be there again, empty
        except FileNotFoundError:  # or another process has just let it go
            return target.exists()
        return True

    def drop(self, sha256: str) -> None:
        """Forget a blob, and what of it was left half collected."""
        self.path(sha256).unlink(missing_ok=True)
        _let_go(self._part(sha256))

    def shrink(self) -> None:
        """Let the least recently used ones go until the rest is within the bound, and what a killed process left behind with them. What was
        given away stays where it is, and what is being collected by anybody now counts and stays."""
        files = []
        for path in self.folder.iterdir():
            with suppress(FileNotFoundError):  # others let go too
                if len(path.name) == NAME_LENGTH or path.name.startswith("."):
                    files.append((path.stat(), path))
        total = 0
        for found, path in sorted(files, key=lambda each: each[0].st_mtime, reverse=True):
            total += found.st_size
            if path.name.startswith(".") and not path.name.endswith(_PART):
                # One's own, which nobody goes on with.
                total -= found.st_size if _let_go(path) else 0
            elif total > self.limit:
                _let_go(path) if path.name.startswith(".") else path.unlink(missing_ok=True)

    def _part(self, sha256: str) -> Path:
        return self.folder / f".{sha256}{_PART}"

    def _own(self, sha256: str) -> BinaryIO:
        """A new file, locked. Between its making and its lock another process may take it for left behind: then the next one."""
        while True:
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=f".{sha256}.")
            os.close(handle)
            own = Path(name).open("a+b")  # noqa: SIM115  whoever asked closes it
            with suppress(OSError):  # where the file system knows no locks nobody else gets one either, and it stays
                fcntl.flock(own, fcntl.LOCK_EX)
            if _named(own, Path(name)):
                return own
            own.close()


def _link(source: Path, target: Path) -> None:
    """Without a second copy of the bytes, where both are on one file system."""
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _locked(file: BinaryIO) -> bool:
    """Whether it is ours now. The lock ends with the file, and so with the process."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _named(file: BinaryIO, path: Path) -> bool:
    """Whether the file is still the one of that name: whoever had it may just have given it its last name, or let it go."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _let_go(path: Path) -> bool:
    """Remove what somebody collected and left behind; False where somebody collects in it now. Under its lock: nobody begins meanwhile."""
    try:
        # To write, for NFS gives no exclusive lock of what is open to read.
        with path.open("r+b") as left:
            if not (_locked(left) and _named(left, path)):
                return False
            path.unlink()
    except FileNotFoundError:
        pass
    return True


def cache_from_environment(environment: Mapping[str, str] = os.environ) -> BlobCache | None:
    """Return the cache that STEELYARD_CACHE_DIR and STEELYARD_CACHE_BYTES (default 10 GiB) describe, or none: also where nothing can be
    written there, for serving is worth more than a download that is saved."""
    named = environment.get("STEELYARD_CACHE_DIR")
    if not named:
        return None
    folder = Path(named)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        LOG.warning(
            "nothing is cached: %s cannot be written (%s); on the node, give it to user %d with `chown` and mode 0700",
            folder,
            error.strerror,
            os.getuid(),
        )
        return None
    return BlobCache(folder, int(environment.get("STEELYARD_CACHE_BYTES", str(10 << 30))))
