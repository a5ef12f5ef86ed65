"""Gauges of the compiles: how many wait, run, are done or failed, and how far those are that run."""

from __future__ import annotations

from collections import Counter

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import COMPILED_MODELS
from steelyard.control.kube.store import Store
from steelyard.control.telemetry.metrics import Gauges, Sample
from steelyard.status.read.compiled_model import compile_state, running_percent

STATES = ("Waiting", "Running", "Done", "Failed")


def compile_gauges(store: Store, reader: Reader) -> Gauges:
    """Of those that can be read: how many of a namespace are in each state, none included, and the progress of those that run."""
    samples, states = [], Counter[tuple[str, str]]()
    for each in store.all(COMPILED_MODELS):
        namespace = manifests.namespace(each) or ""
        told = reader.read(COMPILED_MODELS, each, lambda each: _told(each.get("status") or {}))
        if told is None:
            continue
        states[namespace, told[0]] += 1
        if told[1] is not None:
            samples.append(Sample("steelyard_compile_progress_ratio", (namespace, manifests.name(each)), told[1] / 100))
    for namespace in sorted({namespace for namespace, _ in states}):
        samples += [Sample("steelyard_compiles", (namespace, state), float(states[namespace, state])) for state in STATES]
    return Gauges(tuple(samples))


def _told(status: dict[str, object]) -> tuple[str, int | None]:
    return compile_state(status), running_percent(status)
