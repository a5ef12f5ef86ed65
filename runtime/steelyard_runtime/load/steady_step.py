"""One steady step of a probe: a replica at its share of a load that is asked for."""

from dataclasses import dataclass

from steelyard_runtime.load.probed_step import ProbedStep
from steelyard_runtime.load.rates import Share


@dataclass(frozen=True, slots=True)
class SteadyStep:
    """`joules`: what its devices used in `drawn` seconds, until the last answer was there; None where it is not known."""

    share: Share
    step: ProbedStep
    joules: float | None
    drawn: float = 0.0

    def told(self) -> dict[str, object]:
        """Return it as the result has it: as other steps, and with what is known of tokens and energy."""
        tokens = {"input": self.step.input, "output": self.step.output} if self.step.outcomes["good"] else {}
        energy = {} if self.joules is None else {"joules": round(self.joules, 3), "drawn": round(self.drawn, 3)}
        took = self.step.whole_request
        within = {} if took is None else {"percent": round(100 - 100 * took[0].allowed, 4), "took": [round(each, 1) for each in took[1]]}
        known = {**tokens, **energy, **within}
        return {
            "load": self.share.load,
            "replicas": self.share.replicas,
            **self.step.told(),
            "p95": self.step.milliseconds(0.95),
            "mean": None if (mean := self.step.latencies.mean) is None else round(mean * 1000, 1),
            **{name: value for name, value in known.items() if value is not None},
        }
