"""What a machine lacks is said in one line each, all of it at once, with what to do; and it is seen where it really is."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from cluster import go, identity, packages, preflight
from cluster.errors import ClusterError
from cluster.identity import Identity
from cluster.preflight import Machine, Needs, demand, look, refusals

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

LACKING = [
    (Machine(python=(3, 9)), "Python 3.11 or later is needed, and this is 3.9: install one and name it, for example `make demo PYTHON="),
    (Machine(environments=False), "this Python cannot make virtual environments (it lacks ensurepip): install the rest of it, on Debian"),
    (Machine(go="", go_wanted="1.26.7"), "Go 1.26.7 or later is needed to build Kubernetes: install it and put `go` on PATH"),
    (
        Machine(go="1.24.2", go_wanted="1.26.7", go_fetches_itself=False),
        "Go 1.26.7 or later is needed, and this is 1.24.2: install a newer",
    ),
    (Machine(system="Darwin"), "a cluster on this machine is made of Linux's namespaces, and this is Darwin: use Linux, or CLUSTER=kind"),
    (Machine(root=False), "a cluster is made of namespaces and mounts: run this as root (sudo), or use CLUSTER=kind"),
    (Machine(namespaces=False), "this root may not make namespaces (`unshare --net --mount --pid --fork true` fails): in a container, run"),
    (Machine(cgroups=False), "/sys/fs/cgroup is not there or cannot be written: mount cgroups; in a container, run it as a privileged one"),
    (Machine(kind=False), "CLUSTER=kind needs the program kind and a container engine (docker, podman or nerdctl) on PATH: install both"),
    (
        Machine(lacking=("nftables", "runc")),
        "programs are missing, and there is no apt-get to install them: install what your distribution",
    ),
    (
        Machine(disk=((Path("/cache"), 13_000_000_000, 5_000_000_000),)),
        "13 GB of disk must be free for /cache, and 5 GB are: make room, or",
    ),
    (
        Machine(named_alike="demo"),
        "a cluster named demo is up already: use it, or end it first (`PYTHONPATH=tests .venv/bin/python -m cluster",
    ),
    (
        Machine(inotify=(31, 12, 128)),
        "a cluster takes about 31 inotify instances, and root has 12 of 128 left (another cluster tool?): end",
    ),
    (Machine(ranges="all are in use by the route to 10.0.0.0/8: take it away"), "all are in use by the route to 10.0.0.0/8: take it away"),
]


@pytest.mark.parametrize(("machine", "said"), LACKING, ids=lambda value: None if isinstance(value, str) else "")
def test_each_thing_that_is_missing_is_one_line_with_what_to_do(machine: Machine, said: str) -> None:
    [line] = refusals(machine)
    assert line.startswith(said)
    assert "\n" not in line


def test_there_is_a_line_for_each_check() -> None:
    assert len({refusals(machine)[0] for machine, _ in LACKING}) == len(preflight.CHECKS)


def test_all_that_is_missing_is_said_at_once() -> None:
    nothing = Machine(python=(3, 9), go="", go_wanted="1.26.7", root=False, disk=((Path("/cache"), 2, 1),), named_alike="demo")
    assert len(refusals(nothing)) == 5


@pytest.mark.parametrize(
    "machine",
    [
        Machine(),
        Machine(go="1.26.7", go_wanted="1.26.7"),
        Machine(go="1.30", go_wanted="1.26.7"),
        Machine(go="1.24.2", go_wanted="1.26.7", go_fetches_itself=True),
        Machine(go="devel +a1b2", go_wanted="1.26.7"),
        Machine(python=(3, 11), environments=True, root=True, namespaces=True, cgroups=True, system="Linux"),
        Machine(inotify=(31, 31, 128)),
        Machine(disk=((Path("/cache"), 2, 2),), lacking=(), named_alike="", ranges=""),
    ],
)
def test_a_machine_that_lacks_nothing_is_left_alone(machine: Machine) -> None:
    assert refusals(machine) == []


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """PATH has nothing but what the test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(packages, "SYSTEM_FOLDERS", str(folder))
    go.go_setting.cache_clear()

    def put(name: str, script: str = "exit 0") -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return put


@pytest.fixture(autouse=True)
def forgets_go() -> object:
    yield
    go.go_setting.cache_clear()


