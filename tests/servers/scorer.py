"""The scorer, out of MLServer's image, as a workload that Steelyard makes: its model is fetched, and samples of its requests are given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster.images import PREFIX
from demo.installation import SECRET, image_values
from e2e.tenant import WORKLOAD, Tenant
from servers.asker import Asker
from servers.ground import Servers

OBJECTIVE_MILLISECONDS = 2000
SAMPLES, FILE = "asked", "requests.jsonl"
TAKES = 100
"""Milliseconds that a replica has to do with each request."""
NUMBERS = ((1, 0, 0), (0, 1, 0), (1, 2, 3))
BODIES = [{"inputs": [{"name": "numbers", "shape": [3], "datatype": "INT64", "data": numbers}]} for numbers in NUMBERS]
LEAST = 60
"""Good requests: what a cost has to rest on."""


def spec(servers: Servers, *families: str, **variables: int) -> dict[str, Any]:
    """Model, server, promise and samples. families: beside processors. variables: of the program, beside how long it takes."""
    server = {
        "image": servers.pinned,
        "families": ["cpu", *families],
        "args": ["/models/scorer"],
        "port": 8080,
        "modelPath": "/models/scorer",
        "probes": {"livePath": "/v2/health/live", "readyPath": "/v2/health/ready", "startupSeconds": 300},
        "drain": {"delaySeconds": 5, "timeoutSeconds": 30},
        "metrics": {"profile": "mlserver", "port": 8082},
        "env": [{"name": name, "value": str(value)} for name, value in {"MILLISECONDS": TAKES, **variables}.items()],
    }
    return {
        "model": {"uri": servers.ground.model_uri, "digest": servers.ground.model_digest, "secretName": SECRET},
        "server": {"custom": server},
        "objective": {"latency": [{"metric": "e2e", "milliseconds": OBJECTIVE_MILLISECONDS, "percent": "95"}]},
        "traffic": {"samples": {"configMap": {"name": SAMPLES, "key": FILE}}},
    }


@contextmanager
def tenant(servers: Servers, folder: Path) -> Iterator[Tenant]:
    """A restricted namespace with the samples. The operator may run images of that name, and fetches models with the runtime's; where S3 is, it is told. It
    has no store."""
    servers.install(
        *image_values("runtime.serve", servers.ground.serve.reference),
        "--set", f"admissionPolicy.imagePrefixes={{{PREFIX}/server-}}", "--set", f"config.store.endpoint={servers.ground.cluster.s3.endpoint}",
        "--set", "config.observe.intervalSeconds=1", "--set", "config.observe.timeoutSeconds=1",
    )  # fmt: skip
    with Tenant(servers.ground, folder) as made:
        made.cluster.kubectl("label", "namespace", made.namespace, "pod-security.kubernetes.io/enforce=restricted")
        asked = "".join(json.dumps({"path": "/v2/models/scorer/infer", "body": body}) + "\n" for body in BODIES)
        samples = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": SAMPLES}, "data": {FILE: asked}}
        assert made.cluster.api.request("POST", f"/api/v1/namespaces/{made.namespace}/configmaps", samples)[0] == 201
        yield made


def asker(servers: Servers, tenant: Tenant, rate: float) -> Asker:
    """A client that sends so many requests a second, from when it is entered."""
    image = servers.mlserver.reference
    return Asker(tenant.cluster, image, tenant.namespace, WORKLOAD, "scorer", rate, OBJECTIVE_MILLISECONDS, BODIES)
