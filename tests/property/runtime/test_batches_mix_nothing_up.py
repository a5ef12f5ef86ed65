"""Whatever arrives when: every input gets its own answer, batches keep their bounds, and nothing is left in the queue."""

import asyncio
import random
from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from patience import PATIENCE
from property.effort import effort
from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import parse
from steelyard_runtime.serve.batcher import Batcher, Batching, Full
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.state import State
from unit.runtime.played import WAYS

LENGTHS = (4, 8, 16)


class Echo:
    """Answers with the sum and the length of each row; remembers the shapes it was given."""

    def __init__(self, *, fixed_batch: bool, fixed_lengths: bool, fails_on: int | None) -> None:
        self.fixed_batch = fixed_batch
        self.fixed_lengths = fixed_lengths
        self.shapes: list[tuple[int, int]] = []
        self._fails_on = fails_on

    def run(self, ids, mask):
        self.shapes.append(ids.shape)
        if self._fails_on is not None and (ids == self._fails_on).any():
            raise RuntimeError("engine")
        return np.stack([ids.sum(axis=1), mask.sum(axis=1)], axis=1).astype(np.float32)


rows = st.lists(st.integers(1, 1000), min_size=1, max_size=16)
arrivals = st.lists(st.tuples(rows, st.sampled_from([0.0, 0.0, 0.001, 0.004])), min_size=1, max_size=60)


@effort(60)
@given(arrivals, st.integers(1, 8), st.sampled_from([0.0, 0.002]), st.integers(1, 3), st.booleans(), st.booleans(), st.integers(1, 30))
def test_every_input_gets_its_own_answer(inputs, largest: int, delay: float, workers: int, fixed: bool, cut: bool, limit: int) -> None:
    async def scenario() -> None:
        engine = Echo(fixed_batch=fixed, fixed_lengths=cut, fails_on=None)
        metrics = Metrics(())
        batcher = Batcher(engine, WAYS, Batching(LENGTHS, (1, 4, 8), largest, delay, limit, workers), metrics, State())
        waiting = []
        for row, pause in inputs:
            try:
                admitted = batcher.admit(1)
            except Full as full:
                assert 1 <= full.retry_after <= 60
                await asyncio.sleep(0.001)
                continue
            waiting.append((row, batcher.submit(row, admitted)))
            if pause:
                await asyncio.sleep(pause)
        for row, answer in waiting:
            assert list(await asyncio.wait_for(answer, PATIENCE)) == [sum(row), len(row)]
        await batcher.close()
        assert all(length in (LENGTHS if cut else (8, 16)) for _, length in engine.shapes)
        assert all(batch <= (8 if fixed else largest) for batch, _ in engine.shapes)
        if fixed:
            assert all(batch in (1, 4, 8) for batch, _ in engine.shapes)
        assert batcher._admitted == 0
        assert metrics.registry.get_sample_value("steelyard_server_batch_size_sum") == len(waiting)
        told = STEELYARD.sample(parse(metrics.exposition(), STEELYARD.wanted), datetime.now(UTC), 0).batches
        assert told is not None and told.inputs == len(waiting)
        assert (told.workers, told.sizes[-1]) == (workers, largest), "the largest is known even where it was never needed"
        assert sum(told.runs) == len(engine.shapes)
        assert sum(told.rows) == sum(batch for batch, _ in engine.shapes), "what fills a batch up is computed too"
        for size, smaller, runs, rows in zip(told.sizes, (0, *told.sizes), told.runs, told.rows, strict=False):
            assert runs * (smaller + 1) <= rows <= runs * (8 if fixed else size)

    asyncio.run(scenario())


@effort(20)
@given(st.integers(0, 2**31))
def test_a_failing_batch_fails_its_own_inputs_only(seed: int) -> None:
    async def scenario() -> None:
        chance = random.Random(seed)
        engine = Echo(fixed_batch=False, fixed_lengths=False, fails_on=666)
        batcher = Batcher(engine, WAYS, Batching(LENGTHS, (1, 8), 1, 0.0, 100, 2), Metrics(()), State())
        inputs = [[chance.choice([1, 666])] for _ in range(20)]
        answers = await asyncio.gather(*(batcher.submit(row, batcher.admit(1)) for row in inputs), return_exceptions=True)
        for row, answer in zip(inputs, answers, strict=True):
            assert isinstance(answer, RuntimeError) == (row == [666])
        await batcher.close()

    asyncio.run(scenario())
