"""Tasks that are no embeddings, in a cluster: a graph out of a package and a classifier of texts are compiled, placed and served, answer what their
models answer, and cost what is told."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tritonclient.http

import packaged
import tiny_classifier
from demo.installation import MODELS, SECRET
from e2e.client import OBJECTIVE_MILLISECONDS
from e2e.tenant import WORKLOAD, Manifest, Tenant
from patience import PATIENCE
from steelyard_runtime.models.digest import model_digest

pytestmark = pytest.mark.nodes

RATE = 8.0
LEAST = 60
"""Good requests: what a cost has to rest on."""
PRICE = 0.20
TEXTS = ["calm river", "the harbour at night", "stone"]


@contextmanager
def served(tenant: Tenant, folder: Path, task: str, compiled: Manifest) -> Iterator[str]:
    """The model of a folder, once a replica serves; the address that it is asked at."""
    tenant.pool("only", "pool-b", "openvino", str(PRICE))
    tenant.start_operator()
    model = {"uri": tenant.cluster.s3.put_folder(MODELS, task, folder), "digest": model_digest(folder), "task": task, "secretName": SECRET}
    tenant.apply_spec(
        {
            "model": model,
            "server": {"steelyard": {}},
            "compile": compiled,
            "objective": {"latency": [{"metric": "e2e", "milliseconds": OBJECTIVE_MILLISECONDS, "percent": "95"}]},
            "scaling": {"minReplicas": 1, "maxReplicas": 2},
            "rebalancing": {"mode": "Observe", "windowSeconds": 5, "minGoodRequests": LEAST},
        }
    )
    tenant.until_serving()
    front = tenant.cluster.api.get(f"/api/v1/namespaces/{tenant.namespace}/services/{WORKLOAD}")
    assert front is not None
    yield str(front["spec"]["clusterIP"])


def cost_is_told(tenant: Tenant, task: str) -> None:
    """Of what a client of that task sends, by its own log."""
    (pool,) = tenant.pools()
    with tenant.client(RATE, "--task", task) as client:
        cost: dict[str, Any] = tenant.until(
            "a cost", lambda: (c := tenant.placement(pool).get("unitCost", {})).get("good", 0) >= LEAST and c, PATIENCE
        )
    assert client.failed() == []
    assert int(cost["n"]) <= client.sent()
    assert float(cost["lower"]) <= float(cost["value"]) <= float(cost["upper"])
    an_hour = float(cost["value"]) / 1000 * RATE * 3600
    assert 0 < an_hour <= 1.5 * PRICE, "one replica pays for a part of its node, at the rate that was sent"
    assert tenant.condition("SLOMet").get("status") == "True"
    (compiled,) = tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")
    assert compiled["spec"]["model"]["task"] == task


def test_a_classifier_of_files_out_of_its_package_tells_them_apart(a_tenant: Callable[[], Tenant], tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(packaged.fetch(packaged.FILES).read_bytes())
    sent = np.array(packaged.three_files(), np.int32)
    right = onnxruntime.InferenceSession(str(tmp_path / "model.onnx")).run(None, {"bytes": sent})[0]
    with a_tenant() as tenant, served(tenant, tmp_path, "tensors", {"batchSizes": [1, 4]}) as address:
        tensor = tritonclient.http.InferInput("bytes", list(sent.shape), "INT32")
        tensor.set_data_from_numpy(sent)
        with tritonclient.http.InferenceServerClient(f"{address}:80", connection_timeout=PATIENCE, network_timeout=PATIENCE) as client:
            found = client.infer(WORKLOAD, [tensor]).as_numpy("target_label")
        np.testing.assert_allclose(found, right, atol=1e-3)
        assert len(set(found.argmax(axis=1))) == len(sent), "a script, a page and a picture"
        cost_is_told(tenant, "tensors")


def test_a_classifier_of_texts_gives_each_the_class_that_its_model_gives(a_tenant: Callable[[], Tenant], tmp_path: Path) -> None:
    folder = tiny_classifier.write(tmp_path / "model")
    right = np.array([tiny_classifier.probabilities(folder, text) for text in TEXTS])
    compiled = {"batchSizes": [1, 4], "sequenceLengths": [32, 64]}
    with a_tenant() as tenant, served(tenant, folder, "text-classification", compiled) as address:
        body = json.dumps({"model": WORKLOAD, "input": TEXTS}).encode()
        asked = urllib.request.Request(f"http://{address}/v1/classify", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            found = json.load(answer)["data"]
        np.testing.assert_allclose([each["probs"] for each in found], right, atol=0.02)
        assert [each["label"] for each in found] == [tiny_classifier.LABELS[at] for at in right.argmax(axis=1)]
        cost_is_told(tenant, "text-classification")
