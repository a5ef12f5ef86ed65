"""One running cluster: what tests, the demo and the command line hold in their hands."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from cluster import binaries, kubeconfig, object_store, preflight, prometheus, provision
from cluster.access import Access
from cluster.api import Api
from cluster.audit import Audit
from cluster.certificates import Certificate
from cluster.control_plane import ControlPlane, ExtraFlags
from cluster.errors import ClusterError
from cluster.fulfil import fulfil
from cluster.identity import Identity, claim, is_alive, running
from cluster.image_store import ImageRef
from cluster.node_spec import NodeSpec
from cluster.nodes import Nodes
from cluster.object_store import ObjectStore
from cluster.provision import CONTROL_PLANE_TOOLS
from cluster.supervisor import Supervisor
from cluster.sweep import sweep
from cluster.waiting import tail, wait_until
from patience import PATIENCE

#: From the order to end until everything is gone.
END_SECONDS = 60.0
TESTS_FOLDER = Path(__file__).parent.parent


def this_package_environment() -> dict[str, str]:
    """The environment in which another Python finds this package."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS_FOLDER), os.environ.get("PYTHONPATH"))))}


class Cluster(Access):
    """A cluster that is up. Made by `start` (it ends with this process, or by `stop`) or `attach` (it was made by another one)."""

    def __init__(self, number: Identity, name: str, flags: ExtraFlags, watcher: subprocess.Popen[bytes] | None = None) -> None:
        self.identity = number
        self.name = name
        self.flags = flags
        self._watcher = watcher
        self.programs = binaries.programs(CONTROL_PLANE_TOOLS)
        self.supervisor = Supervisor(number.folder / "supervisor.sock", number.logs)
        self.control_plane = ControlPlane(number, self.supervisor, self.programs, flags)
        self.api: Api

    @classmethod
    def start(
        cls, name: str = "test", nodes: Sequence[NodeSpec] = (), *, images: Sequence[ImageRef] = (), flags: ExtraFlags | None = None
    ) -> Self:
        """Bring up a control plane and nodes that have these images; returns when all is ready.

        The cluster ends when this process does, in whatever way that happens.
        """
        wanted = replace(provision.for_cluster("local", nodes=bool(nodes)), others=tuple(images) if nodes else ())
        preflight.demand(wanted.needs("local"))
        fulfil(wanted.pieces())  # before anything is up: this may take minutes
        number, lock = claim()
        number.lock.parent.joinpath("logs").mkdir(exist_ok=True)
        log = number.lock.parent / "logs" / f"{number.number}.watcher.log"
        command = [sys.executable, "-m", "cluster.watcher", str(number.number), str(os.getpid()), str(lock)]
        with log.open("w") as output:
            watcher = subprocess.Popen(
                command,
                env=this_package_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for this process; the watcher then sees it end
                pass_fds=(lock,),
            )
        os.close(lock)

        def check() -> None:
            if watcher.poll() is not None:
                raise ClusterError(f"the cluster could not be started\n{tail(log)}")

        def made() -> bool:
            return (number.folder / "ready").read_text() == str(watcher.pid)  # not what a dead cluster has left

        cluster = cls(number, name, flags or ExtraFlags(), watcher)
        try:
            wait_until("the cluster's namespaces", made, seconds=PATIENCE, logs=(log,), check=check, every=0.01)
            cluster.api = cluster.control_plane.start()
            cluster._save()
            if nodes:
                cluster.nodes.add(*nodes)
        except BaseException:
            cluster.stop()
            raise
        return cluster

    @classmethod
    def attach(cls, name: str) -> Self:
        """The cluster of this name that another process has started."""
        for number, state in running():
            if state.get("name") == name:
                flags = ExtraFlags(**state["flags"])
                cluster = cls(number, name, flags)
                cluster.api = Api(cluster.api_url, cluster.control_plane.authority.authority, cluster.admin)
                return cluster
        raise ClusterError(f"no cluster named {name} is up: start it with `python -m cluster up --name {name}`")

    def _save(self) -> None:
        state = {
            "name": self.name,
            "started": time.time(),
            "flags": {
                "apiserver": [*self.flags.apiserver],
                "controllers": [*self.flags.controllers],
                "scheduler": [*self.flags.scheduler],
                "feature_gates": {**self.flags.feature_gates},
            },
        }
        (self.identity.folder / "cluster.json").write_text(json.dumps(state))

    def detach(self) -> None:
        """Let the cluster outlive this process: from now on it lives until `stop`, by whomever."""
        if self._watcher is not None:
            self._watcher.send_signal(signal.SIGUSR1)
            self._watcher.returncode = 0  # it is no longer ours to wait for
            self._watcher = None

    def stop(self) -> None:
        """End the cluster; returns when everything is gone."""
        if self._watcher is not None:
            self._watcher.terminate()
            try:
                self._watcher.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                raise ClusterError(f"the cluster does not end: see {self.identity.logs}.watcher.log") from None
            if self._watcher.returncode < 0:  # it was killed, or told to end before it could listen
                sweep(self.identity)
            self._watcher = None
            return
        end(self.identity)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @cached_property
    def nodes(self) -> Nodes:
        """The nodes: add, remove, kill, cut and mend."""
        return Nodes(self.control_plane, self.supervisor, self.api)

    @cached_property
    def s3(self) -> ObjectStore:
        """An S3 server, started when first asked for; pods reach it as this machine does."""
        return object_store.start(self.identity, self.supervisor, binaries.programs(["versitygw"])["versitygw"])

    def prometheus(self, config: str | None = None) -> str:
        """Start Prometheus with this configuration (by default: all annotated pods), and return its URL. Calling it again starts it anew."""
        program = binaries.programs(["prometheus"])["prometheus"]
        return prometheus.start(self.control_plane, self.supervisor, program, config)

    @property
    def api_url(self) -> str:
        """Reached from this machine, from nodes and from pods."""
        return self.control_plane.url

    @property
    def admin(self) -> Certificate:
        """The certificate and key of a user who may do everything."""
        return self.control_plane.admin()

    @property
    def authority(self) -> Path:
        """The certificate that signs the API server's."""
        return self.control_plane.authority.authority.certificate

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.identity.folder / "admin.kubeconfig"

    @property
    def logs(self) -> Path:
        """The folder with a log of every program."""
        return self.identity.logs

    @property
    def audit_log(self) -> Path:
        """JSON lines: see `cluster.audit`."""
        return self.control_plane.audit_log

    def audit(self) -> Audit:
        """A reader of the audit log that starts now."""
        return Audit(self.audit_log)

    def kubeconfig_for(self, user: str, *groups: str) -> Path:
        """A kubeconfig for any user and groups: to see who does what, and who may not."""
        return self.control_plane.identity_of(f"user-{user}".replace(":", "-").replace("/", "-"), user, *groups)

    def kubeconfig_with_token(self, token: str, name: str) -> Path:
        """A kubeconfig for the bearer of a token, for example of a service account."""
        target = self.identity.folder / f"token-{name}.kubeconfig"
        return kubeconfig.write(target, server=self.api_url, authority=self.authority, token=token)

    def environment(self) -> dict[str, str]:
        """What a program needs to work with this cluster; the object store too, when it has been started."""
        s3 = self.s3.environment() if object_store.is_started(self.identity) else {}
        return {**super().environment(), **s3}


def end(number: Identity) -> None:
    """End a cluster that another process has started; returns when everything is gone."""
    if not is_alive(number):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(int((number.folder / "watcher.pid").read_text()), signal.SIGTERM)
    deadline = time.monotonic() + END_SECONDS
    with number.lock.open() as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ClusterError(f"the cluster does not end: see {number.logs}.watcher.log") from None
                time.sleep(0.05)
                continue
            return