def a_go(version: str, toolchain: str) -> str:
    return f'case "$2" in GOVERSION) echo go{version};; GOTOOLCHAIN) echo {toolchain};; esac'


def test_a_path_without_go_is_seen(programs: Callable[..., None]) -> None:
    assert look(Needs(go=True)).go == ""
    with pytest.raises(ClusterError, match="to build Kubernetes: install it and put `go` on PATH"):
        demand(Needs(go=True))


def test_a_go_that_does_not_answer_is_none(programs: Callable[..., None]) -> None:
    programs("go", "exit 2")
    assert look(Needs(go=True)).go == ""


@pytest.mark.parametrize(
    ("version", "toolchain", "lines"), [("1.24.2", "local", 1), ("1.24.2", "auto", 0), ("1.19", "", 1), ("1.26.8", "local", 0)]
)
def test_an_old_go_is_enough_only_where_it_fetches_a_newer_one(
    programs: Callable[..., None], version: str, toolchain: str, lines: int
) -> None:
    programs("go", a_go(version, toolchain))
    assert len(refusals(look(Needs(go=True)))) == lines


def test_the_go_that_is_wanted_is_what_the_most_demanding_module_says() -> None:
    said = [re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE) for path in (HERE / "tools").glob("*/go.mod")]
    versions = [tuple(map(int, found[1].split("."))) for found in said if found]
    assert tuple(map(int, preflight.go_wanted().split("."))) == max(versions)
    assert len(set(versions)) > 1, "they differ, or this shows nothing"


