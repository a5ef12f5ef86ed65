"""One request of the load, as it is logged."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Times in Unix seconds; `sent` is when it left on a connection. Status 0: it could not be sent or had no answer, and `error` says why."""

    number: int
    intended: float
    sent: float | None
    done: float
    status: int
    pod: str
    tokens: int
    error: str | None = None
    first: float | None = None
    """Seconds from the intended time to the first token of a stream."""
    between: float | None = None
    """Mean seconds between the tokens of a stream."""
    kept: bool = True
    """Whether an answer kept what was promised of its tokens."""
    input: int | None = None
    output: int | None = None
    """Tokens of the request and of what was generated, where the server told them."""

    @property
    def latency(self) -> float:
        """Seconds from the intended time: a request that waits for its turn is late for the user, whoever made it wait."""
        return self.done - self.intended

    @property
    def lateness(self) -> float | None:
        """Seconds by which it left later than it was to; None where it never did."""
        return None if self.sent is None else max(0.0, self.sent - self.intended)

    def outcome(self, objective: float) -> str:
        """good | slow | error | shed, by the client's clock; `objective` in seconds."""
        if self.status == 200:
            return "good" if self.latency <= objective and self.kept else "slow"
        return "shed" if self.status == 429 else "error"

    def line(self, objective: float) -> dict[str, object]:
        """Return the log line."""
        line: dict[str, object] = {
            "i": self.number,
            "intended": round(self.intended, 6),
            "sent": None if self.sent is None else round(self.sent, 6),
            "done": round(self.done, 6),
            "status": self.status,
            "outcome": self.outcome(objective),
            "pod": self.pod,
            "tokens": self.tokens,
        }
        if self.first is not None:
            line["ttft"] = round(self.first, 6)
        if self.between is not None:
            line["itl"] = round(self.between, 6)
        if self.error is not None:
            line["error"] = self.error
        return line
