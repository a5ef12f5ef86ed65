"""Gauges of the compiles that run."""

from __future__ import annotations

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import COMPILED_MODELS
from steelyard.control.kube.store import Store
from steelyard.control.telemetry.metrics import Gauges, Sample
from steelyard.status.read.compiled_model import running_percent


def compile_gauges(store: Store, reader: Reader) -> Gauges:
    """Progress of the compiles that run and can be read."""
    return Gauges(
        tuple(
            Sample("steelyard_compile_progress_ratio", (manifests.namespace(each) or "", manifests.name(each)), percent / 100)
            for each in store.all(COMPILED_MODELS)
            if (percent := reader.read(COMPILED_MODELS, each, lambda each: running_percent(each.get("status") or {}))) is not None
        )
    )
