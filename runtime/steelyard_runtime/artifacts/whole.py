"""What a store has under a key, if it is whole."""

import logging
from pathlib import Path

from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Manifest
from steelyard_runtime.artifacts.publish import manifest_path
from steelyard_runtime.artifacts.signature import Trust
from steelyard_runtime.artifacts.store import Store
from steelyard_runtime.failure import Failure, Reason

NOT_TO_BE_USED = frozenset({Reason.ARTIFACT_CORRUPT, Reason.SIGNATURE_REFUSED})
LOG = logging.getLogger("steelyard.artifacts")


def found_whole(store: Store, key: str, into: Path, trust: Trust | None = None) -> Manifest | None:
    """Put what is stored under a key into the folder `into`, as `whole` does, for those who may only read: what is not to be used stays there."""
    try:
        return fetch_artifact(f"{store.uri}/{manifest_path(key)}", None, into, trust=trust)
    except Failure as failure:
        if failure.reason not in {Reason.ARTIFACT_NOT_FOUND, *NOT_TO_BE_USED}:
            raise
        if failure.reason in NOT_TO_BE_USED:
            LOG.warning("what the store has under this key is not to be used, and is compiled anew: %s", failure.message)
        return None


def whole(store: Store, key: str, into: Path, trust: Trust | None = None) -> Manifest | None:
    """Put what is stored under a key into the folder `into`, which must not exist, every file verified; None where there is nothing.

    What is there and corrupt, is another key's, or is signed by nobody of `trust`, is removed: None then too. Raises `Failure` when the store does not answer.
    """
    try:
        return fetch_artifact(f"{store.uri}/{manifest_path(key)}", None, into, trust=trust)
    except Failure as failure:
        if failure.reason is Reason.ARTIFACT_NOT_FOUND:
            return None
        if failure.reason not in NOT_TO_BE_USED:
            raise
        LOG.warning("what the store has under this key is not to be used, and is removed: %s", failure.message)
        store.remove(key)
        return None
