"""What this machine lacks, one line each with what to do, before anything is built or installed.

First everything is looked at, then each check tells from that alone. Read by any Python from 3.6 on (no annotations, no newer syntax), for one
of the things that may be missing is a newer one; what only the newer one can look at stays unknown until then.
"""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from cluster.errors import LackingError
from cluster.go import go_setting

LEAST_PYTHON = (3, 11)
#: The inotify instances of a cluster with three nodes, counted while one was up. Linux grants each user 128 of them unless told otherwise, and
#: another cluster tool takes as many.
INOTIFY_INSTANCES = {"control plane": 4, "nodes": 3 * 9}
DOWN = "PYTHONPATH=tests .venv/bin/python -m cluster down"


class Needs(NamedTuple):
    """What the command is about to need, and so what is looked at."""

    python: bool = False
    """An interpreter that can make .venv."""
    go: bool = False
    cluster: bool = False
    """A cluster of processes on this machine: namespaces, mounts, links."""
    kind: bool = False
    name: str = ""
    """The cluster's name, which nobody else may have."""
    purposes: tuple = ()
    """What programs of the distribution are for: see packages.NEEDED."""
    disk: tuple = ()
    """(folder, bytes that must be free there), each folder once."""


class Machine(NamedTuple):
    """What was seen. None is unknown, or not needed."""

    python: tuple = None
    environments: bool = None
    """Whether this Python can make virtual environments: Debian keeps that part in a package of its own."""
    go: str = None
    """Its version; an empty text when there is none."""
    go_wanted: str = None
    go_fetches_itself: bool = None
    system: str = None
    root: bool = None
    namespaces: bool = None
    cgroups: bool = None
    kind: bool = None
    lacking: tuple = None
    """The distribution's packages that are missing, where there is no apt-get to install them."""
    disk: tuple = None
    """(folder, needed, free)"""
    named_alike: str = None
    """The name, where another cluster has it."""
    ranges: str = None
    """What takes every range of addresses that a cluster could have; empty when one is free."""
    inotify: tuple = None
    """(instances needed, that root has left, of how many)"""


