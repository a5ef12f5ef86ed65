"""How a replica truly runs on a pool, by the kind of its server: slots, batches, or iterations over tokens."""

from __future__ import annotations

from math import inf
from typing import Annotated

import numpy as np
from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Rule
from steelyard.core.performance.iteration import Iteration
from steelyard.simulate.batches import Batches
from steelyard.simulate.duration import Duration
from steelyard.simulate.iterations import Iterations
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.pool_entry import Amount, ReplicaSize
from steelyard.simulate.slots import Slots

Share = Annotated[float, Field(ge=0, le=100)]
Spread = Annotated[float, Field(ge=0, le=10)]
Nothing = Annotated[float, Field(ge=0, le=1e6)]


class BatchingEntry(SpecModel):
    """A server that computes in batches: b requests together take alphaMilliseconds + b * betaMilliseconds."""

    alpha_milliseconds: Annotated[Nothing, says("Time of a batch, however small.", unit="milliseconds", example=20)]
    beta_milliseconds: Annotated[Amount, says("Time of each request in a batch.", unit="milliseconds", example=2)]
    max_batch: Annotated[int, says("Requests of a batch, at most.", unit="requests", low=1, high=100_000, example=32)]
    max_wait_milliseconds: Annotated[
        Nothing,
        says(
            "How long the first request of a batch that is not full waits for others while the server is free.",
            unit="milliseconds",
            example=5,
        ),
    ] = 0.0
    spread: Annotated[Spread, says("Standard deviation over mean of a batch's time (gamma distributed).", example=0.1)] = 0.0


class TokensEntry(SpecModel):
    """A token server with continuous batching. An iteration makes a token for each sequence that runs; it takes floorMilliseconds, and what
    sequences, their contexts and new prompts add (prompts share the floor, as sides of a right angle)."""

    floor_milliseconds: Annotated[Amount, says("An iteration that reads the weights and does no more.", unit="milliseconds", example=12)]
    sequence_microseconds: Annotated[Nothing, says("What a sequence adds.", unit="microseconds", example=60)]
    context_microseconds: Annotated[
        Nothing, says("What a token of a sequence's context adds, prompt and answer so far.", unit="microseconds", example=0.1)
    ]
    prompt_microseconds: Annotated[
        Nothing, says("A token of a prompt, in the iteration that its request joins.", unit="microseconds", example=50)
    ]
    outside_milliseconds: Annotated[Nothing, says("Before and after the engine.", unit="milliseconds", example=5)] = 0.0
    kv_tokens: Annotated[
        int,
        says(
            "Tokens that the memory for keys and values holds: at least the longest request.",
            unit="tokens",
            low=1,
            high=2**31,
            example=100_000,
        ),
    ]
    max_sequences: Annotated[int, says("Sequences that run at the same time, at most.", low=1, high=100_000, example=256)] = 256

    def law(self, prompt: float, output: float) -> Iteration:
        """What latency and saturation follow, for requests of that mean length."""
        floor = self.floor_milliseconds
        micros = (self.sequence_microseconds, self.context_microseconds, self.prompt_microseconds)
        parts = (*(each / 1000 / floor for each in micros), self.outside_milliseconds / floor)
        with np.errstate(divide="ignore"):
            return Iteration(np.log([floor / 1000, *parts, 1.0]), prompt, output)


