"""Artifacts in a folder: a ReadWriteMany volume, or a local folder in tests."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from steelyard_runtime.artifacts.manifest import NAME
from steelyard_runtime.artifacts.store import KEY, Missing, Stored
from steelyard_runtime.failure import Reason, infrastructure_failure
from steelyard_runtime.sha256 import CHUNK


class FileStore:
    """Files below one folder. Bytes are written beside their place and then named: a name never shows half a file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def uri(self) -> str:
        """Address of the folder."""
        return f"file://{self._root}"

    def read(self, path: str, *, size: int | None = None, start: int = 0) -> Iterator[bytes]:
        """Yield a file in pieces."""
        try:
            with (self._root / path).open("rb") as file:
                file.seek(start)
                while chunk := file.read(CHUNK):
                    yield chunk
        except (FileNotFoundError, NotADirectoryError) as error:
            raise Missing(path) from error
        except OSError as error:
            raise self._unavailable(path, error) from error

    def put(self, path: str, source: Path) -> None:
        """Write a file, replacing one that is there."""
        try:
            staged = self._staged(path)
            with source.open("rb") as origin, staged.open("wb") as copy:
                shutil.copyfileobj(origin, copy, CHUNK)
                copy.flush()
                os.fsync(copy.fileno())
            staged.replace(self._root / path)
        except OSError as error:
            raise self._unavailable(path, error) from error

    def create(self, path: str, data: bytes) -> bool:
        """Write a file if there is none. A hard link is atomic and refuses an existing name, on NFS too; a rename would replace it."""
        try:
            staged = self._staged(path)
            with staged.open("wb") as copy:
                copy.write(data)
                copy.flush()
                os.fsync(copy.fileno())
            try:
                (self._root / path).hardlink_to(staged)
            except FileExistsError:
                return False
            finally:
                staged.unlink()
        except OSError as error:
            raise self._unavailable(path, error) from error
        return True

    def stored(self) -> Iterator[Stored]:
        """List the folders that are keys. Others write and remove meanwhile: what is gone by now is not listed."""
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            if KEY.fullmatch(folder.name) and folder.is_dir():
                with suppress(FileNotFoundError):
                    found = list(_files(folder))
                    newest = max((file.st_mtime for file in found), default=None) or folder.stat().st_mtime
                    yield Stored(folder.name, datetime.fromtimestamp(newest, UTC), sum(file.st_size for file in found))

    def remove(self, key: str) -> None:
        """Remove a key's folder."""
        try:
            (self._root / key / NAME).unlink(missing_ok=True)
            shutil.rmtree(self._root / key)
        except OSError as error:
            raise self._unavailable(key, error) from error

    def _staged(self, path: str) -> Path:
        folder = (self._root / path).parent
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".staged-")
        os.close(handle)
        # mkstemp answers 0600; other pods read with other user ids.
        staged = Path(name)
        staged.chmod(0o644)
        return staged

    def _unavailable(self, path: str, error: OSError) -> Exception:
        return infrastructure_failure(
            Reason.STORE_UNAVAILABLE, f"{self.uri}/{path}: {error}; check the volume, its free space and its permissions"
        )


def _files(folder: Path) -> Iterator[os.stat_result]:
    for where, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                yield Path(where, name).stat()
