"""Artifacts in an S3 bucket."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard_runtime.artifacts.manifest import NAME
from steelyard_runtime.artifacts.store import KEY, Missing, Stored
from steelyard_runtime.failure import Failure, Reason, infrastructure_failure
from steelyard_runtime.s3_bucket import open_bucket
from steelyard_runtime.s3_object import read_object

if TYPE_CHECKING:
    from obstore import ObjectMeta


class S3ArtifactStore:
    """Objects below a prefix. Large ones go up in parts; creation is a put on condition that nothing is there."""

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/")
        self._store, self._prefix = open_bucket(uri)

    @property
    def uri(self) -> str:
        """Address of the prefix."""
        return self._uri

    def read(self, path: str, *, size: int | None = None, start: int = 0) -> Iterator[bytes]:
        """Yield an object in pieces, a large one over several connections."""
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

        try:
            yield from read_object(self._store, self._key(path), size=size, start=start)
        except (NotFoundError, FileNotFoundError) as error:
            raise Missing(path) from error
        except BaseError as error:
            raise self._unavailable(path, error) from error

    def put(self, path: str, source: Path) -> None:
        """Write an object, replacing one that is there."""
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError  # noqa: PLC0415

        try:
            obstore.put(self._store, self._key(path), source)
        except BaseError as error:
            raise self._unavailable(path, error) from error

    def create(self, path: str, data: bytes) -> bool:
        """Write an object if there is none (`If-None-Match: *`)."""
        import obstore  # noqa: PLC0415
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError  # noqa: PLC0415

        try:
            obstore.put(self._store, self._key(path), data, mode="create")
        except (AlreadyExistsError, PreconditionError):
            return False
        except BaseError as error:
            raise self._unavailable(path, error) from error
        return True

    def stored(self) -> Iterator[Stored]:
        """List the prefixes that are keys."""
        found: dict[str, Stored] = {}
        for each in self._objects(""):
            key = each["path"].removeprefix(f"{self._prefix}/" if self._prefix else "").partition("/")[0]
            if KEY.fullmatch(key):
                before = found.get(key, Stored(key, each["last_modified"], 0))
                found[key] = Stored(key, max(before.modified, each["last_modified"]), before.size + each["size"])
        yield from found.values()

    def remove(self, key: str) -> None:
        """Remove a key's objects."""
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

        paths = [each["path"] for each in self._objects(key)]
        try:
            for path in sorted(paths, key=lambda path: not path.endswith(f"/{NAME}")):
                with suppress(NotFoundError, FileNotFoundError):
                    obstore.delete(self._store, path)
        except BaseError as error:
            raise self._unavailable(key, error) from error

    def _objects(self, below: str) -> "Iterator[ObjectMeta]":
        import obstore  # noqa: PLC0415
        from obstore.exceptions import BaseError  # noqa: PLC0415

        try:
            for page in obstore.list(self._store, self._key(below).rstrip("/") or None):
                yield from page
        except BaseError as error:
            raise self._unavailable(below, error) from error

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _unavailable(self, path: str, error: Exception) -> Failure:
        return infrastructure_failure(Reason.STORE_UNAVAILABLE, f"{self.uri}/{path}: {error}; check endpoint, credentials and network")
