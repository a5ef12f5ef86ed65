"""Fetching an artifact: every digest is verified, every time, and nothing half-verified is ever visible."""

import hashlib
import logging
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from steelyard_runtime.arrival import Advance
from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.artifacts.cache import BlobCache
from steelyard_runtime.artifacts.manifest import ArtifactFile, Manifest
from steelyard_runtime.artifacts.publish import blob_path, manifest_path
from steelyard_runtime.artifacts.signature import SIZE_LIMIT, Trust, signature_path, unsigned
from steelyard_runtime.artifacts.store import Missing, Store, open_store, read_all
from steelyard_runtime.failure import Failure, Reason, infrastructure_failure
from steelyard_runtime.sha256 import CHUNK, digest_of_bytes, hex_of_file

LOG = logging.getLogger("steelyard.artifacts")


def fetch_artifact(
    uri: str,
    digest: str | None,
    into: Path,
    cache: BlobCache | None = None,
    advance: Advance = lambda *_: None,
    trust: Trust | None = None,
) -> Manifest:
    """Put the artifact whose manifest is at `uri` into the folder `into`, which must not exist; it appears complete or not at all.

    `digest` is what the manifest's bytes must hash to; None takes the manifest as it is (the files are still held against it). `trust`: one of
    its keys must have signed the manifest; None takes it unsigned. In either case it must be of the key in its address. Raises `Failure` with
    ArtifactNotFound, SignatureRefused, or ArtifactCorrupt and the name of the file.
    """
    root, _, name = uri.rpartition("/")
    root, _, key = root.rpartition("/")
    if name != manifests.NAME or not key:
        raise _corrupt(uri, "the address must end with <key>/manifest.json")
    store = open_store(root)
    manifest = _manifest(store, key, uri, digest, trust)
    into.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=into.parent, prefix=".artifact-"))
    try:
        with tempfile.TemporaryDirectory(dir=into.parent, prefix=".blobs-") as passing:
            fetching = _Fetching(store, key, cache, BlobCache(Path(passing), 0), manifest.size, advance)
            for file in manifest.files:
                fetching.file(file, staged / file.path)
        staged.chmod(0o755)
        staged.rename(into)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return manifest


def _manifest(store: Store, key: str, uri: str, digest: str | None, trust: Trust | None) -> Manifest:
    try:
        data = read_all(store, manifest_path(key), manifests.SIZE_LIMIT)
    except Missing as error:
        raise infrastructure_failure(Reason.ARTIFACT_NOT_FOUND, f"there is no artifact at {uri}; compile it again") from error
    except ValueError as error:
        raise _corrupt(manifests.NAME, str(error)) from error
    found = digest_of_bytes(data)
    if digest is not None and found != digest:
        raise _corrupt(manifests.NAME, f"its digest is {found}, not {digest}")
    if trust is not None:
        _require_signature(store, signature_path(key, found), uri, data, trust)
    try:
        manifest = manifests.decoded(data)
    except ValueError as error:
        raise _corrupt(manifests.NAME, str(error)) from error
    if manifest.key != key:
        raise _corrupt(manifests.NAME, f"it is of another compile key ({manifest.key}), whose artifact somebody has put here")
    return manifest


def _require_signature(store: Store, path: str, uri: str, manifest: bytes, trust: Trust) -> None:
    """Before anything of the manifest is believed."""
    try:
        objection = trust.objection(manifest, read_all(store, path, SIZE_LIMIT))
    except Missing:
        objection = "it is not signed"
    except ValueError as error:
        objection = str(error)
    if objection is not None:
        raise unsigned(uri, objection)


class _Fetching:
    """The files of one artifact, one after another."""

    def __init__(self, store: Store, key: str, cache: BlobCache | None, passing: BlobCache, size: int, advance: Advance) -> None:
        self._store, self._key, self._cache, self._passing = store, key, cache, passing
        self._done, self._size, self._advance = 0, size, advance

    def file(self, file: ArtifactFile, target: Path) -> None:
        """From the cache if it is there and intact, else from the store."""
        target.parent.mkdir(parents=True, exist_ok=True)
        if self._cache is None or not (self._given(file, target, self._cache) or self._kept(file, target, self._cache)):
            self._download(file, target, self._passing)
            self._passing.shrink()
        self._done += file.size
        self._advance(self._done, self._size)

    def _given(self, file: ArtifactFile, target: Path, cache: BlobCache) -> bool:
        return cache.give(file.sha256, target) and self._intact(file, target, cache)

    def _kept(self, file: ArtifactFile, target: Path, cache: BlobCache) -> bool:
        """Download by way of the cache; False where it did not come through it whole."""
        try:
            self._download(file, target, cache)
        except OSError as error:
            LOG.warning("%s is fetched without the cache: %s", file.path, error)
            target.unlink(missing_ok=True)
            with suppress(OSError):
                cache.shrink()
                cache.drop(file.sha256)
            return False
        cache.shrink()
        # What arrived was hashed on its way there, and others of the node can write what lies there.
        return self._intact(file, target, cache)

    def _intact(self, file: ArtifactFile, target: Path, cache: BlobCache) -> bool:
        if hex_of_file(target) == file.sha256:
            return True
        target.unlink()
        cache.drop(file.sha256)
        return False

    def _download(self, file: ArtifactFile, target: Path, cache: BlobCache) -> None:
        with cache.arriving(file.sha256) as arriving:
            resumed = arriving.seek(0, os.SEEK_END) > 0
            wrong = self._collect(file, arriving)
            if wrong and resumed:
                # What an earlier process left was not what it seemed.
                wrong = self._collect(file, arriving)
            if wrong:
                raise _corrupt(file.path, wrong)
            cache.keep(file.sha256, arriving, target)

    def _collect(self, file: ArtifactFile, arriving: BinaryIO) -> str | None:
        """Go on where the file ends, hashing all of it; return what is wrong, or None. What is wrong leaves nothing behind."""
        state, before = hashlib.sha256(), self._done
        arriving.seek(0)
        size = 0
        while chunk := arriving.read(CHUNK):
            state.update(chunk)
            size += len(chunk)
        try:
            for chunk in self._store.read(blob_path(self._key, file.sha256), size=file.size, start=size) if size < file.size else ():
                size += len(chunk)
                if size > file.size:
                    break  # a wrong object must not fill the disk
                state.update(chunk)
                arriving.write(chunk)
                self._advance(before + size, self._size)
        except Missing as error:
            raise _corrupt(file.path, "its bytes are missing from the store") from error
        if size == file.size and state.hexdigest() == file.sha256:
            return None
        arriving.truncate(0)
        if size > file.size:
            return f"it is longer than {file.size} bytes"
        return f"its {size} bytes have the digest sha256:{state.hexdigest()}, not sha256:{file.sha256}"


def _corrupt(name: str, what: str) -> Failure:
    return infrastructure_failure(Reason.ARTIFACT_CORRUPT, f"{name}: {what}; it was refused, and has to be compiled again")
