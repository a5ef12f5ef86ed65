"""A client of a server that speaks the Open Inference Protocol, as a pod of its own on another node."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.cluster import Cluster
from e2e.client import Client

PROGRAM = Path(__file__).parent / "asking.py"


class Asker(Client):
    """Sends these bodies in turn. Its log is that of the load generator, with what was asked and answered besides."""

    def __init__(
        self, cluster: Cluster, image: str, namespace: str, service: str, model: str, rate: float, milliseconds: int, bodies: Sequence[Any]
    ) -> None:
        """`image`: one that has Python. `milliseconds`: within which an answer is good."""
        super().__init__(cluster, image, namespace, f"asks-{service}", service, rate)
        url = f"http://{service}.{namespace}.svc/v2/models/{model}/infer"
        (container,) = self._pod["spec"]["containers"]
        del container["args"]
        container["command"] = ["python3", "-c", PROGRAM.read_text(), url, str(rate), str(milliseconds), json.dumps(list(bodies))]
