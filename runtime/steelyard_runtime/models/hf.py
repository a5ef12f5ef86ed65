"""A model of the Hugging Face hub, or of a mirror of it (HF_ENDPOINT), at one commit; a private one with HF_TOKEN.

Only what a load of safetensors needs is fetched: many repositories hold the same weights as pickles and for other frameworks beside them.
Every file is held against the hash that the hub names for it: of an LFS file its SHA-256, of any other git's own. That tells a broken download.
It does not tell a hub that lies: the commit is a hash over trees and file hashes, which its API does not give in full. The user's digest does.
"""

import hashlib
import os
import shutil
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

from steelyard_runtime.arrival import Advance
from steelyard_runtime.failure import Failure, Reason, infrastructure_failure, user_failure
from steelyard_runtime.models.policy import DownloadPolicy
from steelyard_runtime.sha256 import CHUNK

NEEDED = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
GRAPH = ("model.onnx*", "*.data", "test_data_set_*/input_*.pb")
"""Of a graph: `model.onnx` with weights beside it, as exporters name them, and inputs to try it with."""


def download(uri: str, revision: str, into: Path, advance: Advance, policy: DownloadPolicy, needed: Sequence[str] = NEEDED) -> Path:
    """Download `hf://ORG/NAME` at a commit into a folder, and return the folder."""
    from huggingface_hub import HfApi, hf_hub_download  # noqa: PLC0415
    from huggingface_hub.errors import (  # noqa: PLC0415
        GatedRepoError,
        HFValidationError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    parts = urlsplit(uri)
    name, endpoint = f"{parts.netloc}{parts.path}".strip("/"), os.environ.get("HF_ENDPOINT") or None
    try:
        found = HfApi(endpoint=endpoint).model_info(name, revision=revision, files_metadata=True)
        if found.sha != revision:
            raise user_failure(Reason.MODEL_NOT_FOUND, f"{uri}: {revision} is not a commit there, but names {found.sha}; give the commit")
        files = [file for file in found.siblings or () if is_needed(file.rfilename, needed)]
        if not files:
            raise user_failure(
                Reason.MODEL_UNREADABLE,
                f"{uri} at {revision} has none of {', '.join(needed)}; {'convert its weights to safetensors' if needed == NEEDED else 'put the graph at its top'}",
            )
        done, size = 0, sum(file.size or 0 for file in files)
        policy.require_room(size, len(files), uri)
        for file in files:
            hf_hub_download(name, file.rfilename, revision=revision, local_dir=into, endpoint=endpoint)
            _require_hash(into / file.rfilename, file.lfs.sha256 if file.lfs else None, file.blob_id, uri)
            done += (into / file.rfilename).stat().st_size
            policy.require_room(done, len(files), uri)  # what has come may be more than was announced
            advance(done, size)
    except GatedRepoError as error:
        raise user_failure(
            Reason.MODEL_NOT_FOUND,
            f"{uri} is gated: accept its terms on the hub, and put a token as HF_TOKEN into the Secret of spec.model",
        ) from error
    # Not every EntryNotFoundError: a file that the hub cannot send now is a LocalEntryNotFoundError, of its client's own cache.
    except (RepositoryNotFoundError, RevisionNotFoundError, RemoteEntryNotFoundError, HFValidationError) as error:
        raise user_failure(
            Reason.MODEL_NOT_FOUND,
            f"{uri} at {revision}: {_first_line(error)}; correct spec.model, or put a token as HF_TOKEN into its Secret if it is private",
        ) from error
    except Failure:
        raise
    except Exception as error:  # its HTTP client raises its own, and they change between versions
        raise infrastructure_failure(
            Reason.STORE_UNAVAILABLE,
            f"{uri}: {endpoint or 'the hub'} does not answer as it should: {_first_line(error)}; check HF_ENDPOINT and the network",
        ) from error
    shutil.rmtree(into / ".cache", ignore_errors=True)  # the client's notes
    return into


def needed_for(task: str) -> tuple[str, ...]:
    """Patterns of the files that a task's models are made of."""
    return GRAPH if task == "tensors" else NEEDED


def is_needed(name: str, needed: Sequence[str] = NEEDED) -> bool:
    """Whether a file of a repository is downloaded, by its path in it."""
    return any(fnmatch(name, pattern) for pattern in needed)


def _require_hash(path: Path, sha256: str | None, blob: str | None, uri: str) -> None:
    state = hashlib.sha256() if sha256 else hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            state.update(chunk)
    if state.hexdigest() != (sha256 or blob):
        raise infrastructure_failure(
            Reason.MODEL_DIGEST_MISMATCH,
            f"{uri}: {path.name} has the hash {state.hexdigest()}, and its commit names {sha256 or blob}; it was refused",
        )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
