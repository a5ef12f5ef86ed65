"""A cluster starts in seconds, lives beside others, and leaves nothing behind, however its owner ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cluster import cgroups
from cluster.cluster import Cluster, this_package_environment
from cluster.identity import Identity
from cluster.node_spec import PRESETS
from cluster.waiting import wait_until
from patience import PATIENCE

pytestmark = pytest.mark.nodes

OWNER = """
import sys, time
from cluster.cluster import Cluster
from cluster.node_spec import PRESETS
with Cluster.start("test-lifetime", PRESETS["one"]) as cluster:
    assert cluster.s3
    print(cluster.identity.number, flush=True)
    time.sleep(3600)
"""


@pytest.fixture(autouse=True)
def interrupts_are_heard() -> Iterator[None]:
    """Tests that were started in the background ignore Ctrl-C, and what they start would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def traces(of: Identity) -> dict[str, list[str]]:
    """Everything on this machine that belongs to a cluster: nothing, when it is gone."""

    def lines(*command: str) -> list[str]:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()

    folder = str(of.folder)
    mine: Callable[[str], bool] = lambda line: f"{folder}/" in line or f"cluster.watcher {of.number} " in line  # noqa: E731
    return {
        "processes": [line for line in lines("ps", "-eo", "pid,args") if mine(line)],
        "mounts": [line for line in Path("/proc/mounts").read_text().splitlines() if folder in line],
        "links": [line for line in lines("ip", "-o", "link") if f" {of.link}@" in line or f" {of.link}:" in line],
        "routes": [
            line
            for line in lines("ip", "route", "show", "table", "all")
            if line.startswith(str(of.network)[:-4]) or str(of.network) in line
        ],
        "cgroups": [str(h / of.cgroup) for h in cgroups.hierarchies() if (h / of.cgroup).exists()],
        "files": [folder] if of.folder.exists() else [],
    }


def nothing() -> dict[str, list[str]]:
    return {"processes": [], "mounts": [], "links": [], "routes": [], "cgroups": [], "files": []}


def machine_settings() -> list[str]:
    return [
        (Path("/proc/sys") / name).read_text()
        for name in ("vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward")
    ]


def owner_with_a_node() -> tuple[subprocess.Popen[str], Identity]:
    """Another process that owns a cluster with a node."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER], env=this_package_environment(), stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    number = process.stdout.readline().strip()
    assert number, "the owner could not start a cluster: see its output above"
    return process, Identity(int(number))


def test_a_control_plane_is_ready_within_seconds_and_leaves_nothing() -> None:
    settings = machine_settings()
    started = time.monotonic()
    with Cluster.start("test-start") as cluster:
        took = time.monotonic() - started
        assert cluster.api.is_ready()
        of = cluster.identity
        here = traces(of)
        assert all(here[what] for what in ("processes", "links", "routes", "cgroups", "files")), here
        assert not here["mounts"], "mounts belong into the cluster's own namespace"
    assert traces(of) == nothing()
    assert machine_settings() == settings
    assert took < 30, f"took {took:.1f} s"  # a bound for a busy machine; 2.2 s on two free cores


def test_two_clusters_live_side_by_side() -> None:
    with Cluster.start("test-left", PRESETS["one"]) as left, Cluster.start("test-right", PRESETS["one"]) as right:
        assert left.identity != right.identity
        for cluster in (left, right):
            cluster.kubectl("create", "configmap", "name", f"--from-literal=is={cluster.name}")
        for cluster in (left, right):
            assert cluster.kubectl("get", "configmap", "name", "-o", "jsonpath={.data.is}") == cluster.name
        right_identity = right.identity
        right.stop()
        assert traces(right_identity) == nothing()
        assert left.api.is_ready()
        assert left.nodes["general"].is_ready()
        left_identity = left.identity
    assert traces(left_identity) == nothing()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_everything_is_gone_after_the_owner_is_ended_by(number: signal.Signals) -> None:
    process, of = owner_with_a_node()
    assert traces(of)["processes"]
    os.kill(process.pid, number)
    process.wait(PATIENCE)
    wait_until("the cluster to be gone", lambda: traces(of) == nothing(), seconds=PATIENCE)


def test_what_a_killed_watcher_leaves_is_swept_at_the_next_start() -> None:
    process, of = owner_with_a_node()
    os.kill(int((of.folder / "watcher.pid").read_text()), signal.SIGKILL)
    wait_until("the processes to be gone", lambda: not traces(of)["processes"] and not traces(of)["mounts"], seconds=PATIENCE)
    process.kill()
    process.wait()
    with Cluster.start("test-sweep") as cluster:
        if cluster.identity != of:
            assert traces(of) == nothing()
    assert traces(of) == nothing()


def test_a_detached_cluster_outlives_its_maker_and_ends_when_told() -> None:
    environment = this_package_environment()

    def tool(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "cluster", *arguments], env=environment, check=True, capture_output=True, text=True
        ).stdout

    name = f"test-{os.getpid()}"
    try:
        tool("up", "--name", name, "--nodes", "none")
        cluster = Cluster.attach(name)
        assert cluster.api.is_ready()
        assert name in tool("status")
        assert Path(tool("kubeconfig", "--name", name).strip()) == cluster.kubeconfig
    finally:
        tool("down", "--name", name)
    assert traces(cluster.identity) == nothing()


def run(*command: str) -> list[str]:
    """`cluster run` under a name of its own: the user's `dev` may be up."""
    return [sys.executable, "-m", "cluster", "run", "--name", f"test-run-{os.getpid()}", "--nodes", "none", "--", *command]


@contextmanager
def running(script: str, said: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A shell script under `cluster run` that has written `said`; killed at the end, if it is still there."""
    command = run("sh", "-c", script)
    with subprocess.Popen(command, env=this_package_environment(), stdin=subprocess.DEVNULL, start_new_session=True) as tool:
        try:
            wait_until("the command to run", said.exists, seconds=PATIENCE)
            yield tool
        finally:
            tool.kill()


def test_run_passes_on_the_environment_and_the_exit_code() -> None:
    script = "import json, os, sys; print(json.dumps(dict(os.environ))); sys.exit(7)"
    answer = subprocess.run(run(sys.executable, "-c", script), env=this_package_environment(), capture_output=True, text=True, check=False)
    assert answer.returncode == 7, answer.stderr
    environment = json.loads(answer.stdout)
    assert environment["KUBECONFIG"]
    assert not Path(environment["KUBECONFIG"]).exists()


def test_the_command_and_the_cluster_end_when_run_is_killed(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with running(f"echo $$ $KUBECONFIG > {said}.new; mv {said}.new {said}; exec sleep 3600", said) as tool:
        pid, kubeconfig = said.read_text().split()
        tool.kill()
    wait_until("the command to end", lambda: not Path(f"/proc/{pid}").exists(), seconds=PATIENCE)
    of = Identity(int(Path(kubeconfig).parent.name))
    wait_until("the cluster to be gone", lambda: traces(of) == nothing(), seconds=PATIENCE)


def test_run_hands_signals_to_its_command_and_then_takes_the_cluster_down(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"trap 'exit 9' INT; echo $KUBECONFIG > {said}.new; mv {said}.new {said}; while :; do sleep 0.1; done"
    with running(script, said) as tool:
        tool.send_signal(signal.SIGINT)
        assert tool.wait(PATIENCE) == 9
    assert traces(Identity(int(Path(said.read_text().strip()).parent.name))) == nothing()
