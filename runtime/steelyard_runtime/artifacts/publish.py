"""Publishing an artifact: bytes first, then the manifest, once."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from steelyard_runtime.artifacts import manifest as manifests
from steelyard_runtime.artifacts.manifest import ArtifactFile, Manifest
from steelyard_runtime.artifacts.signature import Signer, signature_path
from steelyard_runtime.artifacts.store import Store, read_all
from steelyard_runtime.sha256 import digest_of_bytes, hex_of_file


@dataclass(frozen=True, slots=True)
class Published:
    """An artifact in a store."""

    uri: str
    digest: str
    size: int
    manifest: Manifest
    adopted: bool
    """Somebody else published under this key first, and theirs is the artifact."""


def files_of(folder: Path) -> tuple[ArtifactFile, ...]:
    """List a folder's files with size and digest, by path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple(ArtifactFile(path.relative_to(folder).as_posix(), hex_of_file(path), path.stat().st_size) for path in paths)


def manifest_path(key: str) -> str:
    """Return the path of a key's manifest in its store."""
    return f"{key}/{manifests.NAME}"


def blob_path(key: str, sha256: str) -> str:
    """Return the path of a file's bytes: named by content, so that two publishers with different bytes never touch each other's."""
    return f"{key}/blobs/{sha256}"


def publish(store: Store, folder: Path, manifest: Manifest, signer: Signer | None = None) -> Published:
    """Publish a folder under the manifest's key, signed where there is a signer. Nobody sees an artifact before its manifest; the loser of a
    race adopts the winner's."""
    for file in manifest.files:
        store.put(blob_path(manifest.key, file.sha256), folder / file.path)
    path = manifest_path(manifest.key)
    data = manifest.encoded()
    if signer is not None:
        # Before the manifest: whoever sees that one finds the other.
        with tempfile.NamedTemporaryFile() as envelope:
            envelope.write(signer.envelope(data))
            envelope.flush()
            store.put(signature_path(manifest.key, manifest.digest), Path(envelope.name))
    won = store.create(path, data)
    if not won:
        data = read_all(store, path, manifests.SIZE_LIMIT)
        manifest = manifests.decoded(data)
    return Published(f"{store.uri}/{path}", digest_of_bytes(data), manifest.size, manifest, adopted=not won)
