"""grpcplugin.Expander of Cluster Autoscaler: of the node groups that could be enlarged, those on which good requests were measured to cost least.

Where nothing is known of any of them all are answered, and the next expander of its list chooses; so it does after an error. Cluster Autoscaler asks
by TLS alone, and shows no certificate of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from steelyard.control.authority import authority
from steelyard.control.expander.expander_pb2 import BestOptionsRequest, BestOptionsResponse, Option
from steelyard.control.grpc_server import Bounds, GrpcServer, Tls, one

SERVICE = "grpcplugin.Expander"
BOUNDS = Bounds(most_bytes=32 * 1024 * 1024, at_once=4)
"""Each option comes with all pods that would fit, whole. Cluster Autoscaler asks one question at a time; beyond the bounds it gets an error, and goes
on with the next expander."""


class Costs(Protocol):
    """How node groups compare."""

    def cheapest(self, groups: Sequence[str]) -> Sequence[str]:
        """Those of them on which good requests cost least; all of them where that is known of none."""
        ...


class Expander:
    """Listens for Cluster Autoscaler."""

    def __init__(self, costs: Costs, *, host: str, port: int, tls: Tls | None) -> None:
        self._costs = costs
        methods = {"BestOptions": one(self.best_options, BestOptionsRequest)}
        self._server = GrpcServer(SERVICE, methods, authority(host, port), tls, BOUNDS)

    async def start(self) -> int:
        """Listen. Returns the port. Raises OSError without a certificate that can be read, RuntimeError where the port is taken."""
        return await self._server.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()

    async def best_options(self, request: BestOptionsRequest, _: Any) -> BestOptionsResponse:
        """As they were asked for, without their pods: who asked knows an option by its node group."""
        best = set(self._costs.cheapest([option.nodeGroupId for option in request.options]))
        chosen = [option for option in request.options if option.nodeGroupId in best]
        return BestOptionsResponse(options=[Option(nodeGroupId=each.nodeGroupId, nodeCount=each.nodeCount) for each in chosen])
