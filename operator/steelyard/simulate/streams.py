"""What servers that generate text tell of their tokens in a step: as vLLM does, by counters of answers, and by what runs when it is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.core.facts.streams import NO_STREAMS, Streams
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.replica import Replica
from steelyard.simulate.requests import BETWEEN, FIRST, OUTPUT, SLOW, Requests


def streams(answers: Requests, replicas: Sequence[Replica]) -> Streams | None:
    """None where any of them does not generate text. An answer is counted when it ends."""
    servers = [r.server for r in replicas if isinstance(r.server, Iterations)]
    if not servers or len(servers) < len(replicas):
        return None
    told = answers.tokens[answers.outcome <= SLOW] if answers.tokens.shape[1] else np.zeros((0, BETWEEN + 1))
    gaps = np.maximum(told[:, OUTPUT] - 1, 0)
    now = NO_STREAMS
    for server in servers:
        now = now.plus(
            Streams(
                firsts=0,
                first_seconds=0.0,
                gaps=0,
                gap_seconds=0.0,
                running=float(server.running),
                held=server.held / server.memory,
                sequences=server.sequences,
                waiting=float(server.waiting - server.running),
            )
        )
    return now.plus(
        Streams(
            firsts=len(told),
            first_seconds=float(told[:, FIRST].sum()),
            gaps=int(gaps.sum()),
            gap_seconds=float(np.nansum(told[:, BETWEEN] * gaps)),
            running=0.0,
            held=0.0,
            sequences=None,
        )
    )
