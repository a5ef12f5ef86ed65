"""What is known under one software. New software starts a new epoch, with what was known before as a wider prior."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from steelyard.core.performance.belief import Belief, Evidence
from steelyard.core.performance.capacity import REVISION_SPREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What makes a replica behave: digests of artifact and image, version of the driver. Any change of it ends an epoch."""

    artifact: str
    image: str
    driver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One (workload, pool): the software, the prior it began with, and the evidence since, which counts as of `at`."""

    software: Software
    prior: Belief
    evidence: Evidence
    at: datetime

    @classmethod
    def begun(cls, software: Software, prior: Belief, at: datetime) -> Epoch:
        """Nothing was seen yet."""
        return cls(software=software, prior=prior, evidence=Evidence.nothing(len(prior.mean)), at=at)

    def belief(self, now: datetime, half_life_seconds: float) -> Belief:
        """What is known at `now`: the older the evidence, the nearer to the prior; never narrower by age."""
        return self.prior.given(self.evidence.faded((now - self.at).total_seconds(), half_life_seconds))

    def seen(self, evidence: Evidence, at: datetime, half_life_seconds: float) -> Epoch:
        """With evidence that ends at `at` and was not counted before; that of a fit, where its prior was the belief at `at`."""
        newest = max(at, self.at)
        old, new = ((newest - since).total_seconds() for since in (self.at, at))
        return replace(self, evidence=self.evidence.faded(old, half_life_seconds) + evidence.faded(new, half_life_seconds), at=newest)

    def under(self, software: Software, now: datetime, half_life_seconds: float) -> Epoch:
        """The same software: unchanged. Another: a new epoch, whose prior is what is known now, a REVISION_SPREAD wider."""
        if software == self.software:
            return self
        return Epoch.begun(software, self.belief(now, half_life_seconds).widened(REVISION_SPREAD), now)