class Truth(SpecModel):
    """How a replica truly runs on a pool, whatever is claimed. `serviceMilliseconds`, `batching` or `tokens` says what kind of server it is."""

    RULES = (
        Rule(
            "",
            "must give exactly one of serviceMilliseconds, batching and tokens",
            lambda t: sum(kind is not None for kind in (t.service_milliseconds, t.batching, t.tokens)) == 1,
        ),
        Rule("", "must be left out with batching and tokens", lambda t: t.service_milliseconds is not None or t.slots == 1, field="slots"),
        Rule(
            "",
            "must be left out with tokens, and given inside of batching",
            lambda t: t.service_milliseconds is not None or t.spread == 0,
            field="spread",
        ),
        Rule(
            "",
            "must be at least batching.maxBatch: a batch gathers in the queue",
            lambda t: t.batching is None or t.queue >= t.batching.max_batch,
            field="queue",
        ),
        Rule(
            "",
            "must be at least 1 with tokens: a request that comes joins the next iteration",
            lambda t: t.tokens is None or t.queue > 0,
            "queue",
        ),
    )

    service_milliseconds: Annotated[
        Amount | None, says("A server with slots: mean time that a request occupies one of them.", unit="milliseconds", example=25)
    ] = None
    batching: Annotated[BatchingEntry | None, says("A server that computes in batches.")] = None
    tokens: Annotated[TokensEntry | None, says("A server that generates text; the workload must give lengths.")] = None
    spread: Annotated[
        Spread,
        says("Standard deviation over mean of serviceMilliseconds (gamma distributed). 0: all requests take the same time.", example=0.3),
    ] = 0.0
    slots: Annotated[
        int, says("Requests that one replica works on at the same time, each at its own pace.", low=1, high=1024, example=4)
    ] = 1
    queue: Annotated[
        int,
        says(
            "Requests that may wait in a replica, with slots as a mean; one that finds more, or would have to wait for longer, is shed (429).",
            low=0,
            high=100_000,
            example=50,
        ),
    ] = 100
    busy_told: Annotated[
        bool | None,
        says(
            "Whether the server here tells how long it was busy. Without it capacity is learnt from loads alone, and of tokens from "
            "what vLLM counts of them. Left out: busyKnown of the workload, and false for tokens on a pool with devices, as vLLM tells none there."
        ),
    ] = None
    weight: Annotated[
        Annotated[float, Field(ge=0, le=1e6)],
        says(
            "Requests that the front sends a replica here, beside one with weight 1. All alike: equal shares, as the operator has it.",
            example=2,
        ),
    ] = 1.0
    start_seconds: Annotated[Duration, says("From the image's presence until the replica is ready, 20 % more or less.", example=60)] = 60.0
    compile_seconds: Annotated[Duration, says("The compile for this pool's back end.", example="10m")] = 0.0
    error_percent: Annotated[Share, says("Requests that fail on this pool.", unit="percent")] = 0.0
    min_replicas: Annotated[int, says("The fewest replicas here.", low=0, high=10_000)] = 0
    max_replicas: Annotated[
        Annotated[int, says("", low=0, high=10_000)] | None, says("The most replicas here. Left out: no bound of its own.")
    ] = None
    devices: Annotated[int, says("Devices of one replica; ignored on CPU pools.", low=1, high=128)] = 1
    replica: Annotated[ReplicaSize | None, says("What one replica asks for here. Left out: what the pool says.")] = None

    def server(self) -> Slots | Batches | Iterations:
        """A new one, at its usual speed."""
        made: Slots | Batches | Iterations
        if self.batching is not None:
            entry = self.batching
            patience = entry.max_wait_milliseconds / 1000
            made = Batches(alpha=0.0, beta=0.0, most=entry.max_batch, patience=patience, spread=entry.spread, queue=self.queue)
        elif self.tokens is not None:
            made = Iterations(
                floor=0.0,
                sequence=0.0,
                context=0.0,
                prompt=0.0,
                outside=0.0,
                sequences=self.tokens.max_sequences,
                memory=self.tokens.kv_tokens,
                queue=self.queue,
            )
        else:
            made = Slots(free_at=np.full(self.slots, -inf), service=0.0, spread=self.spread, bound=0.0)
        self.tune(made, 1.0)
        return made

    def tune(self, server: Slots | Batches | Iterations, slow: float) -> None:
        """It takes `slow` times as long from now on."""
        if isinstance(server, Slots) and self.service_milliseconds is not None:
            server.service = self.service_milliseconds / 1000 * slow
            server.bound = self.queue * server.service / self.slots
        elif isinstance(server, Batches) and self.batching is not None:
            server.alpha, server.beta = (each / 1000 * slow for each in (self.batching.alpha_milliseconds, self.batching.beta_milliseconds))
        elif isinstance(server, Iterations) and self.tokens is not None:
            entry = self.tokens
            server.floor, server.outside = entry.floor_milliseconds / 1000 * slow, entry.outside_milliseconds / 1000 * slow
            server.sequence, server.context, server.prompt = (
                each / 1e6 * slow for each in (entry.sequence_microseconds, entry.context_microseconds, entry.prompt_microseconds)
            )

    def saturation(self, lengths: Lengths | None) -> float:
        """Requests per second that one replica completes at most: in full batches, and for requests of the mean lengths."""
        if self.service_milliseconds is not None:
            return self.slots * 1000 / self.service_milliseconds
        if self.batching is not None:
            batch = self.batching
            return 1000 * batch.max_batch / (batch.alpha_milliseconds + batch.max_batch * batch.beta_milliseconds)
        assert self.tokens is not None
        assert lengths is not None
        prompt, output = lengths.means
        held = min(self.tokens.max_sequences, self.tokens.kv_tokens / (prompt + output / 2))
        return float(self.tokens.law(prompt, output).saturation(held))
