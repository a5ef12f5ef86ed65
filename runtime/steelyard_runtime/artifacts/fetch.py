"""Fetching an artifact: every digest is verified, every time, and nothing half-verified is ever visible."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.artifacts.cache import BlobCache
from steelyard_runtime.artifacts.manifest import ArtifactFile, Manifest
from steelyard_runtime.artifacts.publish import blob_path
from steelyard_runtime.artifacts.store import Missing, Store, open_store, read_all
from steelyard_runtime.failure import Failure, Reason, infrastructure_failure
from steelyard_runtime.sha256 import digest_of_bytes


def fetch_artifact(uri: str, digest: str | None, into: Path, cache: BlobCache | None = None) -> Manifest:
    """Put the artifact whose manifest is at `uri` into the folder `into`, which must not exist; it appears complete or not at all.

    `digest` is what the manifest's bytes must hash to; None takes the manifest as it is (the files are still held against it).
    Raises `Failure` with ArtifactNotFound, or with ArtifactCorrupt and the name of the file.
    """
    root, _, name = uri.rpartition("/")
    root, _, key = root.rpartition("/")
    if name != manifests.NAME or not key:
        raise _corrupt(uri, "the address must end with <key>/manifest.json")
    store = open_store(root)
    manifest = _manifest(store, f"{key}/{name}", uri, digest)
    into.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=into.parent, prefix=".artifact-"))
    try:
        for file in manifest.files:
            _fetch_file(store, key, file, staged / file.path, cache)
        staged.chmod(0o755)
        staged.rename(into)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return manifest


def _manifest(store: Store, path: str, uri: str, digest: str | None) -> Manifest:
    try:
        data = read_all(store, path, manifests.SIZE_LIMIT)
    except Missing as error:
        raise infrastructure_failure(Reason.ARTIFACT_NOT_FOUND, f"there is no artifact at {uri}; compile it again") from error
    except ValueError as error:
        raise _corrupt(manifests.NAME, str(error)) from error
    found = digest_of_bytes(data)
    if digest is not None and found != digest:
        raise _corrupt(manifests.NAME, f"its digest is {found}, not {digest}")
    try:
        return manifests.decoded(data)
    except ValueError as error:
        raise _corrupt(manifests.NAME, str(error)) from error


def _fetch_file(store: Store, key: str, file: ArtifactFile, target: Path, cache: BlobCache | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if cache is not None and cache.path(file.sha256).is_file():
        with cache.path(file.sha256).open("rb") as cached:
            intact = _write(iter(lambda: cached.read(1 << 20), b""), file, target) is None
        if intact:
            cache.touch(file.sha256)
            return
        cache.drop(file.sha256)
    try:
        wrong = _write(store.read(blob_path(key, file.sha256)), file, target)
    except Missing as error:
        raise _corrupt(file.path, "its bytes are missing from the store") from error
    if wrong:
        raise _corrupt(file.path, wrong)
    if cache is not None:
        cache.adopt(file.sha256, target)


def _write(chunks: Iterator[bytes], file: ArtifactFile, target: Path) -> str | None:
    """Write while hashing; return what is wrong, or None."""
    state = hashlib.sha256()
    size = 0
    with target.open("wb") as out:
        for chunk in chunks:
            size += len(chunk)
            if size > file.size:  # a wrong object must not fill the disk
                return f"it is longer than {file.size} bytes"
            state.update(chunk)
            out.write(chunk)
    if state.hexdigest() != file.sha256:
        return f"its {size} bytes have the digest sha256:{state.hexdigest()}, not sha256:{file.sha256}"
    return None


def _corrupt(name: str, what: str) -> Failure:
    return infrastructure_failure(
        Reason.ARTIFACT_CORRUPT, f"{name}: {what}; it was refused. Delete the artifact from the store and compile it again"
    )
