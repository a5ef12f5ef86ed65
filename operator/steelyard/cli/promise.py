"""A promise as people type it: e2e=200ms:99, ttft=1s:95, itl=50ms:99."""

from __future__ import annotations

import re
from dataclasses import dataclass

METRICS = ("e2e", "ttft", "itl")
_WRITTEN = re.compile(rf"({'|'.join(METRICS)})=([1-9][0-9]{{0,6}})(ms|s):([0-9]{{1,2}}(?:[.][0-9]{{1,3}})?)")


@dataclass(frozen=True, slots=True)
class Promise:
    """A promised time and the percent that keep it."""

    metric: str
    milliseconds: int
    percent: str


def promise(text: str) -> Promise | None:
    """None of anything else."""
    found = _WRITTEN.fullmatch(text)
    if found is None or float(found[4]) == 0:
        return None
    return Promise(found[1], int(found[2]) * (1 if found[3] == "ms" else 1000), found[4])
