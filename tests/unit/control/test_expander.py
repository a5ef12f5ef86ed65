"""Cluster Autoscaler's gRPC expander, asked by a gRPC client as it asks: by TLS, with all pods, and in words of its contract."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from cluster.certificates import Authority
from steelyard.control.expander.expander import BOUNDS, SERVICE, Expander
from steelyard.control.expander.expander_pb2 import DESCRIPTOR, BestOptionsRequest, BestOptionsResponse, Option
from steelyard.control.expander.group_costs import GroupCosts
from steelyard.control.grpc_server import Tls
from steelyard.core.planning.relative_cost import RelativeCost
from unit.core.test_published import NOW, pool

SOON = 10.0
POOLS = (pool("a", 1.0, node_group="ng-a"), pool("b", 1.0, node_group="ng-b", publishes=True), pool("c", 1.0))
COMPARED = {name: RelativeCost(cost=cost, replicas=1.0, workloads=1) for name, cost in (("a", 1.5), ("b", 1.0), ("c", 1.0))}


def costs(relative: dict[str, RelativeCost] | None) -> GroupCosts:
    def relative_costs(_: datetime) -> dict[str, RelativeCost] | None:
        return relative

    return GroupCosts(SimpleNamespace(relative_costs=relative_costs), SimpleNamespace(pools=lambda: POOLS), lambda: NOW)  # type: ignore[arg-type]


def served(folder: Path, authority: Authority) -> Tls:
    """A folder as the Secret is mounted."""
    pair = authority.issue("expander", "steelyard", addresses=("DNS:localhost",))
    for file, of in (("tls.crt", pair.certificate), ("tls.key", pair.key)):
        (folder / file).write_bytes(of.read_bytes())
    return Tls(folder, clients=False)


def asked(tls: Tls, authority: Authority, relative: dict[str, RelativeCost] | None, request: BestOptionsRequest) -> BestOptionsResponse:
    """With the authority alone, as --expander-cert has it."""

    async def play() -> BestOptionsResponse:
        expander = Expander(costs(relative), host="localhost", port=0, tls=tls)
        where = f"localhost:{await expander.start()}"
        root = grpc.ssl_channel_credentials(authority.authority.certificate.read_bytes())
        try:
            async with grpc.aio.secure_channel(where, root) as channel:
                ask = channel.unary_unary(f"/{SERVICE}/BestOptions", BestOptionsRequest.SerializeToString, BestOptionsResponse.FromString)
                answer: BestOptionsResponse = await ask(request, timeout=SOON)
                return answer
        finally:
            await expander.stop()

    return asyncio.run(play())


def options(groups: Sequence[str], pods: int = 0) -> BestOptionsRequest:
    of = [Option(nodeGroupId=group, nodeCount=number, debug="why", podBytes=[b"x" * pods]) for number, group in enumerate(groups, 1)]
    return BestOptionsRequest(options=of, nodeBytesMap=dict.fromkeys(groups, b"a node"))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority(tmp_path_factory.mktemp("authority"))
    made.create()
    return made


def test_the_contract_is_that_of_cluster_autoscaler() -> None:
    (method,) = DESCRIPTOR.services_by_name["Expander"].methods
    assert DESCRIPTOR.services_by_name["Expander"].full_name == SERVICE
    assert (method.name, method.input_type.name, method.output_type.name) == ("BestOptions", "BestOptionsRequest", "BestOptionsResponse")
    # As kubernetes/autoscaler, cluster-autoscaler/expander/grpcplugin/protos/expander.proto, has them on the wire.
    numbers = {m: {f.name: f.number for f in message.fields} for m, message in DESCRIPTOR.message_types_by_name.items()}
    assert numbers == {
        "BestOptionsRequest": {"options": 1, "nodeBytesMap": 3},
        "BestOptionsResponse": {"options": 1},
        "Option": {"nodeGroupId": 1, "nodeCount": 2, "debug": 3, "podBytes": 5},
    }


@pytest.mark.parametrize(
    ("relative", "groups", "best"),
    [
        (COMPARED, ["ng-a", "ng-b", "ng-x"], ["ng-b"]),
        (COMPARED, ["ng-x", "ng-a"], ["ng-a"]),
        (COMPARED, ["ng-x", "ng-y"], ["ng-x", "ng-y"]),
        (COMPARED, [], []),
        ({}, ["ng-a", "ng-b"], ["ng-a", "ng-b"]),
        (None, ["ng-a", "ng-b"], ["ng-a", "ng-b"]),
    ],
)
def test_the_cheapest_group_that_is_known_is_chosen_and_all_where_none_is(
    relative: dict[str, RelativeCost] | None, groups: list[str], best: list[str], tmp_path: Path, authority: Authority
) -> None:
    answer = asked(served(tmp_path, authority), authority, relative, options(groups))
    assert [(option.nodeGroupId, option.nodeCount) for option in answer.options] == [(group, groups.index(group) + 1) for group in best]


def test_the_deprecated_fields_of_an_older_autoscaler_do_no_harm(tmp_path: Path, authority: Authority) -> None:
    of_older = BestOptionsRequest.FromString(options(["ng-a", "ng-b"]).SerializeToString() + b"\x12\x04node")
    assert [o.nodeGroupId for o in asked(served(tmp_path, authority), authority, COMPARED, of_older).options] == ["ng-b"]


def test_many_pods_are_taken_and_not_sent_back_and_too_many_are_an_error(tmp_path: Path, authority: Authority) -> None:
    tls = served(tmp_path, authority)
    answer = asked(tls, authority, COMPARED, options(["ng-a", "ng-b"], pods=5_000_000))
    assert answer.ByteSize() < 100
    with pytest.raises(grpc.aio.AioRpcError) as error:
        asked(tls, authority, COMPARED, options(["ng-a"], pods=BOUNDS.most_bytes))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_who_asks_without_tls_is_not_answered(tmp_path: Path, authority: Authority) -> None:
    async def play() -> Any:
        expander = Expander(costs(COMPARED), host="localhost", port=0, tls=served(tmp_path, authority))
        where = f"localhost:{await expander.start()}"
        try:
            async with grpc.aio.insecure_channel(where) as channel:
                ask = channel.unary_unary(f"/{SERVICE}/BestOptions", BestOptionsRequest.SerializeToString, BestOptionsResponse.FromString)
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await ask(options(["ng-a"]), timeout=SOON)
                return error.value.code()
        finally:
            await expander.stop()

    assert asyncio.run(play()) is grpc.StatusCode.UNAVAILABLE
