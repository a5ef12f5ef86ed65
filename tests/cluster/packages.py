"""The programs that come from the machine's distribution, and how they get here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cluster.errors import ClusterError
from cluster.progress import step

#: What needs what: the purpose, the program that must be found, and the Debian package that brings it.
NEEDED = {
    "control plane": {"ip": "iproute2", "unshare": "util-linux", "setpriv": "util-linux", "openssl": "openssl"},
    "nodes": {"runc": "runc", "nft": "nftables", "nsenter": "util-linux", "/usr/lib/cni/bridge": "containernetworking-plugins"},
    "images": {"buildah": "buildah", "mmdebstrap": "mmdebstrap"},
}
#: Debian keeps some programs where a person's PATH does not look.
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


def find(program: str) -> str | None:
    """The path of a program, also in the folders of the administrator."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), SYSTEM_FOLDERS]))


def require(purpose: str) -> None:
    """Check that this machine can do it, and install what is missing where that is possible (root on Debian), saying so."""
    if os.geteuid() != 0:
        raise ClusterError(
            "a cluster is made of namespaces and mounts: run this as root (sudo), or use CLUSTER=kind with a container engine"
        )
    if not Path("/sys/fs/cgroup").is_dir() or os.uname().sysname != "Linux":
        raise ClusterError("a cluster on this machine needs Linux with cgroups: elsewhere use CLUSTER=kind with a container engine")
    missing = sorted({package for program, package in NEEDED[purpose].items() if find(program) is None})
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise ClusterError(f"missing for {purpose}: install what your distribution calls the Debian packages {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {' '.join(missing)} with apt-get", 30):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]):
            answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if answer.returncode != 0:
                raise ClusterError(f"{' '.join(command)} failed, install {' '.join(missing)} yourself:\n{answer.stderr[-1000:]}")
