"""etcd, API server, controller manager and scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from cluster import audit, kubeconfig
from cluster.api import Api
from cluster.certificates import Authority, Certificate
from cluster.identity import Identity
from cluster.supervisor import Supervisor
from cluster.waiting import wait_until
from patience import PATIENCE

#: The defaults (20 and 30) make thousands of objects wait for the client, not for the server.
CLIENT_QPS, CLIENT_BURST = 300, 600
#: From silence to NotReady. The default, 50 s, is a long time in a test; the kubelets renew four times within it.
NODE_GRACE_SECONDS = 20
API_PORT = 6443
AGGREGATOR = "aggregator"
"""As whom the API server asks servers of other APIs: they take its word for who asks."""


@dataclass(frozen=True)
class ExtraFlags:
    """Flags added to, or overriding, those that this tool gives."""

    apiserver: Sequence[str] = ()
    controllers: Sequence[str] = ()
    scheduler: Sequence[str] = ()
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    """For every part of Kubernetes, the nodes too."""


def feature_gates(flags: ExtraFlags) -> list[str]:
    """The flag that every part of Kubernetes knows."""
    gates = ",".join(f"{name}={str(value).lower()}" for name, value in flags.feature_gates.items())
    return [f"--feature-gates={gates}"] if gates else []


class ControlPlane:
    """The control plane of one cluster, in the cluster's outer namespaces."""

    def __init__(self, identity: Identity, supervisor: Supervisor, programs: Mapping[str, Path], flags: ExtraFlags) -> None:
        self.identity = identity
        self.supervisor = supervisor
        self.programs = programs
        self.flags = flags
        self.authority = Authority(identity.folder / "pki")
        self.url = f"https://{identity.gateway}:{API_PORT}"
        self.audit_log = identity.folder / "audit.log"

    def identity_of(self, name: str, user: str, *groups: str) -> Path:
        """A kubeconfig file for this user, made when it is first asked for."""
        target = self.identity.folder / f"{name}.kubeconfig"
        if target.exists():
            return target
        certificate = self.authority.issue(name, user, groups)
        return kubeconfig.write(target, server=self.url, authority=self.authority.authority.certificate, client=certificate)

    def admin(self) -> Certificate:
        """The certificate of the user `admin`, who may do everything."""
        return self.authority.issue("admin", "admin", ("system:masters",))

    def start(self) -> Api:
        """Start all four; returns when the API server is ready."""
        self.authority.create()
        self._start_programs()
        return Api(self.url, self.authority.authority, self.admin())

    def _start_programs(self) -> None:
        identity = self.identity
        self._start_etcd()
        names = ("DNS:kubernetes", "DNS:kubernetes.default", "DNS:kubernetes.default.svc", "DNS:localhost", "IP:127.0.0.1")
        addresses = (*names, f"IP:{identity.api_service}", f"IP:{identity.gateway}")
        server = self.authority.issue("apiserver", "kube-apiserver", addresses=addresses)
        self._start_apiserver(server, self.admin())
        self.identity_of("admin", "admin", "system:masters")
        controllers = self.identity_of("controllers", "system:kube-controller-manager")
        scheduler = self.identity_of("scheduler", "system:kube-scheduler")
        api = Api(self.url, self.authority.authority, self.admin())
        logs = (self.supervisor.log("apiserver"), self.supervisor.log("etcd"))
        wait_until("the API server", api.is_ready, seconds=PATIENCE, logs=logs, check=self.supervisor.check)
        self._start_controllers(controllers)
        self._start_scheduler(scheduler)

    @contextmanager
    def standing_still(self) -> Iterator[Path]:
        """The control plane stands still meanwhile; gives etcd's folder. Returns when the API server is ready again."""
        for name in ("scheduler", "controllers", "apiserver", "etcd"):
            self.supervisor.stop(name)
        yield self.identity.folder / "etcd"
        self._start_programs()

    def _start_etcd(self) -> None:
        self.supervisor.start(
            "etcd",
            self.programs["etcd"],
            f"--data-dir={self.identity.folder / 'etcd'}",
            "--unsafe-no-fsync",  # nothing here has to survive a power cut
            "--log-level=warn",
            "--quota-backend-bytes=8589934592",
        )

    def _start_apiserver(self, server: Certificate, admin: Certificate) -> None:
        identity, authority = self.identity, self.authority
        aggregator = authority.issue(AGGREGATOR, AGGREGATOR)
        policy = identity.folder / "audit-policy.yaml"
        audit.write_policy(policy)
        self.supervisor.start(
            "apiserver",
            self.programs["kube-apiserver"],
            "--etcd-servers=http://127.0.0.1:2379",
            f"--secure-port={API_PORT}",
            f"--tls-cert-file={server.certificate}",
            f"--tls-private-key-file={server.key}",
            f"--client-ca-file={authority.authority.certificate}",
            f"--service-account-key-file={authority.service_accounts}",
            f"--service-account-signing-key-file={authority.service_accounts}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={identity.services}",
            f"--advertise-address={identity.gateway}",
            "--endpoint-reconciler-type=lease",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
            f"--proxy-client-cert-file={aggregator.certificate}",
            f"--proxy-client-key-file={aggregator.key}",
            f"--requestheader-client-ca-file={authority.authority.certificate}",
            f"--requestheader-allowed-names={AGGREGATOR}",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--kubelet-client-certificate={admin.certificate}",
            f"--kubelet-client-key={admin.key}",
            "--kubelet-preferred-address-types=InternalIP",  # nodes' names resolve nowhere
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self.audit_log}",
            "--audit-log-mode=blocking",  # what a test has seen answered is in the log
            "--audit-log-maxsize=100000",  # never rotated: readers keep a position
            *feature_gates(self.flags),
            *self.flags.apiserver,
        )

    def _start_controllers(self, config: Path) -> None:
        self.supervisor.start(
            "controllers",
            self.programs["kube-controller-manager"],
            f"--kubeconfig={config}",
            f"--service-account-private-key-file={self.authority.service_accounts}",
            f"--root-ca-file={self.authority.authority.certificate}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            f"--kube-api-qps={CLIENT_QPS}",
            f"--kube-api-burst={CLIENT_BURST}",
            "--node-monitor-period=2s",
            f"--node-monitor-grace-period={NODE_GRACE_SECONDS}s",
            *feature_gates(self.flags),
            *self.flags.controllers,
        )

    def _start_scheduler(self, config: Path) -> None:
        target = self.identity.folder / "scheduler.yaml"
        content = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": {"kubeconfig": str(config), "qps": CLIENT_QPS, "burst": CLIENT_BURST},
        }
        target.write_text(yaml.safe_dump(content))
        self.supervisor.start(
            "scheduler", self.programs["kube-scheduler"], f"--config={target}", *feature_gates(self.flags), *self.flags.scheduler
        )
