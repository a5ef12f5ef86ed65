"""One step of a probe: what became of its requests, by the client's clock and as the server itself would judge them."""

from collections import Counter
from dataclasses import dataclass, field
from math import exp, lgamma, log, log1p

from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.probe_spec import Objective
from steelyard_runtime.load.summary import STEP, Quantiles

CHANCE = 0.05
"""A step has broken the promise where it misses more than chance would make of what is allowed, but for so many cases of all."""

TOLERATED, LEAST_TOLERATED = 0.1, 0.01
"""Lateness of the generator itself, as a part of the shortest objective and in seconds, up to which what it measures is the server's."""
HOPELESS = 1.0
"""Seconds by which a generator is late that will not come to send what it should."""
BEHIND = 0.8
"""Of what was sent in a step, that its server answers in it at most where it is full."""
PARTS = 20
"""Of a step, in each of which what was answered is counted: how alike these are says how sure the rate is."""
SURE, CLUSTERED = 2.935, 5.0
"""Standard errors on either side that make 99 % for three steps together, of which any may be the one that is looked at; and the variance of the
number of late answers over its mean: they come in clusters."""


@dataclass(eq=False)
class ProbedStep:
    """Grows by one request at a time. Times in seconds; `patience`: after which a request was given up."""

    rate: float
    objectives: tuple[Objective, ...]
    patience: float
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    missed: Counter[int] = field(default_factory=Counter)
    """Requests that missed each objective, by its number."""
    latencies: Quantiles = field(default_factory=Quantiles)
    lateness: Quantiles = field(default_factory=Quantiles)
    """By how much the generator itself was late."""
    left_late: int = 0
    """Requests that it sent too late for what was measured to be the server's alone."""
    hopeless: bool = False
    """It did not come to send what it should."""
    began: float = 0.0
    answered: list[float] = field(default_factory=list)
    """When each answer came, by the clock of `began`."""
    input: int | None = 0
    output: int | None = 0
    """Tokens of the good requests and of their answers; None where one was not told."""

    def leaves(self, lateness: float) -> None:
        """A request is sent, so late."""
        self.lateness.add(lateness)
        shortest = min((each.seconds for each in self.objectives if each.metric != "itl"), default=1.0)
        self.left_late += lateness > max(LEAST_TOLERATED, TOLERATED * shortest)
        self.hopeless = self.hopeless or lateness > HOPELESS

    def add(self, entry: Entry) -> None:
        """Count one request. The client's own mistakes are no requests."""
        missed = [number for number, each in enumerate(self.objectives) if entry.status != 200 or _took(entry, each.metric) > each.seconds]
        outcome = self._outcome(entry, late=bool(missed))
        if outcome == "good":
            self.input, self.output = _plus(self.input, entry.input), _plus(self.output, entry.output)
        self.outcomes[outcome] += 1
        if outcome == "rejected":
            return
        self.missed.update(missed)
        if entry.status == 200:
            self.latencies.add(entry.latency)
            self.answered.append(entry.done)

    @property
    def offered(self) -> int:
        """All that were sent and made sense."""
        return self.outcomes.total() - self.outcomes["rejected"]

    @property
    def kept(self) -> bool:
        """Whether what was missed of each objective may be chance. Without any objective only an answer is promised."""
        failed = self.outcomes["error"] + self.outcomes["shed"]
        misses = [(self.missed[number], each.allowed) for number, each in enumerate(self.objectives)] or [(failed, 0.01)]
        return self.offered > 0 and all(at_least(bad, self.offered, allowed) >= CHANCE for bad, allowed in misses)

    @property
    def disturbed(self) -> bool:
        """Whether the generator, and not the server, may be why it was not kept."""
        allowed = min((each.allowed for each in self.objectives), default=0.01)
        return self.hopeless or (not self.kept and at_least(self.left_late, self.lateness.count, allowed) < CHANCE)

    @property
    def finished(self) -> list[int]:
        """Answers that came in each of PARTS equal parts of the step."""
        places = Counter(int(PARTS * (at - self.began) / self.seconds) for at in self.answered if 0 <= at - self.began < self.seconds)
        return [places[part] for part in range(PARTS)]

    @property
    def behind(self) -> bool:
        """Whether far fewer were answered in the step than sent: the server could do no more."""
        return sum(self.finished) <= BEHIND * self.offered

    def told(self, *, when: bool = False) -> dict[str, object]:
        """Return it as the result has it; p50 and p99 in milliseconds, of those that were answered. `when`: with the parts in which the answers came."""
        return {
            "rate": round(self.rate, 4),
            "seconds": round(self.seconds, 2),
            **{name: self.outcomes[name] for name in ("good", "slow", "error", "shed")},
            "p50": self.milliseconds(0.5),
            "p99": self.milliseconds(0.99),
            **({"finished": self.finished} if when else {}),
        }

    def milliseconds(self, part: float) -> float | None:
        """Return a quantile of what answers took."""
        took = self.latencies.quantile(part)
        return None if took is None else round(took * 1000, 1)

    @property
    def whole_request(self) -> tuple[Objective, tuple[float, float, float]] | None:
        """The shortest objective for the whole of a request, with the milliseconds below which the part of the answers stayed that it speaks of, and
        between which that surely is; None without such an objective, or while so few were answered that the upper end is not known."""
        objective = min((each for each in self.objectives if each.metric == "e2e"), key=lambda each: each.seconds, default=None)
        n = self.latencies.count
        if objective is None or not n:
            return None
        share = 1 - objective.allowed
        off = SURE * (CLUSTERED * share * objective.allowed / n) ** 0.5
        if not 0 < share - off < share + off <= 1:
            return None
        point, lower, upper = (self.latencies.quantile(each) or 0.0 for each in (share, share - off, share + off))
        # A quantile is the upper end of its step of the histogram.
        return objective, (1000 * point, 1000 * lower / STEP, 1000 * upper)

    def _outcome(self, entry: Entry, *, late: bool) -> str:
        if entry.status == 200:
            return "slow" if late else "good"
        if entry.status == 429:
            return "shed"
        if 400 <= entry.status < 500:
            return "rejected"
        return "slow" if entry.status == 0 and entry.latency >= self.patience else "error"


def _took(entry: Entry, metric: str) -> float:
    """Seconds. Where nothing streams, the first token comes with the answer, and none follows another."""
    if metric == "e2e":
        return entry.latency
    if metric == "ttft":
        return entry.latency if entry.first is None else entry.first
    return 0.0 if entry.between is None else entry.between


def _plus(tokens: int | None, more: int | None) -> int | None:
    return None if tokens is None or more is None else tokens + more


def at_least(bad: int, n: int, allowed: float) -> float:
    """The probability that chance makes at least `bad` of n requests miss what the fraction `allowed` of all may miss (binomial)."""
    if bad == 0:
        return 1.0
    if allowed <= 0:
        return 0.0
    if bad > n * allowed + 10 * (n * allowed) ** 0.5 + 10:
        return 0.0
    terms = (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(allowed) + (n - k) * log1p(-allowed) for k in range(bad))
    return max(0.0, 1.0 - sum(map(exp, terms)))
