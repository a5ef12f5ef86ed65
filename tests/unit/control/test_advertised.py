"""What the catalogue says reaches the snapshot of a workload, and nothing more of it than that."""

from typing import Any

from steelyard.app.catalogue import laid_over, shipped
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.resource import ACCELERATOR_POOLS, INFERENCE_WORKLOADS
from steelyard.control.kube.store import Store
from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.compiling.candidate import candidates
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from unit.api.objects import changed, pool, workload
from unit.control.virtual_time import ManualClock

NAME = pool()["metadata"]["name"]
BERT = {"spec.model.uri": "hf://google-bert/bert-base-uncased"}


def frozen(catalogue: Catalogue, of_pool: dict[str, Any] | None = None, of_workload: dict[str, Any] | None = None) -> Snapshot:
    clock = ManualClock()
    store = Store(clock)
    made = changed(workload(), {**BERT, **(of_workload or {})})
    made["metadata"] |= {"namespace": "shop", "uid": "u-w", "resourceVersion": "1", "generation": 1}
    place = changed(pool(), of_pool or {})
    place["metadata"] |= {"uid": "u-p", "resourceVersion": "1", "generation": 1}
    store.observe(INFERENCE_WORKLOADS, "ADDED", made)
    store.observe(ACCELERATOR_POOLS, "ADDED", place)
    world = SnapshotBuilder(
        store,
        settings_of(Config.model_validate({"toolchains": {"neuron": {"serveImage": "s", "compileImage": "c", "target": "inf2"}}})),
        lambda *_: Unknown("nothing"),
        synced=lambda: True,
        clock_suspect=lambda: False,
        catalogue=catalogue,
    )
    snapshot = world.freeze(WorkloadKey("shop", made["metadata"]["name"]), clock.now())
    assert isinstance(snapshot, Snapshot)
    return snapshot


def test_a_pool_carries_what_is_advertised_of_the_model_there() -> None:
    (found,) = frozen(shipped()).pools
    assert found.advertised is not None
    assert round(found.advertised.throughput, 4) == 2674.1896
    two = {"spec.placement": {"pools": [{"name": NAME, "devicesPerReplica": 2}]}}
    (found,) = frozen(shipped(), of_workload=two).pools
    assert found.advertised is not None
    assert round(found.advertised.throughput, 4) == 2 * 2674.1896


def test_without_a_catalogue_and_for_what_it_does_not_know_there_is_nothing() -> None:
    for snapshot in (
        frozen(Catalogue()),
        frozen(shipped(), {"spec.accelerator.model": "unheard-of"}),
        frozen(shipped(), of_workload={"spec.model.uri": "hf://org/unheard-of"}),
    ):
        assert snapshot.pools[0].advertised is None
        assert snapshot.pools[0].unsupported == ""
        assert snapshot.references == {}


def test_a_list_price_never_becomes_the_price_of_a_shape() -> None:
    gone = {f"spec.shapes.0.{name}": None for name in ("pricePerHour", "priceClass", "asOf")}
    (found,) = frozen(shipped(), gone).pools
    assert found.shapes[0].instance_type == "inf2.xlarge"
    assert found.shapes[0].price is None


def test_an_instance_type_that_a_claim_is_relative_to_comes_with_its_reference() -> None:
    claim = {"name": "c", "metric": "UnitCost", "ratio": "0.5", "relativeTo": "trn1.2xlarge", "source": "s", "date": "2026-01-02"}
    found = frozen(shipped(), {"spec.claims": [claim]}).references
    assert set(found) == {"trn1.2xlarge"}
    assert found["trn1.2xlarge"].unit_cost is not None


def test_an_accelerator_without_a_toolchain_answers_unsupported_target_with_the_words_of_the_catalogue() -> None:
    (usual,) = candidates(frozen(shipped()))
    assert usual.inputs is not None
    (found,) = candidates(frozen(shipped(), {"spec.accelerator.model": "inferentia3"}))
    assert found.inputs is None, "nothing is compiled for it"
    assert found.refusal is not None
    assert found.refusal.reason is Reason.UNSUPPORTED_TARGET
    assert (
        "names Inferentia3, so nothing compiles for it: make pool inf2-xlarge again with the right spec.accelerator.model"
        in found.refusal.message
    )
    mine = "accelerators: [{name: inferentia2, family: f, unsupported: not for us, source: s, date: 2026-01-02}]"
    (found,) = candidates(frozen(laid_over(mine, "t")))
    assert found.refusal is not None
    assert found.refusal.message.startswith("not for us: ")


def test_a_variant_has_what_is_advertised_of_its_own_format_and_none_of_the_pools_claims() -> None:
    claim = {"name": "c", "metric": "UnitCost", "ratio": "0.5", "relativeTo": "trn1.2xlarge", "source": "s", "date": "2026-01-02"}
    asked = {
        "spec.compile": {"dtype": "bfloat16", "variants": [{"name": "whole", "dtype": "float32"}]},
        "spec.objective.accuracy": [{"measure": "LeastCosine", "limit": "0.99"}],
        "spec.placement": {"pools": [{"name": NAME, "devicesPerReplica": 2}]},
    }
    plain, variant = frozen(shipped(), {"spec.claims": [claim]}, asked).pools
    assert (plain.name, variant.name, variant.of) == (NAME, f"{NAME}.whole", NAME)
    assert (len(plain.claims), variant.claims) == (1, ())
    assert plain.advertised is not None
    assert variant.advertised is None or variant.advertised.throughput < plain.advertised.throughput