def test_who_is_not_root_is_told_and_no_more_is_looked_at_than_that_allows(
    programs: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(identity, "running", lambda: pytest.fail("the locks of clusters are root's"))
    seen = look(Needs(cluster=True, name="demo"))
    assert (seen.root, seen.namespaces, seen.named_alike) == (False, None, None)
    assert len(refusals(seen)) == 1


def test_root_in_a_container_that_forbids_namespaces_is_told(programs: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    programs("unshare", "exit 1")
    assert look(Needs(cluster=True)).namespaces is False
    programs("unshare", "exit 0")
    assert look(Needs(cluster=True)).namespaces is True


def test_programs_of_the_distribution_are_asked_for_only_where_nobody_can_install_them(programs: Callable[..., None]) -> None:
    assert look(Needs(purposes=("images",))).lacking == ("buildah", "mmdebstrap")
    programs("apt-get")
    assert look(Needs(purposes=("images",))).lacking is None


def test_the_disk_is_the_one_where_the_folder_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def usage(folder: Path) -> object:
        asked.append(folder)
        return shutil._ntuple_diskusage(10, 7, 3)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    folder = tmp_path / "not" / "there"
    assert look(Needs(disk=((folder, 4),))).disk == ((folder, 4, 3),)
    assert asked == [tmp_path]


def test_a_cluster_of_the_same_name_is_seen_and_others_are_not_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(identity, "foreign_routes", list)
    monkeypatch.setattr(identity, "running", lambda: [(Identity(0), {"name": "dev"}), (Identity(1), {}), (Identity(2), {"name": "demo"})])
    assert look(Needs(cluster=True, name="demo")).named_alike == "demo"
    assert look(Needs(cluster=True, name="other")).named_alike == ""
    assert look(Needs(cluster=True)).named_alike == ""


@pytest.fixture
def no_clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEELYARD_CLUSTERS", str(tmp_path / "clusters"))


@pytest.mark.usefixtures("no_clusters")
@pytest.mark.parametrize(
    ("routes", "first"),
    [
        (["172.17.0.0/16", "10.244.0.0/16", "10.96.0.0/12", "192.168.0.0/16"], 0),  # docker, flannel, kubeadm, a router
        (["10.128.0.0/14"], 4),  # OpenShift's pods
        (["0.0.0.0/1"], None),  # a VPN that takes everything, in two halves
        (["10.0.0.0/8", "10.0.0.1/32"], None),  # a company's VPN
    ],
)
def test_other_peoples_ranges_of_addresses_are_left_alone_and_refused_only_where_none_is_left(routes: list[str], first: int | None) -> None:
    networks = [IPv4Network(route) for route in routes]
    identity.clusters_folder().mkdir()
    said = identity.all_taken(networks)
    if first is None:
        assert f"all are in use by the route to {routes[0]}: take that route away" in said
    else:
        assert said == ""


@pytest.mark.usefixtures("no_clusters")
@pytest.mark.parametrize(("routes", "number"), [(["10.128.0.0/14"], 4), (["10.0.0.0/8"], None)])
def test_a_cluster_takes_the_first_range_that_nobody_has(monkeypatch: pytest.MonkeyPatch, routes: list[str], number: int | None) -> None:
    monkeypatch.setattr(identity, "foreign_routes", lambda: [IPv4Network(route) for route in routes])
    if number is None:
        with pytest.raises(
            ClusterError, match=r"from 10\.128\.0\.0/16 to 10\.227\.0\.0/16, and all are in use by the route to 10\.0\.0\.0/8"
        ):
            identity.claim()
        return
    claimed, lock = identity.claim()
    os.close(lock)
    assert claimed.number == number


def test_inotify_instances_are_those_of_roots_processes(tmp_path: Path) -> None:
    assert preflight.inotify_left(tmp_path) is None, "no kernel, no limit"
    limit = tmp_path / "sys/fs/inotify/max_user_instances"
    limit.parent.mkdir(parents=True)
    limit.write_text("128\n")
    for process, owner in (("1", 0), ("2", 1000)):
        files = tmp_path / process / "fd"
        files.mkdir(parents=True)
        for number, target in enumerate(("/dev/null", "anon_inode:inotify", "socket:[1]", "anon_inode:inotify")):
            (files / str(number)).symlink_to(target)
        if os.geteuid() == 0:
            os.chown(tmp_path / process, owner, owner)
    (tmp_path / "3").mkdir()
    assert preflight.inotify_left(tmp_path) == (126 if os.geteuid() == 0 else 128, 128)


READ_BY_OLD_PYTHON = {
    "cluster",
    "cluster.errors",
    "cluster.go",
    "cluster.interrupts",
    "cluster.mode",
    "cluster.preflight",
    "cluster.prepare",
}


def test_the_first_look_is_readable_by_an_old_python() -> None:
    for name in READ_BY_OLD_PYTHON:
        path = HERE.parent / name.replace(".", "/")
        text = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
        ast.parse(text, feature_version=(3, 7))
        assert "from __future__ import annotations" not in text, "it needs Python 3.7"


def outside_of_the_environment(code: str) -> str:
    """What this code prints in a Python that has nothing but its standard library and tests/."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    return subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True, capture_output=True, text=True).stdout


def test_it_imports_nothing_that_an_old_python_cannot_read() -> None:
    imported = outside_of_the_environment("import sys, cluster.prepare; print(*(m for m in sys.modules if m.split('.')[0] == 'cluster'))")
    assert set(imported.split()) == READ_BY_OLD_PYTHON


def test_what_comes_before_the_environment_needs_no_package() -> None:
    assert outside_of_the_environment("import cluster.provision, cluster.fulfil; print('imported')") == "imported\n"


@pytest.mark.parametrize("goal", ["demo", "test"])
def test_make_says_all_that_is_missing_and_neither_builds_nor_installs_anything(goal: str, tmp_path: Path) -> None:
    """With a Go that is too old, which is refused wherever this runs; whether root is missing too depends on that."""
    old, home = tmp_path / "bin", tmp_path / "home"
    for folder in (old, home):
        folder.mkdir()
    (old / "go").write_text(f"#!/bin/sh\n{a_go('1.20', 'local')}\n")
    (old / "go").chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "XDG_"))}
    environment |= {"PATH": f"{old}:{os.environ['PATH']}", "HOME": str(home), "STEELYARD_CLUSTERS": str(tmp_path / "clusters")}
    installed = ROOT / ".venv" / ".installed"
    before = installed.stat().st_mtime_ns if installed.exists() else None
    answer = subprocess.run(
        ["make", "--no-print-directory", goal, f"PYTHON={sys.executable}"],
        cwd=ROOT,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    lines = answer.stderr.splitlines()
    assert (
        lines[0]
        == f"Go {preflight.go_wanted()} or later is needed, and this is 1.20: install a newer one, or let Go fetch it (GOTOOLCHAIN=auto, from 1.21 on)"
    )
    assert answer.returncode == 2 and lines[-1].startswith("make: ***")
    assert answer.stdout == "" and list(home.iterdir()) == []
    assert (installed.stat().st_mtime_ns if installed.exists() else None) == before
