"""An S3 bucket by its `s3://bucket/prefix` address; endpoint and credentials come from the environment as in every AWS client."""

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from steelyard_runtime.failure import Reason, user_failure

if TYPE_CHECKING:
    from obstore.store import S3Store


def open_bucket(uri: str, environment: Mapping[str, str] = os.environ) -> tuple["S3Store", str]:
    """Return a client of the bucket, and the prefix inside of it without slashes at its ends."""
    from obstore.store import S3Store  # noqa: PLC0415  file:// stores need no S3 client

    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise user_failure(Reason.INVALID_SPEC, f"{uri!r} is not an S3 address; write s3://bucket/prefix")
    config: dict[str, Any] = {"region": environment.get("AWS_REGION", "us-east-1")}
    for variable, name in (
        ("AWS_ENDPOINT_URL", "endpoint"),
        ("AWS_ACCESS_KEY_ID", "access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
        ("AWS_SESSION_TOKEN", "session_token"),
    ):
        if environment.get(variable):
            config[name] = environment[variable]
    allow_http = environment.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes")
    store = S3Store(
        parts.netloc,
        config=config,  # type: ignore[arg-type]  # a TypedDict cannot be built from variables
        client_options={"allow_http": allow_http, "timeout": timedelta(minutes=10), "connect_timeout": timedelta(seconds=5)},
        # Conditional puts are retried by whoever asked: a retry inside could turn our own win into "already exists".
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=60)},
    )
    return store, parts.path.strip("/")
