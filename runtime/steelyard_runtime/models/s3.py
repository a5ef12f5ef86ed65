"""Downloading a model from S3."""

from pathlib import Path

from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.s3_bucket import open_bucket


def download(uri: str, into: Path) -> Path:
    """Download every object below the address into a folder, and return the folder."""
    import obstore  # noqa: PLC0415  file:// and pvc:// models need no S3 client
    from obstore.exceptions import BaseError, NotFoundError  # noqa: PLC0415

    store, prefix = open_bucket(uri)
    root = f"{prefix}/" if prefix else ""
    count = 0
    try:
        for page in obstore.list(store, prefix or None):
            for found in page:
                path = found["path"]
                relative = path.removeprefix(root)
                target = (into / relative).resolve()
                if not path.startswith(root) or not target.is_relative_to(into.resolve()):
                    raise user_failure(Reason.MODEL_UNREADABLE, f"the object {path!r} would land outside of the model; rename it")
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    for chunk in obstore.get(store, path).stream():
                        file.write(bytes(chunk))
                count += 1
    except NotFoundError as error:
        raise user_failure(Reason.MODEL_NOT_FOUND, f"{uri}: {error}; create the bucket or correct model.uri") from error
    except BaseError as error:
        raise infrastructure_failure(Reason.STORE_UNAVAILABLE, f"{uri}: {error}; check endpoint, credentials and network") from error
    if not count:
        raise user_failure(Reason.MODEL_NOT_FOUND, f"there are no objects below {uri}; upload the model or correct model.uri")
    return into
