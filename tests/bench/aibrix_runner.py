"""Answers placement programs with aibrix's own optimizer: JSON in, JSON out. Runs in aibrix's environment, not in ours."""

import json
import sys

from aibrix.gpu_optimizer.optimizer import GPUProfile, Optimizer


class Pattern:
    """The package's protocol WorkloadProfile: requests per second of one bucket."""

    def __init__(self, bucket, rate):
        self.signature, self.rate = (bucket, 0), rate

    def get_signature(self, indexes, error_suppressor=None):
        return self.signature


def answer(program):
    """Replicas by pool, as aibrix's ModelMonitor asks for them; None where the solver found no optimum."""
    fraction = program["fraction"]
    optimizer = Optimizer(fraction)
    for p, (cost, rates) in enumerate(zip(program["cost"], program["rate"], strict=True)):
        # One input length a bucket, one output length: the solver looks at the matrix, not at its ticks.
        ticks = [[2.0**b for b in range(len(rates))], [1.0]]
        optimizer.set_profile(GPUProfile(gpu=str(p), cost=cost / fraction, tputs=[[rate] for rate in rates], indexes=ticks))
    patterns = [Pattern(b, rate) for b, rate in enumerate(program["load"])]
    if not optimizer.set_workload_distribution(patterns, sum(program["load"])):
        raise RuntimeError("aibrix refused the workload distribution: its log above says why")
    found = optimizer.run()
    return None if found is None else [found[str(p)] for p in range(len(program["cost"]))]


json.dump([[answer(program) for program in programs] for programs in json.load(sys.stdin)], sys.stdout)
