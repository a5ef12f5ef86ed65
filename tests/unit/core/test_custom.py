"""A program of the user's own among the candidates: where it runs, what makes another replica of it, and what it needs nothing of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from steelyard.core.compiling.candidate import Candidate, candidates
from steelyard.core.facts.custom import Custom, Drain, Probes, Variable, Variant, image_title
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.memory import Memory
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.core.facts.snapshot import (
    CompileOptions,
    LatencyObjective,
    Model,
    Pool,
    PoolChoice,
    Rebalancing,
    Scaling,
    Settings,
    Shape,
    Snapshot,
    Workload,
)
from steelyard.core.rebalancing.askable import not_askable
from steelyard.core.vocabulary.reason import Reason

IMAGE, NEURON = f"example.com/ranker@sha256:{'a' * 64}", f"example.com/ranker-neuron@sha256:{'b' * 64}"
NO_MODEL = Model(uri="", digest=None, revision=None, task="")
MODEL = Model(uri="s3://models/ranker", digest="sha256:1", revision=None, task="")
CUSTOM = Custom(
    general=Variant(
        image=IMAGE, args=("--workers=2",), env=(Variable(name="LEVEL", value="info"), Variable(name="KEY", secret=("s", "k")))
    ),
    families=("cpu", "nvidia"),
    variants={"neuron-inf2": Variant(image=NEURON, env=(Variable(name="LEVEL", value="debug"), Variable(name="CORES", value="2")))},
    port=8080,
    model_path="/model",
    disk_gib=20.0,
    probes=Probes(live="/live", ready="/ready", startup_seconds=600),
    drain=Drain(delay_seconds=5, timeout_seconds=30),
    page=ServerPage(promises=(("e2e", 0.25),), names=PageNames(requests="n_total", whole="t_seconds"), port=9000),
)


def pool(name: str, family: str, **more: object) -> Pool:
    device = None if family == "cpu" else "example.com/device"
    shape = Shape(instance_type="i", resources=Resources(16.0, 64.0, 0.0 if device is None else 4.0), price=None)
    return Pool(name=name, family=family, resource_name=device, backends=("openvino",), node_selector={}, shapes=(shape,), **more)  # type: ignore[arg-type]


POOLS = (pool("cpus", "cpu"), pool("gpus", "nvidia"), pool("inf", "neuron-inf2"), pool("trn", "neuron-trn1"))


def workload(custom: Custom = CUSTOM, model: Model = NO_MODEL, **changes: object) -> Workload:
    plain = Workload(
        key=WorkloadKey("n", "w"),
        uid="u",
        generation=1,
        model=model,
        compile=CompileOptions(),
        latency=(LatencyObjective(metric="e2e", milliseconds=250, percent=99.0),),
        scaling=Scaling(),
        rebalancing=Rebalancing(),
        server="custom",
        custom=custom,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def seen(of: Workload, *pools: Pool, fetch_image: str | None = "fetch:1") -> dict[str, Candidate]:
    """In an installation without a store and without a toolchain."""
    snapshot = Snapshot(
        workload=of,
        pools=pools or POOLS,
        settings=Settings(toolchains={}, store_uri="", fetch_image=fetch_image),
        artifacts={},
        placements=(),
        traffic={},
        memory=Memory(),
    )
    return {each.name: each for each in candidates(snapshot)}


def revisions(of: Workload) -> dict[str, str | None]:
    return {name: candidate.revision for name, candidate in seen(of).items()}


def test_it_runs_wherever_there_is_an_image_for_the_family_without_store_toolchain_and_compile() -> None:
    found = seen(workload())
    assert {name: c.refusal.reason if c.refusal else None for name, c in found.items()} == {
        "cpus": None,
        "gpus": None,
        "inf": None,
        "trn": Reason.NO_VARIANT,
    }
    assert {name: c.program.image for name, c in found.items() if c.program} == {"cpus": IMAGE, "gpus": IMAGE, "inf": NEURON}
    assert all(c.inputs is None and c.key is None and c.artifact is None for c in found.values())
    assert found["trn"].revision is None
    assert found["trn"].refusal is not None
    assert (
        "is for cpu, neuron-inf2, nvidia, and pool trn is of the family neuron-trn1: add {family: neuron-trn1"
        in found["trn"].refusal.message
    )


def test_a_variant_has_what_it_says_and_the_rest_of_the_general_program() -> None:
    inf = CUSTOM.program("neuron-inf2")
    assert inf is not None
    assert (inf.args, inf.command) == (("--workers=2",), ())
    assert {v.name: v.value or v.secret for v in inf.env} == {"LEVEL": "debug", "KEY": ("s", "k"), "CORES": "2"}
    other = replace(CUSTOM, variants={"nvidia": Variant(args=("--gpu",))}).program("nvidia")
    assert other is not None
    assert (other.image, other.args) == (IMAGE, ("--gpu",))


def test_a_variant_without_an_image_is_none_where_there_is_no_general_one() -> None:
    bare = replace(CUSTOM, general=Variant(), families=(), variants={"cpu": Variant(args=("x",)), "neuron-inf2": Variant(image=NEURON)})
    found = seen(workload(bare))
    assert found["cpus"].refusal is not None
    assert found["cpus"].refusal.reason is Reason.NO_VARIANT
    assert "gives the family cpu of pool cpus no image" in found["cpus"].refusal.message
    assert found["inf"].refusal is None


def test_a_model_needs_something_that_fetches_it() -> None:
    without = seen(workload(model=MODEL), fetch_image=None)["cpus"].refusal
    assert without is not None
    assert (without.reason, "config.fetchImage" in without.message) == (Reason.NO_FETCH_IMAGE, True)
    assert seen(workload(), fetch_image=None)["cpus"].refusal is None
    assert seen(workload(model=MODEL))["cpus"].refusal is None


def test_a_replica_is_as_large_as_the_pool_says_then_the_family_then_the_pools_owner() -> None:
    told = Resources(2.0, 8.0)
    large = replace(CUSTOM, variants={"nvidia": Variant(resources=told)})
    owners = pool("gpus", "nvidia", default_resources=Resources(3.0, 9.0))
    assert seen(workload(), owners)["gpus"].resources == Resources(3.0, 9.0, 1.0)
    assert seen(workload(large), owners)["gpus"].resources == Resources(2.0, 8.0, 1.0)
    choice = {"gpus": PoolChoice(resources=Resources(1.0, 4.0), devices=2)}
    assert seen(workload(large, pools=choice), owners)["gpus"].resources == Resources(1.0, 4.0, 2.0)
    assert seen(workload(), pool("gpus", "nvidia"))["gpus"].resources.devices == 1.0, "with its part of a node"


Change = Callable[[Custom], Custom]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(c, general=replace(c.general, image=NEURON)),
        lambda c: replace(c, general=replace(c.general, command=("serve",))),
        lambda c: replace(c, general=replace(c.general, args=("--workers=3",))),
        lambda c: replace(c, general=replace(c.general, env=(Variable(name="LEVEL", value="debug"), c.general.env[1]))),
        lambda c: replace(c, general=replace(c.general, env=(c.general.env[0], Variable(name="KEY", secret=("s", "other"))))),
        lambda c: replace(c, port=8081),
        lambda c: replace(c, page=replace(c.page, port=9001)),
        lambda c: replace(c, probes=replace(c.probes, ready="/other")),
        lambda c: replace(c, probes=replace(c.probes, startup_seconds=900)),
        lambda c: replace(c, disk_gib=30.0),
    ],
    ids=["image", "command", "arguments", "variable", "Secret", "port", "port of metrics", "probe", "time to start", "disk"],
)
def test_what_makes_it_behave_otherwise_is_asked_for_anew(change: Change) -> None:
    before, after = seen(workload())["cpus"], seen(workload(change(CUSTOM)))["cpus"]
    assert before.revision != after.revision
    assert not after.wants(before.asked)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: replace(c, page=replace(c.page, names=PageNames(requests="m_total", whole="u_seconds"), path="/other")),
        lambda c: replace(c, drain=Drain(delay_seconds=60, timeout_seconds=600)),
        lambda c: replace(c, variants={**c.variants, "neuron-trn1": Variant(image=NEURON)}),
        lambda c: replace(c, families=("cpu", "nvidia", "amd")),
    ],
    ids=["names of metrics", "drain", "another family's variant", "another family"],
)
def test_how_it_is_read_and_ends_and_what_runs_elsewhere_replaces_nothing(change: Change) -> None:
    before, after = seen(workload())["cpus"], seen(workload(change(CUSTOM)))["cpus"]
    assert before.revision == after.revision
    assert after.wants(before.asked)


def test_a_variant_is_a_revision_of_its_own_family_alone() -> None:
    before = revisions(workload())
    changed = replace(CUSTOM, variants={"neuron-inf2": Variant(image=NEURON, args=("--other",))})
    after = revisions(workload(changed))
    assert {name for name in before if before[name] != after[name]} == {"inf"}
    assert before["cpus"] != before["inf"], "another image is another revision"


def test_a_model_is_part_of_the_revision_by_its_digest_and_where_it_lies() -> None:
    found = {
        revisions(of)["cpus"]
        for of in (
            workload(),
            workload(model=MODEL),
            workload(model=replace(MODEL, digest="sha256:2")),
            workload(replace(CUSTOM, model_path="/other"), MODEL),
            workload(model=replace(MODEL, uri="hf://org/ranker", digest=None, revision="c" * 40)),
        )
    }
    assert len(found) == 5
    elsewhere = workload(model=replace(MODEL, uri="s3://copies/ranker"))
    assert revisions(elsewhere) == revisions(workload(model=MODEL)), "the same files from another place"
    assert revisions(workload(replace(CUSTOM, model_path="/other"))) == revisions(workload()), "without a model there is no folder"


def test_another_promise_is_another_revision_because_evidence_is_of_one() -> None:
    other = workload(latency=(LatencyObjective(metric="e2e", milliseconds=500, percent=99.0),))
    assert revisions(other)["cpus"] != revisions(workload())["cpus"]


def test_the_operators_own_images_are_no_part_of_it() -> None:
    old, new = (seen(workload(model=MODEL), fetch_image=image)["cpus"].revision for image in ("fetch:1", "fetch:2"))
    assert old == new


@pytest.mark.parametrize(
    ("image", "title"),
    [(IMAGE, "ranker"), (f"registry.example.com:5000/a/b:v1@sha256:{'0' * 64}", "b"), (f"plain@sha256:{'0' * 64}", "plain")],
)
def test_an_image_has_a_short_name_for_people(image: str, title: str) -> None:
    assert image_title(image) == title


def test_a_replica_is_asked_where_its_user_gives_samples_and_an_image_sends_them() -> None:
    def asked(samples: Samples | None, image: str | None) -> Reason | None:
        of = workload(samples=samples)
        why = not_askable(Snapshot(workload=of, pools=POOLS, settings=Settings(toolchains={}, store_uri="", fetch_image=image), artifacts={}, placements=(), traffic={}, memory=Memory()))  # fmt: skip
        return None if why is None else why.reason

    given = Samples(config_map="asked", key="requests.jsonl")
    assert asked(given, "fetch:1") is None
    assert asked(None, "fetch:1") is Reason.NOTHING_MEASURED
    assert asked(given, None) is Reason.NO_FETCH_IMAGE
