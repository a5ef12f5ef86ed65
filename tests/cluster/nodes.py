"""The nodes of one cluster, and the DNS that they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from cluster import binaries, dns, network, packages, policies
from cluster.api import Api
from cluster.control_plane import ControlPlane
from cluster.errors import ClusterError
from cluster.fulfil import fulfil
from cluster.identity import MAX_NODES
from cluster.image_store import ImageRef, ImageStore, box
from cluster.node import Node
from cluster.node_spec import NodeSpec
from cluster.provision import NODE_TOOLS
from cluster.supervisor import Supervisor


class Nodes:
    """Adds, removes and breaks nodes. What exists is read from the cluster's folder, so that several processes can take turns."""

    def __init__(self, control_plane: ControlPlane, supervisor: Supervisor, api: Api) -> None:
        self.control_plane = control_plane
        self.supervisor = supervisor
        self.api = api
        self.programs = binaries.programs(NODE_TOOLS)
        self.store = ImageStore()

    def _node(self, spec: NodeSpec, index: int) -> Node:
        return Node(spec, index, self.control_plane, self.supervisor, self.api, self.programs)

    def __iter__(self) -> Iterator[Node]:
        for record in sorted((self.control_plane.identity.folder / "nodes").glob("*/node.json")):
            state = json.loads(record.read_text())
            yield self._node(NodeSpec(**state["spec"]), state["index"])

    def __getitem__(self, name: str) -> Node:
        for node in self:
            if node.name == name:
                return node
        raise ClusterError(f"no node is called {name}: there are {', '.join(node.name for node in self) or 'none'}")

    def add(self, *specs: NodeSpec, images: tuple[ImageRef, ...] = ()) -> list[Node]:
        """Start nodes, at once all of them; returns when all are ready."""
        taken = {node.index for node in self}
        names = {node.name for node in self}
        if twice := [spec.name for spec in specs if spec.name in names]:
            raise ClusterError(f"there is a node {', '.join(twice)} already")
        free = [index for index in range(1, MAX_NODES + 1) if index not in taken]
        if len(free) < len(specs):
            raise ClusterError(f"a cluster has at most {MAX_NODES} nodes")
        sandbox = box()
        self.store.ensure([sandbox, *images])
        if "coredns" not in self.supervisor.status():
            dns.start(self.control_plane, self.supervisor, self.api, self.programs["coredns"])
        nodes = [self._node(spec, index) for spec, index in zip(specs, free, strict=False)]
        for node in nodes:
            node.create(self.store, sandbox)
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(Node.start, nodes))
        self._route_services()
        return nodes

    def remove(self, name: str) -> None:
        """Delete a node and its Node object."""
        self[name].remove()
        self._route_services()

    def kill(self, name: str) -> None:
        """Switch a node off; its Node object stays."""
        self[name].kill()
        self._route_services()

    def restart(self, name: str) -> None:
        """Switch a killed node on again."""
        self[name].start()
        self._route_services()

    def cut(self, name: str) -> None:
        """Cut a node off the network."""
        self[name].cut()
        self._route_services(without=name)

    def mend(self, name: str) -> None:
        """Connect it again."""
        self[name].mend()
        self._route_services()

    def enforce_policies(self) -> None:
        """Enforce NetworkPolicies on the nodes that there are now, until the cluster ends."""
        fulfil(packages.pieces("network policies"))
        program = binaries.programs(["kube-router"])["kube-router"]
        policies.enforce(self.control_plane, self.api, self, program)

    def load(self, image: ImageRef) -> None:
        """Give an image to all nodes that run; those that start later have it anyway."""
        self.store.ensure([image])
        for node in self:
            node.load(image)

    def _route_services(self, without: str = "") -> None:
        alive = {name for name, state in self.supervisor.status().items() if state["ended"] is None}
        indices = [node.index for node in self if f"node-{node.name}" in alive and node.name != without]
        network.route_services(self.control_plane.identity, self.supervisor, indices)
