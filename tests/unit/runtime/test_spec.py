"""Specifications: read whole, or refused with the name of the field."""

import json
from typing import Any

import pytest

from steelyard_runtime.compile.spec import compile_spec
from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.serve.spec import serve_spec

COMPILE: dict[str, Any] = {
    "key": "a" * 64,
    "model": {"uri": "s3://bucket/prefix", "digest": "sha256:" + "b" * 64, "revision": None, "task": "embeddings"},
    "backend": "openvino",
    "toolchain": {"openvino": "2026.4.1"},
    "target": "cpu/x86-64",
    "dtype": "default",
    "quantization": "none",
    "batchSizes": [8, 1],
    "sequenceLengths": [32, 64, 128],
    "tensorParallel": 1,
    "flags": [],
    "store": {"uri": "s3://artifacts/uid"},
    "golden": {"samples": 8, "seed": 1},
}
SERVE: dict[str, Any] = {
    "model": "minilm",
    "task": "embeddings",
    "backend": "openvino",
    "artifact": {"uri": "s3://a/k/manifest.json", "digest": "sha256:" + "c" * 64},
    "objective": {"latency": [{"metric": "e2e", "milliseconds": 400, "percent": "99"}]},
    "batching": {"maxBatch": 8, "maxDelayMs": 5},
    "queue": {"limit": 256},
    "connection": {"maxAgeSeconds": 10},
    "drain": {"delaySeconds": 3, "timeoutSeconds": 20},
    "threads": 1,
    "limits": {"maxInputs": 64, "maxChars": 20000},
}


def test_a_whole_compile_specification_is_read() -> None:
    spec = compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps(COMPILE)})
    assert (spec.batch_sizes, spec.toolchain, spec.golden_samples) == ((1, 8), (("openvino", "2026.4.1"),), 8)


def test_a_whole_serve_specification_is_read() -> None:
    spec = serve_spec({"STEELYARD_SERVE_SPEC": json.dumps(SERVE)})
    assert (spec.objectives, spec.max_delay, spec.max_age, spec.drain_delay) == ((400.0,), 0.005, 10.0, 3.0)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": "short"}, "key"),
        ({"batchSizes": []}, "batchSizes"),
        ({"batchSizes": [0]}, "batchSizes"),
        ({"tensorParallell": 2}, "tensorParallell"),
        ({"model": {"uri": "s3://b/p", "digest": "md5:x", "task": "embeddings"}}, "model.digest"),
        ({"golden": {"samples": 0}}, "golden.samples"),
    ],
)
def test_a_wrong_field_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(Failure, match=field) as refusal:
        compile_spec({"STEELYARD_COMPILE_SPEC": json.dumps({**COMPILE, **change})})
    assert (refusal.value.kind, refusal.value.reason) == ("User", Reason.INVALID_SPEC)


def test_an_objective_that_embeddings_do_not_have_is_refused_not_dropped() -> None:
    with pytest.raises(Failure, match="ttft"):
        serve_spec(
            {
                "STEELYARD_SERVE_SPEC": json.dumps(
                    {**SERVE, "objective": {"latency": [{"metric": "ttft", "milliseconds": 5, "percent": "99"}]}}
                )
            }
        )


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_no_specification_says_what_to_set(text: str | None) -> None:
    with pytest.raises(Failure, match="STEELYARD_COMPILE_SPEC"):
        compile_spec({} if text is None else {"STEELYARD_COMPILE_SPEC": text})
