"""The law of a token server with continuous batching: time to the first token (TTFT) and between tokens (ITL) against the load.

An iteration of the engine reads the weights once (`floor` seconds) and makes one token for each of n sequences; each costs `sequence`
seconds, and `context` seconds for each token of its context. Prompts are computed in the same iterations, `prompt` seconds a token, and
share the reading of the weights (roofline: Williams, Waterman, Patterson, 2009): an iteration with y seconds of prompts takes
sqrt(floor^2 + y^2) - floor longer. With s requests arriving in an iteration a share q = 1 - exp(-s) of iterations has prompts, and

    ITL(s) = floor + s * output * w + g(s)    w = sequence + context * (prompt tokens + output tokens / 2)
    g(s) = sqrt((q * floor)^2 + (s * y)^2) - q * floor        y = prompt * prompt tokens

because n = s * output is Little's law (1961). The load is rate = s / ITL(s): this is the fixed point between arrivals, concurrency and
token time, explicit in s. It rises to the saturation 1 / (output * w + y): by the utilisation law (Denning and Buzen, 1978) what a
request occupies in a full batch. A new request waits for the iteration under way, `bunching` times as long for the prompts in it as
arrivals by chance would (Poisson: 1; even arrivals wait less), and then for the iteration with its own prompt; `outside` seconds are spent
before and after the engine.
"""

from __future__ import annotations

from math import inf

import numpy as np

from steelyard.core.performance.belief import Belief, Reals

FIGURES = ("floor", "sequence", "context", "prompt", "outside", "bunching")
"""In this order in a Belief: `floor` in seconds; `sequence`, `context`, `prompt` and `outside` as parts of it; `bunching` as it is."""
SOLVING = 20
"""Newton steps of the fixed point, at most; it is convex in s and they come from below."""
SOLVED = 1e-10

PRIOR = Belief.of((0.015, 1 / 150, 1e-5, 1 / 200, 1.0, 1.0), (10.0, 5.0, 8.0, 3.0, 4.0, 4.0))
"""From ratios of hardware facts, of no model in particular. A floor of 1.5 to 150 ms. prompt: bytes over flops per second of accelerators
are 1/150 to 1/400 (weights of two bytes, two operations a parameter). context: bytes of keys and values of a token over those of the
weights, 1e-6 to 1e-4. sequence: at least its own computation, which is that of a token of a prompt."""


class Iteration:
    """The law for requests of one mean length, at logarithms of its figures (6, ...) that broadcast with the other arguments."""

    __slots__ = ("bunching", "floor", "output", "outside", "prompts", "work")

    def __init__(self, logs: Reals, prompt: Reals | float, output: Reals | float) -> None:
        floor, sequence, context, per_prompt, outside, bunching = np.exp(logs)
        self.floor = floor
        self.work = floor * (sequence + context * (prompt + output / 2))
        self.prompts = floor * per_prompt * prompt
        self.output = output
        self.outside = floor * outside
        self.bunching = bunching

    def saturation(self, slots: Reals | float = inf) -> Reals:
        """Requests per second at which no load is carried any more, by a server that holds so many sequences at once."""
        if np.all(np.isinf(slots)):
            return np.asarray(1 / (self.output * self.work + self.prompts))
        s = np.asarray(slots / self.output)
        return np.asarray(s / self.itl(s, np.asarray(slots)))

    def arrivals(self, rate: Reals) -> Reals:
        """Requests that arrive in an iteration (s) at `rate` requests per second; infinite from the saturation on."""
        idle = 1 / rate - self.output * self.work
        full = idle - self.prompts
        with np.errstate(all="ignore"):
            least, most = self.floor / idle, np.where(full > 0, self.floor / full, np.inf)
            s = np.where(full > 0, least, np.inf)
            for _ in range(SOLVING):
                prompts, slope = self._prompts_and_slope(s)
                before, s = s, np.minimum(np.maximum(s - (self.floor + prompts - s * idle) / (slope - idle), s), most)
                if not (s > (1 + SOLVED) * before).any():
                    break
        return np.where(full > 0, s, np.inf)

    def itl(self, s: Reals, sequences: Reals) -> Reals:
        """Seconds between tokens of `sequences` sequences, at s arrivals in an iteration."""
        return np.asarray(self.floor + sequences * self.work + self._prompts(s))

    def ttft(self, s: Reals, sequences: Reals) -> Reals:
        """Seconds to the first token of one that arrives."""
        return self.itl_and_ttft(s, sequences)[1]

    def itl_and_ttft(self, s: Reals, sequences: Reals) -> tuple[Reals, Reals]:
        """Both, which share most of what they are made of."""
        quiet, prompts = self.floor + sequences * self.work, self._prompts(s)
        itl = quiet + prompts
        # An iteration is met as often as it is long: the rest of it is E[t^2] / 2 E[t].
        lumps = prompts * (quiet + prompts / -np.expm1(-np.maximum(s, 1e-12))) / (2 * itl)
        wait = -np.expm1(-sequences) * (quiet / 2 + self.bunching * lumps)
        return itl, np.asarray(self.outside + wait + quiet + self.alone(1 + self.bunching * s))

    def ttft_of_batch(self, requests: Reals) -> Reals:
        """Seconds to the first token of that many requests which come at once to an idle server."""
        return np.asarray(self.outside + self.floor + self.alone(requests))

    def alone(self, requests: Reals) -> Reals:
        """Seconds that so many prompts add to one iteration."""
        return np.asarray(_longest(self.floor, self.prompts * requests) - self.floor)

    def _prompts(self, s: Reals) -> Reals:
        """Mean seconds that prompts add to an iteration, g(s)."""
        read = -np.expm1(-s) * self.floor
        return np.asarray(_longest(read, s * self.prompts) - read)

    def _prompts_and_slope(self, s: Reals) -> tuple[Reals, Reals]:
        """The same, and its slope in s."""
        share = -np.expm1(-s)
        read, compute, none = share * self.floor, s * self.prompts, (1 - share) * self.floor
        longest = _longest(read, compute)
        slope = (read * none + compute * self.prompts) / np.maximum(longest, 1e-300) - none
        return longest - read, slope


def _longest(read: Reals, compute: Reals) -> Reals:
    """hypot, which takes three times as long and is for what overflows when it is squared."""
    return np.asarray(np.sqrt(read * read + compute * compute))
