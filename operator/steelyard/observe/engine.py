"""What vLLM tells of its engine, whoever stands around it: tokens, how long they took, and what runs at the same time."""

from __future__ import annotations

from steelyard.core.facts.streams import Streams
from steelyard.core.facts.tokens import Counted
from steelyard.observe.exposition import Exposition
from steelyard.observe.on_page import first_mean, first_sum, first_told, timed, whole_sum

INPUT = ("vllm:request_prompt_tokens",)
OUTPUT = ("vllm:request_generation_tokens",)
"""Histograms of tokens by request."""
EVERY_INPUT = "vllm:prompt_tokens_total"
EVERY_CACHED = ("vllm:prompt_tokens_cached_total", "vllm:prefix_cache_hits_total")
"""The first that is there. A request that waits for room in the cache may be counted by the second each time that it is tried."""
EVERY_OUTPUT = "vllm:generation_tokens_total"
FIRST = ("vllm:time_to_first_token_seconds",)
BETWEEN = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")
"""The first that is there: one is the other's older name."""
RUNNING = ("vllm:num_requests_running",)
WAITING = ("vllm:num_requests_waiting",)
HELD = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
EVERY_NAME = frozenset(
    {EVERY_INPUT, *EVERY_CACHED, EVERY_OUTPUT, *RUNNING, *WAITING, *HELD}
    | {f"{name}_{part}" for name in (*FIRST, *BETWEEN) for part in ("sum", "count")}
)
"""But the tokens of each request."""


def streams_of(seen: Exposition, sequences: int | None) -> Streams | None:
    """None where the engine does not tell how long tokens took. sequences: that a replica runs at the same time at most."""
    first = timed(seen, FIRST)
    between = timed(seen, BETWEEN) if first is not None else None
    if first is None or between is None:
        return None
    running, held = first_sum(seen, RUNNING), first_mean(seen, HELD)
    told = running is not None and held is not None
    return Streams(
        firsts=first[0],
        first_seconds=first[1],
        gaps=between[0],
        gap_seconds=between[1],
        running=running or 0.0 if told else 0.0,
        held=held or 0.0 if told else 0.0,
        sequences=sequences,
        waiting=first_sum(seen, WAITING) or 0.0,
    )


def every_token(seen: Exposition) -> Counted | None:
    """Of all requests; None where the engine does not count. vLLM has a series for each of its engines."""
    return counted(whole_sum(seen, EVERY_INPUT), first_told(seen, EVERY_CACHED), whole_sum(seen, EVERY_OUTPUT))


def counted(prompt: int | None, cached: int | None, output: int | None) -> Counted | None:
    """None where one of the two is not told."""
    return None if prompt is None or output is None else Counted(input=prompt, cached=cached, output=output)
