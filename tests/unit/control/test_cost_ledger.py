"""The ledger kept: counters grow with it, and each hour of each node stands in the leader's log as `steelyard bill` reads it."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from steelyard.cli.ledger_file import ledger
from steelyard.control.gather.paid_node import paid_node
from steelyard.control.log import configure
from steelyard.control.telemetry.cost_ledger import CostLedger
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact
from steelyard.core.economics.when_empty import WhenEmpty
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape
from unit.core.world import START

POOL = Pool(
    name="p",
    family="neuron-inf2",
    resource_name="aws.amazon.com/neuron",
    backends=(),
    node_selector={"pool": "p"},
    shapes=(Shape(instance_type="inf2.xlarge", resources=Resources(4, 16, 1), price=Price(0.7582, PriceClass.LIST, START)),),
)


def node(provider: str | None = "aws:///us-east-1a/i-0123456789abcdef0", pool: Pool = POOL) -> NodeFact:
    raw = {
        "metadata": {
            "name": "ip-10-0-0-1",
            "uid": "u",
            "creationTimestamp": START.isoformat(),
            "labels": {"pool": "p", "node.kubernetes.io/instance-type": "inf2.xlarge"},
        },
        "spec": {} if provider is None else {"providerID": provider},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    found = paid_node(raw, None, [pool], [], {})
    assert found is not None
    return found


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    text = io.StringIO()
    configure(stream=text)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)


def test_what_the_leader_logs_is_what_the_command_reads(log: io.StringIO, tmp_path: Path) -> None:
    metrics = Metrics(currency="eur")
    accounts = CostLedger(metrics, START)
    for minutes in range(0, 150, 10):
        accounts.book((node(),), START + timedelta(minutes=minutes), leading=True)
    file = tmp_path / "operator.log"
    file.write_text("cut off\n" + log.getvalue())
    found = ledger(str(file))
    assert found.currency == "EUR"
    assert [(r.start - START, r.end - START, r.cost) for r in found.records] == [
        (timedelta(hours=h), timedelta(hours=h + 1), pytest.approx(0.7582)) for h in range(2)
    ]
    record = found.records[0]
    assert (record.node, record.resource) == ("ip-10-0-0-1", "aws:///us-east-1a/i-0123456789abcdef0")
    assert (record.pool, record.instance_type, record.price_class) == ("p", "inf2.xlarge", PriceClass.LIST)
    assert "steelyard_workload_cost_eur_total{" in metrics.page().decode()


def test_what_the_leader_logs_says_who_the_cost_was_for(log: io.StringIO, tmp_path: Path) -> None:
    accounts = CostLedger(Metrics(), START)
    pod = PodFact(
        uid="pod", account=Account("ns/a", "p", Component.TRIAL), resources=Resources(1, 4, 0), since=START + timedelta(minutes=30)
    )
    for minutes in range(0, 70, 10):
        accounts.book((replace(node(), pods=(pod,)),), START + timedelta(minutes=minutes), leading=True)
    file = tmp_path / "operator.log"
    file.write_text(log.getvalue())
    (record,) = ledger(str(file)).records
    idle, mine = record.parts
    assert (idle.workload, idle.component, mine.workload, mine.component) == ("", Component.IDLE, "ns/a", Component.TRIAL)
    assert idle.cost + mine.cost == pytest.approx(record.cost)
    assert mine.cost > 0


def test_a_standby_logs_nothing_and_has_the_whole_hour_when_it_becomes_the_leader(log: io.StringIO, tmp_path: Path) -> None:
    accounts = CostLedger(Metrics(), START)
    for minutes in range(0, 70, 10):
        accounts.book((node(),), START + timedelta(minutes=minutes), leading=minutes == 60)
    file = tmp_path / "operator.log"
    file.write_text(log.getvalue())
    assert [r.hours for r in ledger(str(file)).records] == [1.0]
    quiet = CostLedger(Metrics(), START)
    log.truncate(0)
    for minutes in range(0, 130, 10):
        quiet.book((node(),), START + timedelta(minutes=minutes), leading=False)
    assert log.getvalue().strip("\0") == ""


def test_of_a_node_it_is_known_what_becomes_of_it_when_it_is_empty() -> None:
    made = replace(POOL, provisioned=True)
    assert node(pool=POOL).when_empty is WhenEmpty.STAYS
    assert node(pool=made).when_empty is WhenEmpty.REMOVED
    assert node(pool=replace(made, reserved=True)).when_empty is WhenEmpty.COMMITTED


def test_a_node_without_a_providers_name_is_known_by_its_own() -> None:
    assert node(None).resource == "ip-10-0-0-1"


def test_what_an_hour_costs_is_told_by_workload_pool_and_way_of_counting_and_what_idles_alone_is_nobodys() -> None:
    metrics = Metrics(currency="eur")
    accounts = CostLedger(metrics, START)
    assert accounts.hourly(WorkloadKey("ns", "a")) is None, "nothing was booked yet"
    pod = PodFact(uid="pod", account=Account("ns/a", "p", Component.ALLOCATED), resources=Resources(1, 4, 0), since=START)
    alone = replace(node(), uid="v", pool="q")
    accounts.book((replace(node(), pods=(pod,), when_empty=WhenEmpty.REMOVED), alone), START + timedelta(minutes=1), leading=True)
    costs = accounts.hourly(WorkloadKey("ns", "a"))
    assert costs is not None
    assert costs["p"].fully_loaded == costs["p"].avoidable == pytest.approx(0.7582)
    assert accounts.hourly(WorkloadKey("ns", "b")) == {}, "it is nowhere"
    page = metrics.page().decode()
    for way in ("allocated", "fullyLoaded", "avoidable"):
        assert f'steelyard_hourly_cost_eur{{cost="{way}",namespace="ns",pool="p",workload="a"}}' in page
    assert 'steelyard_hourly_cost_eur{cost="fullyLoaded",namespace="",pool="q",workload=""} 0.7582' in page


def test_what_an_hour_costs_is_counted_again_after_a_while_and_not_at_every_round() -> None:
    accounts, key = CostLedger(Metrics(), START), WorkloadKey("ns", "a")
    pod = PodFact(uid="pod", account=Account("ns/a", "p", Component.ALLOCATED), resources=Resources(1, 4, 0), since=START)
    accounts.book((replace(node(), pods=(pod,)),), START + timedelta(seconds=1), leading=True)
    first = accounts.hourly(key)
    accounts.book((node(),), START + timedelta(seconds=2), leading=True)
    assert accounts.hourly(key) == first != {}
    accounts.book((node(),), START + timedelta(seconds=40), leading=True)
    assert accounts.hourly(key) == {}