def numbers(version):
    """`go1.26.8` as (1, 26, 8); None where that is not how it looks."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version or "")
    return tuple(int(part or 0) for part in found.groups()) if found else None


def python_is_too_old(machine):
    if machine.python is not None and machine.python < LEAST_PYTHON:
        return (
            "Python 3.11 or later is needed, and this is {}.{}: install one and name it, for example `make demo PYTHON=python3.11`".format(
                *machine.python
            )
        )
    return None


def python_makes_no_environments(machine):
    if machine.environments is False:
        return (
            "this Python cannot make virtual environments (it lacks ensurepip): install the rest of it, on Debian the package python3-venv"
        )
    return None


def go_is_missing(machine):
    if machine.go == "":
        hidden = " (sudo hides it: `sudo env PATH=$PATH make ...`)" if os.environ.get("SUDO_USER") else ""
        return f"Go {machine.go_wanted} or later is needed to build Kubernetes: install it and put `go` on PATH{hidden}"
    return None


def go_is_too_old(machine):
    seen = numbers(machine.go)
    if seen is None or seen >= numbers(machine.go_wanted) or machine.go_fetches_itself:
        return None
    return f"Go {machine.go_wanted} or later is needed, and this is {machine.go}: install a newer one, or let Go fetch it (GOTOOLCHAIN=auto, from 1.21 on)"


def system_is_not_linux(machine):
    if machine.system not in (None, "Linux"):
        return f"a cluster on this machine is made of Linux's namespaces, and this is {machine.system}: use Linux, or CLUSTER=kind with a container engine"
    return None


def root_is_missing(machine):
    if machine.root is False:
        return "a cluster is made of namespaces and mounts: run this as root (sudo), or use CLUSTER=kind with a container engine"
    return None


def namespaces_are_forbidden(machine):
    if machine.namespaces is False:
        return "this root may not make namespaces (`unshare --net --mount --pid --fork true` fails): in a container, run it as a privileged one"
    return None


def cgroups_are_missing(machine):
    if machine.cgroups is False:
        return "/sys/fs/cgroup is not there or cannot be written: mount cgroups; in a container, run it as a privileged one"
    return None


def kind_is_missing(machine):
    if machine.kind is False:
        return "CLUSTER=kind needs the program kind and a container engine (docker, podman or nerdctl) on PATH: install both, or use CLUSTER=local"
    return None


def packages_are_missing(machine):
    if machine.lacking:
        return f"programs are missing, and there is no apt-get to install them: install what your distribution calls the Debian packages {' '.join(machine.lacking)}"
    return None


def disk_is_short(machine):
    for folder, needed, free in machine.disk or ():
        if free < needed:
            return f"{needed / 1e9:.0f} GB of disk must be free for {folder}, and {free / 1e9:.0f} GB are: make room, or keep it elsewhere (XDG_CACHE_HOME=FOLDER)"
    return None


def name_is_taken(machine):
    if machine.named_alike:
        return f"a cluster named {machine.named_alike} is up already: use it, or end it first (`{DOWN} --name {machine.named_alike}`)"
    return None


def addresses_are_taken(machine):
    return machine.ranges or None


def inotify_is_used_up(machine):
    if machine.inotify is None:
        return None
    needed, left, most = machine.inotify
    if left >= needed:
        return None
    return (
        f"a cluster takes about {needed} inotify instances, and root has {left} of {most} left (another cluster tool?): "
        "end what holds them, or allow more (`sysctl fs.inotify.max_user_instances=512`)"
    )


#: In the order in which a person would mend them.
CHECKS = (
    python_is_too_old,
    python_makes_no_environments,
    go_is_missing,
    go_is_too_old,
    system_is_not_linux,
    root_is_missing,
    namespaces_are_forbidden,
    cgroups_are_missing,
    kind_is_missing,
    packages_are_missing,
    disk_is_short,
    name_is_taken,
    addresses_are_taken,
    inotify_is_used_up,
)


def refusals(machine):
    """All that is missing."""
    found = [check(machine) for check in CHECKS]
    return [line for line in found if line]


def look(needs):
    """See what a command with these needs has to know."""
    seen = {}
    new_enough = sys.version_info[:2] >= LEAST_PYTHON
    if needs.python:
        seen["python"] = sys.version_info[:2]
        seen["environments"] = find_spec("ensurepip") is not None and find_spec("venv") is not None
    if needs.go:
        seen["go"] = (go_setting("GOVERSION") or "").replace("go", "")
        seen["go_wanted"] = go_wanted()
        seen["go_fetches_itself"] = "auto" in (go_setting("GOTOOLCHAIN") or "")  # of Go before 1.21: nothing
    if needs.cluster:
        seen.update(_of_a_cluster(needs.purposes))
    if needs.kind:
        seen["kind"] = shutil.which("kind") is not None and any(map(shutil.which, ("docker", "podman", "nerdctl")))
    if new_enough:
        seen.update(_by_this_package(needs, bool(seen.get("root"))))
    return Machine(**seen)


def go_wanted():
    """The least version that every module of tools/ is content with."""
    lines = [re.search(r"(?m)^go (\S+)$", path.read_text()) for path in Path(__file__).parent.glob("tools/*/go.mod")]
    return max((found.group(1) for found in lines if found), key=numbers)


def _of_a_cluster(purposes):
    seen = {"system": os.uname().sysname}
    if seen["system"] != "Linux":
        return seen
    seen["root"] = os.geteuid() == 0
    hierarchies = [folder for folder in Path("/sys/fs/cgroup").glob("*") if folder.is_dir()]
    if seen["root"]:
        instances = inotify_left(Path("/proc"))
        if instances is not None:
            seen["inotify"] = (sum(INOTIFY_INSTANCES.get(purpose, 0) for purpose in purposes), *instances)
        seen["cgroups"] = any(os.access(str(folder), os.W_OK) for folder in [Path("/sys/fs/cgroup"), *hierarchies])
        if shutil.which("unshare"):
            tried = subprocess.run(
                ["unshare", "--net", "--mount", "--pid", "--fork", "true"],
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            seen["namespaces"] = tried.returncode == 0
    return seen


def inotify_left(proc):
    """How many inotify instances root has left, of how many; None where the kernel does not say."""
    try:
        most = int((proc / "sys/fs/inotify/max_user_instances").read_text())
    except (OSError, ValueError):
        return None
    return most - sum(map(_instances, proc.glob("[0-9]*"))), most


def _instances(process):
    """The inotify instances of a process of root's; it may end meanwhile."""
    try:
        if process.stat().st_uid != 0:
            return 0
        # Path.readlink is there from Python 3.9 on.
        return sum(os.readlink(str(link)) == "anon_inode:inotify" for link in (process / "fd").iterdir())  # noqa: PTH115
    except OSError:
        return 0


def _by_this_package(needs, root):
    """What other modules know, which an older Python cannot read."""
    from cluster import identity, packages, provision

    seen = {}
    if needs.purposes and shutil.which("apt-get") is None:
        seen["lacking"] = tuple(sorted({package for purpose in needs.purposes for package in packages.missing(purpose)}))
    seen["disk"] = tuple((folder, needed, provision.free(folder)) for folder, needed in needs.disk)
    if needs.cluster and root:  # the locks of clusters are root's
        alive = identity.running()
        seen["named_alike"] = needs.name if needs.name in [state.get("name") for _, state in alive] else ""
        if packages.find("ip"):
            seen["ranges"] = identity.all_taken(identity.foreign_routes())
    return seen


def demand(needs):
    """A LackingError that says all that is missing, if anything is."""
    lines = refusals(look(needs))
    if lines:
        raise LackingError("\n".join(lines))


if __name__ == "__main__":  # before the environment is made, by `make check` for example
    try:
        demand(Needs(python=True))
    except LackingError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
