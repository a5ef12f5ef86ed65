"""What is farther from the reference than the user allows is never chosen, however cheap; what was never compared is not known to be near."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.compiling.candidate import candidates
from steelyard.core.decide import decide
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.snapshot import Artifact, ArtifactState, CompileOptions, NumberFormat, Settings, Snapshot
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.test_vllm import pool, toolchain, workload
from unit.core.world import Ground, World

COSINE, NATS = Measure.LEAST_COSINE, Measure.WORST_LOGPROB


def refusal(asked: tuple[Accuracy, ...], found: Accuracy | None, state: ArtifactState = ArtifactState.READY) -> Refusal | None:
    formats = {"openvino": NumberFormat(quantization="Int8Dynamic")}
    given = workload("steelyard", None)
    given = replace(given, accuracy=asked, compile=CompileOptions(dtype="float32"), format_by_backend=formats)
    given = replace(given, model=replace(given.model, task="feature-extraction"))
    snapshot = Snapshot(
        workload=given,
        pools=(pool("cpu", "cpu", "openvino"),),
        settings=Settings(toolchains={"openvino": toolchain("openvino", "cpu/x86-64")}, store_uri="s3://a"),
        artifacts={},
        placements=(),
        traffic={},
        memory=Memory(),
    )
    (before,) = candidates(snapshot)
    assert before.key is not None
    made = Artifact(state=state, uri="u", digest="sha256:1", size_bytes=1, accuracy=found)
    (seen,) = candidates(replace(snapshot, artifacts={before.key: made}))
    return seen.refusal


def test_what_is_told_of_an_option_has_the_accuracy_of_its_artifact() -> None:
    world = World({"a": Ground(speed=10)}, rate=8.0)
    world.tick(20)
    assert world.memory.last is not None
    assert [line.accuracy for line in world.memory.last.options] == [None], "nobody has compared them"
    snapshot = world.snapshot()
    near = Accuracy(COSINE, 0.9999)
    compared = replace(snapshot, artifacts={key: replace(made, accuracy=near) for key, made in snapshot.artifacts.items()}, memory=Memory())
    decided = decide(compared, world.now)
    assert decided.memory.last is not None
    assert [line.accuracy for line in decided.memory.last.options] == [near]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ((), Accuracy(COSINE, 0.5)),
        ((), None),
        ((Accuracy(COSINE, 0.99),), Accuracy(COSINE, 0.99)),
        ((Accuracy(NATS, 0.05),), Accuracy(NATS, 0.05)),
    ],
)
def test_what_is_near_enough_is_not_refused(asked: tuple[Accuracy, ...], found: Accuracy | None) -> None:
    assert refusal(asked, found) is None


@pytest.mark.parametrize(
    ("limit", "found"), [(Accuracy(COSINE, 0.99), Accuracy(COSINE, 0.9899)), (Accuracy(NATS, 0.05), Accuracy(NATS, 0.0501))]
)
def test_what_is_farther_is_refused_with_both_figures_and_the_format_that_it_was_compiled_with(limit: Accuracy, found: Accuracy) -> None:
    why = refusal((limit,), found)
    assert why is not None and why.reason is Reason.ACCURACY_TOO_LOW
    for word in (f"{found.value:g}", f"asks for {limit.value:g}", "dtype float32, quantization Int8Dynamic"):
        assert word in why.message


def test_what_was_measured_otherwise_is_refused_with_the_measure_to_give_a_limit_of() -> None:
    why = refusal((Accuracy(NATS, 0.05),), Accuracy(COSINE, 0.5))
    assert why is not None and why.reason is Reason.ACCURACY_TOO_LOW
    for word in ("were compared by LeastCosine", "no limit of", "in place of WorstLogprob"):
        assert word in why.message


def test_what_was_never_compared_is_refused_where_nearness_is_asked_for() -> None:
    why = refusal((Accuracy(COSINE, 0.5),), None)
    assert why is not None and why.reason is Reason.ACCURACY_TOO_LOW
    assert "was not compared" in why.message
    compiling = refusal((Accuracy(COSINE, 0.5),), None, ArtifactState.COMPILING)
    assert compiling is not None and compiling.reason is Reason.COMPILING
