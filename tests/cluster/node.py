"""A node: kubelet, containerd and kube-proxy in namespaces of their own, inside the cluster's."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import yaml

from cluster import cgroups, container_runtime, network
from cluster.api import Api
from cluster.control_plane import ControlPlane, feature_gates
from cluster.errors import ClusterError
from cluster.image_store import NAMESPACE, ImageRef, ImageStore
from cluster.node_spec import NodeSpec
from cluster.packages import SYSTEM_FOLDERS
from cluster.supervisor import Supervisor
from cluster.waiting import wait_until
from cluster.watcher import IN_NEW_NAMESPACES, supervisor_command

SOCKET = "/run/containerd/containerd.sock"
#: Renewed every quarter of this: see NODE_GRACE_SECONDS.
LEASE_SECONDS = 20
#: A kubelet sets these for the whole machine. It finds them set, in files of its own, and leaves the machine's as they are.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


class Node:
    """One node of a cluster. Its index decides its addresses."""

    def __init__(
        self, spec: NodeSpec, index: int, control_plane: ControlPlane, outer: Supervisor, api: Api, programs: Mapping[str, Path]
    ) -> None:
        self.spec = spec
        self.index = index
        self.control_plane = control_plane
        self.outer = outer
        self.api = api
        self.programs = programs
        self.identity = control_plane.identity
        self.folder = self.identity.folder / "nodes" / spec.name
        self.supervisor = Supervisor(self.folder / "supervisor.sock", self.identity.logs / spec.name)
        self.cgroup = f"{self.identity.cgroup}/{spec.name}"

    @property
    def name(self) -> str:
        """Also the name of its Node object."""
        return self.spec.name

    @property
    def address(self) -> str:
        """Its InternalIP."""
        return self.identity.node_address(self.index)

    def create(self, store: ImageStore, sandbox: ImageRef) -> None:
        """Lay out the folder and the network; nothing runs yet."""
        for name in ("kubelet", "containerd", "network"):
            (self.folder / name).mkdir(parents=True)
        self.supervisor.logs.mkdir(exist_ok=True)
        (self.folder / "node.json").write_text(json.dumps({"index": self.index, "spec": asdict(self.spec)}))
        cgroups.create(self.cgroup)
        store.furnish(self.folder / "containerd")
        self._write_configuration(sandbox)
        network.connect_node(self.identity, self.outer, self.index)

    def start(self) -> None:
        """Start its processes and wait until the API server calls it ready."""
        self.supervisor.path.unlink(missing_ok=True)
        enter = ("nsenter", f"--net=/run/netns/node{self.index}", *IN_NEW_NAMESPACES)
        self.outer.start(f"node-{self.name}", *enter, *supervisor_command(self.supervisor.path))
        wait_until(f"the first process of {self.name}", self.supervisor.path.exists, seconds=20, check=self.outer.check, every=0.01)
        self.supervisor.script(self._mounts())
        environment = {"PATH": f"{self.programs['containerd'].parent}:{SYSTEM_FOLDERS}:/usr/bin:/bin"}
        self.supervisor.start("containerd", self.programs["containerd"], "--config", self.folder / "containerd.toml", env=environment)
        self.supervisor.start(
            "proxy",
            self.programs["kube-proxy"],
            f"--config={self.folder / 'proxy.yaml'}",
            f"--hostname-override={self.name}",
            env=environment,
        )
        logs = (self.supervisor.log("kubelet"), self.supervisor.log("containerd"))
        self.supervisor.script(f"for i in $(seq 1000); do [ -S {SOCKET} ] && exit 0; sleep 0.02; done; echo no {SOCKET} after 20 s; exit 1")
        self.supervisor.start("kubelet", self.programs["kubelet"], *self._kubelet_flags(), env=environment)
        wait_until(f"the node {self.name} to be ready", self.is_ready, seconds=60, logs=logs, check=self.supervisor.check)
        if self.spec.capacity:
            self.api.patch(
                f"/api/v1/nodes/{self.name}/status",
                {"status": {"capacity": dict(self.spec.capacity), "allocatable": dict(self.spec.capacity)}},
            )

    def is_ready(self) -> bool:
        """Whether the API server calls it ready."""
        node = self.api.get(f"/api/v1/nodes/{self.name}")
        conditions = (node or {}).get("status", {}).get("conditions", [])
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def kill(self) -> None:
        """End its processes at once, as when the machine loses power. The Node object stays: nobody has told the API server."""
        self.outer.stop(f"node-{self.name}", signal.SIGKILL)

    def remove(self) -> None:
        """End it, and take away all that it had, the Node object too."""
        self.kill()
        self.api.delete(f"/api/v1/nodes/{self.name}")
        network.disconnect_node(self.identity, self.outer, self.index)
        cgroups.remove(self.cgroup)
        shutil.rmtree(self.folder, ignore_errors=True)

    def cut(self) -> None:
        """Cut its cable: everything on it goes on, and nobody hears of it."""
        self.outer.script(f"ip link set node{self.index} down")

    def mend(self) -> None:
        """Put the cable back."""
        self.outer.script(f"ip link set node{self.index} up; ip route replace {self.identity.node_pods(self.index)} via {self.address}")

    def load(self, image: ImageRef) -> None:
        """Give an image to the node while it runs: a whole import. Nodes that start later have it for nothing."""
        if not image.archive.exists():
            raise ClusterError(f"the archive of {image.reference} is gone: add a node instead, it will have the image")
        ctr = (self.programs["ctr"], "--address", SOCKET, "--namespace", NAMESPACE)
        self.supervisor.run(*ctr, "images", "import", "--local", image.archive, seconds=600)

    def _mounts(self) -> str:
        settings = self.folder / "settings"
        for name, value in KERNEL_SETTINGS.items():
            path = settings / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{value}\n")
        binds = "\n".join(f"[ ! -e /proc/sys/{name} ] || mount --bind {settings / name} /proc/sys/{name}" for name in KERNEL_SETTINGS)
        # Programs write to these whatever they are told; the machine's own stay out of their reach.
        return f"""
        hostname {self.name}
        mount --make-rshared /
        for folder in /run /var/log /var/lib; do mount -t tmpfs -o mode=755 node $folder; done
        for name in kubelet containerd; do mkdir /var/lib/$name; mount --bind {self.folder}/$name /var/lib/$name; done
        echo 1 > /proc/sys/net/ipv4/ip_forward
        {binds}
        """

    def _write_configuration(self, sandbox: ImageRef) -> None:
        plugins = {
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": self.identity.node_pods(self.index)}]], "routes": [{"dst": "0.0.0.0/0"}]},
        }
        conflist = {"cniVersion": "1.0.0", "name": "pods", "plugins": [plugins]}
        (self.folder / "network" / "10-pods.conflist").write_text(json.dumps(conflist))
        spec = container_runtime.base_spec(self.programs["ctr"])
        base = self.folder / "base-spec.json"
        base.write_text(spec or "")
        runtime = container_runtime.node(
            root=Path("/var/lib/containerd"),
            state=Path("/run/containerd"),
            socket=Path(SOCKET),
            network=self.folder / "network",
            sandbox=sandbox.reference,
            base=base if spec else None,
        )
        (self.folder / "containerd.toml").write_text(runtime)
        (self.folder / "resolv.conf").write_text(f"nameserver {self.identity.dns_service}\n")
        self._write_kubelet_configuration()
        proxy = {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clusterCIDR": self.identity.pods,
            "clientConnection": {"kubeconfig": str(self.control_plane.identity_of("proxy", "system:kube-proxy"))},
            "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},  # settings of the whole machine
        }
        (self.folder / "proxy.yaml").write_text(yaml.safe_dump(proxy))

    def _write_kubelet_configuration(self) -> None:
        taints = []
        for taint in self.spec.taints:
            pair, _, effect = taint.partition(":")
            key, _, value = pair.partition("=")
            taints.append({"key": key, "value": value, "effect": effect})
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.cgroup}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(self.control_plane.authority.authority.certificate)},
            },
            "authorization": {"mode": "Webhook"},
            "clusterDNS": [self.identity.dns_service],
            "clusterDomain": "cluster.local",
            "resolvConf": str(self.folder / "resolv.conf"),
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            "failSwapOn": False,
            "maxPods": self.spec.max_pods,
            "registerWithTaints": taints,
            "systemReserved": dict(self.spec.reserved),
            "featureGates": {"CustomCPUCFSQuotaPeriod": True},
            "cpuCFSQuotaPeriod": self.spec.cpu_quota_period,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%", "nodefs.inodesFree": "1%"},
            "imageGCHighThresholdPercent": 100,  # never: nobody could pull them again
            "nodeLeaseDurationSeconds": LEASE_SECONDS,
            "kubeAPIQPS": 200,
            "kubeAPIBurst": 400,
            "eventRecordQPS": 0,
        }
        (self.folder / "kubelet.yaml").write_text(yaml.safe_dump(config))

    def _kubelet_flags(self) -> list[str]:
        config = self.control_plane.identity_of(f"node-{self.name}", f"system:node:{self.name}", "system:nodes")
        labels = ",".join(f"{key}={value}" for key, value in self.spec.labels.items())
        return [
            f"--config={self.folder / 'kubelet.yaml'}",
            f"--kubeconfig={config}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.address}",
            f"--node-labels={labels}",
            *feature_gates(self.control_plane.flags),
        ]
