"""Gauges of AcceleratorTrials, exit drills among them: what each may cost, what it can cost at most, and what it has cost so far."""

from __future__ import annotations

from datetime import datetime, timedelta

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_TRIALS
from steelyard.control.kube.store import Store
from steelyard.control.telemetry.metrics import Gauges, Sample
from steelyard.status.read.field import number, part, text
from steelyard.status.read.trial import trial_status

SHOWN = timedelta(days=1)
"""After its end, for which its money is told: trials stay as objects until somebody deletes them."""


def trial_gauges(store: Store, reader: Reader, now: datetime, currency: str) -> Gauges:
    """Of those that can be read and go on, or ended within SHOWN. What is not known yet is not told."""
    samples: list[Sample] = []
    for each in store.all(ACCELERATOR_TRIALS):
        samples += (
            reader.read(ACCELERATOR_TRIALS, each, lambda each: _told(each, now, f"steelyard_accelerator_trial_money_{currency}")) or ()
        )
    return Gauges(tuple(samples))


def _told(trial: Manifest, now: datetime, name: str) -> list[Sample]:
    spec, status = part(trial, "spec"), trial_status(part(trial, "status"))
    if status.ended is not None and now - status.ended > SHOWN:
        return []
    where = (manifests.namespace(trial) or "", text(spec, "workloadName") or "", manifests.name(trial))
    told = (("budget", number(spec, "budget")), ("reserved", status.reserved), ("spent", status.spent))
    return [Sample(name, (*where, which), float(value)) for which, value in told if value is not None]
