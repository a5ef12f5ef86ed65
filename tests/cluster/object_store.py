"""An S3 server for the cluster: versitygw over a folder, on the address that pods and this machine reach."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError
from cluster.http_probe import answers
from cluster.identity import Identity
from cluster.supervisor import Supervisor
from cluster.waiting import wait_until
from patience import PATIENCE

PORT = 7070
REGION = "us-east-1"


@dataclass(frozen=True)
class ObjectStore:
    """Where it is and who may use it. The credentials are this cluster's own, and random."""

    endpoint: str
    access_key: str
    secret_key: str
    read_access_key: str
    """With `read_secret_key`: may get and list objects, and nothing else."""
    read_secret_key: str
    folder: Path
    """Buckets are folders and objects are files: what is put here is an object at once."""
    region: str = REGION

    def bucket(self, name: str) -> str:
        """Create a bucket, when it is not there; returns its name."""
        if "/" in name or name.startswith("."):
            raise ClusterError(f"{name!r} is no name for a bucket")
        folder = self.folder / name
        if not folder.is_dir():
            folder.mkdir()
            # Where the server keeps what a PutBucketPolicy has given it.
            os.setxattr(folder, "user.policy", json.dumps(_reads(name, self.read_access_key)).encode())
        return name

    def put_file(self, bucket: str, key: str, source: Path) -> str:
        """Put one file; returns its `s3://` URI."""
        target = self.folder / self.bucket(bucket) / key
        target.parent.mkdir(parents=True, exist_ok=True)
        # A reader sees the whole object or none: a name that the server does not list, in the same file system.
        partial = self.folder.parent / f"object-{secrets.token_hex(8)}"
        shutil.copyfile(source, partial)
        partial.rename(target)
        return f"s3://{bucket}/{key}"

    def put_folder(self, bucket: str, prefix: str, source: Path) -> str:
        """Put every file below a folder; returns the `s3://` URI of the prefix."""
        for path in sorted(source.rglob("*")):
            if path.is_file():
                self.put_file(bucket, f"{prefix}/{path.relative_to(source)}", path)
        return f"s3://{bucket}/{prefix}"

    def credentials_in(self, namespace: str, *, writes: str, reads: str) -> list[dict[str, Any]]:
        """Secrets of a namespace, by name: one with credentials that may do all, one with those that only read."""
        keys = {writes: (self.access_key, self.secret_key), reads: (self.read_access_key, self.read_secret_key)}
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name, "namespace": namespace},
                "stringData": {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret},
            }
            for name, (key, secret) in keys.items()
        ]

    def environment(self) -> dict[str, str]:
        """For programs that are to find it: Steelyard's own words, and those that every S3 client knows."""
        return {
            "STEELYARD_S3_ENDPOINT": self.endpoint,
            "STEELYARD_S3_ACCESS_KEY": self.access_key,
            "STEELYARD_S3_SECRET_KEY": self.secret_key,
            "STEELYARD_S3_READ_ACCESS_KEY": self.read_access_key,
            "STEELYARD_S3_READ_SECRET_KEY": self.read_secret_key,
            "STEELYARD_S3_REGION": self.region,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
        }


def _reads(bucket: str, reader: str) -> dict[str, object]:
    """A policy with which a user reads a bucket. Listing is part of it: without, nobody is told from nothing what is not there."""
    arn = f"arn:aws:s3:::{bucket}"
    allowed = {
        "Effect": "Allow",
        "Principal": {"AWS": [reader]},
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [arn, f"{arn}/*"],
    }
    return {"Version": "2012-10-17", "Statement": [allowed]}


def _record(identity: Identity) -> Path:
    return identity.folder / "s3" / "credentials.json"


def is_started(identity: Identity) -> bool:
    """Whether the cluster has an object store already."""
    return _record(identity).exists()


def start(identity: Identity, supervisor: Supervisor, program: Path) -> ObjectStore:
    """Start the server when it does not run, and say how to use it."""
    folder = identity.folder / "s3"
    record = _record(identity)
    if record.exists():
        return ObjectStore(f"http://{identity.gateway}:{PORT}", **json.loads(record.read_text()), folder=folder / "buckets")
    (folder / "buckets").mkdir(parents=True, exist_ok=True)
    names = ("access_key", "secret_key", "read_access_key", "read_secret_key")
    credentials = {name: secrets.token_hex(20 if "secret" in name else 8) for name in names}
    reader = {"access": credentials["read_access_key"], "secret": credentials["read_secret_key"], "role": "user"}
    (folder / "users").mkdir(exist_ok=True)
    (folder / "users" / "users.json").write_text(json.dumps({"accessAccounts": {reader["access"]: reader}}))
    environment = {"ROOT_ACCESS_KEY": credentials["access_key"], "ROOT_SECRET_KEY": credentials["secret_key"]}
    address = f"{identity.gateway}:{PORT}"
    supervisor.start(
        "s3",
        program,
        "--quiet",
        "--port",
        address,
        "--health",
        "/health",
        "--region",
        REGION,
        "--iam-dir",
        folder / "users",
        "posix",
        folder / "buckets",
        env=environment,
    )
    store = ObjectStore(f"http://{address}", **credentials, folder=folder / "buckets")
    wait_until(
        "the object store",
        lambda: answers(store.endpoint + "/health"),
        seconds=PATIENCE,
        logs=(supervisor.log("s3"),),
        check=supervisor.check,
    )
    record.touch(mode=0o600)
    record.write_text(json.dumps(credentials))
    return store
