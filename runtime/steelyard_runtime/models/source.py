"""Fetching a model by its address, and holding it against the digest it was asked for."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from steelyard_runtime.arrival import Advance
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.models import hf, oci, s3
from steelyard_runtime.models.digest import model_digest
from steelyard_runtime.models.policy import DownloadPolicy

CLAIM_MOUNT = Path("/models")
"""Where a pod that reads `pvc://claim/path` mounts the claim: the path inside of the claim is a path below this."""


ANYTHING_PUBLIC = DownloadPolicy()


def fetch(
    uri: str,
    into: Path,
    advance: Advance = lambda *_: None,
    *,
    revision: str | None = None,
    digest: str | None = None,
    policy: DownloadPolicy = ANYTHING_PUBLIC,
    task: str = "",
) -> Path:
    """Return a folder with the model's files. What is not a folder already is downloaded into `into`, and tells how far it is. Of a repository
    of the hub only what `task` needs is."""
    parts = urlsplit(uri)
    match parts.scheme:
        case "file":
            folder = Path(unquote(parts.path))
        case "pvc":
            folder = _inside(CLAIM_MOUNT, unquote(parts.path))
        case "s3":
            return s3.download(uri, into, advance, policy)
        case "hf":
            if revision is None:
                raise user_failure(Reason.INVALID_SPEC, f"model.uri {uri!r} needs a revision: the commit, in full")
            return hf.download(uri, revision, into, advance, policy, hf.needed_for(task))
        case "oci":
            return oci.download(uri, digest or "", into, advance, policy)
        case _:
            raise user_failure(Reason.INVALID_SPEC, f"model.uri {uri!r} has an unknown scheme; use s3://, pvc://, hf://, oci:// or file://")
    if not folder.is_dir():
        raise user_failure(Reason.MODEL_NOT_FOUND, f"there is no folder at {uri} ({folder} here); put the model there or correct model.uri")
    return folder


def lists_files(uri: str) -> bool:
    """Whether the digest of a model at this address is that of its files: a registry's names a manifest, and is checked in the download."""
    return urlsplit(uri).scheme != "oci"


def verified_digest(folder: Path, wanted: str | None) -> str:
    """Return the digest of a folder's files; refuse one that is not the wanted one."""
    found = model_digest(folder)
    if wanted is not None and found != wanted:
        raise user_failure(
            Reason.MODEL_DIGEST_MISMATCH,
            f"the model's digest is {found}, not {wanted}; if the files are the ones you mean, set model.digest to it"
            " (steelyard-runtime digest DIR prints it)",
        )
    return found


def _inside(root: Path, path: str) -> Path:
    folder = (root / path.lstrip("/")).resolve()
    if not folder.is_relative_to(root.resolve()):
        raise user_failure(Reason.INVALID_SPEC, f"the path {path!r} leaves the claim; remove the '..'")
    return folder
