"""The promise of a workload that generates text, and how one answer keeps it."""

from collections.abc import Iterable
from dataclasses import dataclass

from steelyard_runtime.document import Document
from steelyard_runtime.serve.outcome import Outcome

EVENT = b"data: "
DONE = b"data: [DONE]"
ERROR = b'data: {"error"'
ROLE = b'"role":"assistant"'
EMPTY = (b'"content":""', b'"content":null')
USAGE = b'"choices":[]'
CHOICE = b'"choices":[{"index":'
"""What vLLM writes before the number of the choice that an event belongs to. No text of a model holds it: there its quotes are escaped."""


@dataclass(frozen=True, slots=True)
class Promise:
    """Milliseconds. A good request keeps all that are given.

    e2e: rising, from the request's head to the end of its answer. ttft: to the first event of a stream that carries a token, or to the
    answer where nothing streams, which is when its reader has one. itl: the mean time between the tokens of one choice of a stream; an
    answer in one piece has none. percents: of each promise which time it is of, and the percent that must keep it, as it was given.
    """

    e2e: tuple[float, ...] = ()
    ttft: float | None = None
    itl: float | None = None
    percents: tuple[tuple[str, str], ...] = ()


def promise_of(latency: Iterable[Document]) -> Promise:
    """Read `latency` of a specification: metric, milliseconds, percent."""
    found: dict[str, list[float]] = {"e2e": [], "ttft": [], "itl": []}
    percents: list[tuple[str, str]] = []
    for item in latency:
        metric = item.text("metric")
        if metric not in found:
            raise item.invalid("metric", f"one of {', '.join(found)}", metric)
        found[metric].append(item.number("milliseconds", 0.001, 86_400_000))
        percents.append((metric, item.text("percent", "99")))
        item.finish()
    return Promise(tuple(sorted(set(found["e2e"]))), min(found["ttft"], default=None), min(found["itl"], default=None), tuple(percents))


class Stream:
    """One answer as it goes out. Times on one monotonic clock, in seconds."""

    def __init__(self, promise: Promise, began: float) -> None:
        self._promise = promise
        self._began = began
        self.status = 500
        self.streams = False
        self._failed = False
        self._first: float | None = None
        self._lasts: dict[bytes, float] = {}
        """When each choice had its last token."""
        self._waited = 0.0
        self._tokens = 0

    def begins(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The head of the answer."""
        self.status = status
        self.streams = any(name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)

    def sends(self, body: bytes, now: float) -> None:
        """A piece of it. vLLM sends an event for each step of a request, which is a token unless it speculates or the reader is slow: then
        the mean time between tokens comes out too long, never too short."""
        if not self.streams or EVENT not in body:
            return
        for event in body.split(b"\n\n"):
            if not event.startswith(EVENT) or event.startswith(DONE) or USAGE in event:
                continue
            if event.startswith(ERROR):
                self._failed = True
                continue
            if self._first is None:
                self._first = now
            if ROLE in event and any(empty in event for empty in EMPTY):
                continue  # the opening of a chat: it comes with the first token, which follows
            choice = event.partition(CHOICE)[2].partition(b",")[0]
            self._waited += now - self._lasts.get(choice, now)
            self._lasts[choice] = now
            self._tokens += 1

    @property
    def tokens(self) -> int:
        """Events of a stream that carried one."""
        return self._tokens

    @property
    def first(self) -> float | None:
        """Seconds to the first of them; None where nothing streamed yet."""
        return None if self._first is None else self._first - self._began

    @property
    def between(self) -> float | None:
        """Mean seconds from one to the next of the same choice; None where none has two."""
        gaps = self._tokens - len(self._lasts)
        return self._waited / gaps if gaps else None

    def fails(self) -> None:
        """It ended without an end, or with an exception."""
        self._failed = True

    def seconds(self, now: float) -> float:
        """Since the request's head."""
        return now - self._began

    def outcome(self, now: float) -> Outcome | None:
        """Return the outcome, or None for the client's own errors, which are no requests."""
        if self.status == 429:
            return Outcome.SHED
        if self._failed or self.status >= 500:
            return Outcome.ERROR
        if self.status >= 400:
            return None
        return Outcome.GOOD if self._kept(now) else Outcome.SLOW

    def given_up(self, now: float) -> Outcome | None:
        """Return the outcome where the client leaves before the end: None, unless it was too late already, whatever would have followed.

        Clients that lose patience are the first to feel an overload. Were they no requests, it would be seen by nobody.
        """
        return Outcome.SLOW if self._too_late(now) else None

    def missed(self, now: float) -> tuple[str, ...]:
        """Return the times whose promises an answer that ends now has missed."""
        itl = self._promise.itl
        gaps = ("itl",) if itl is not None and self.between is not None and self.between > itl / 1000 else ()
        return (*self._too_late(now), *gaps)

    def _too_late(self, now: float) -> tuple[str, ...]:
        """The promises that no later token can keep."""
        promise = self._promise
        first = self.first if self.streams and self.first is not None else self.seconds(now)
        whole = ("e2e",) if promise.e2e and self.seconds(now) > promise.e2e[0] / 1000 else ()
        return (*whole, "ttft") if promise.ttft is not None and first > promise.ttft / 1000 else whole

    def _kept(self, now: float) -> bool:
        return not self.missed(now)
