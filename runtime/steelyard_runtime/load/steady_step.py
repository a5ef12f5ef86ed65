"""One steady step of a probe: a replica at its share of a load that is asked for."""

from dataclasses import dataclass

from steelyard_runtime.load.probed_step import ProbedStep
from steelyard_runtime.load.rates import Share


@dataclass(frozen=True, slots=True)
class SteadyStep:
    """`joules`: what its devices used until the last answer was there; None where it is not known."""

    share: Share
    step: ProbedStep
    joules: float | None

    def told(self) -> dict[str, object]:
        """Return it as the result has it: as other steps, and with what is known of tokens and energy."""
        tokens = {"input": self.step.input, "output": self.step.output} if self.step.outcomes["good"] else {}
        known = {**tokens, "joules": None if self.joules is None else round(self.joules, 3)}
        return {
            "load": self.share.load,
            "replicas": self.share.replicas,
            **self.step.told(),
            "p95": self.step.milliseconds(0.95),
            "mean": None if (mean := self.step.latencies.mean) is None else round(mean * 1000, 1),
            **{name: value for name, value in known.items() if value is not None},
        }
