"""The programs that come from the machine's distribution, and how they get here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import partial

from cluster.errors import ClusterError
from cluster.piece import Kind, Piece
from cluster.progress import step

#: What needs what: the purpose, the program that must be found, and the Debian package that brings it.
NEEDED = {
    "control plane": {"ip": "iproute2", "unshare": "util-linux", "setpriv": "util-linux", "openssl": "openssl"},
    "nodes": {"runc": "runc", "nft": "nftables", "nsenter": "util-linux", "/usr/lib/cni/bridge": "containernetworking-plugins"},
    "network policies": {"iptables": "iptables", "ipset": "ipset"},
    "images": {"buildah": "buildah", "mmdebstrap": "mmdebstrap"},
    "browser": {"chromium": "chromium"},
}
#: What does as well, under another name.
INSTEAD = {"chromium": ("chromium-browser", "google-chrome-stable", "google-chrome")}
#: Debian keeps some programs where a person's PATH does not look.
SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


def find(program: str) -> str | None:
    """The path of a program, also in the folders of the administrator."""
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), SYSTEM_FOLDERS]))


def found(program: str) -> str | None:
    """That of it, or of what does as well."""
    return next(filter(None, map(find, (program, *INSTEAD.get(program, ())))), None)


def missing(purpose: str) -> list[str]:
    """The Debian packages that bring what is not found here."""
    return sorted({package for program, package in NEEDED[purpose].items() if found(program) is None})


def piece(purpose: str) -> str:
    """What installing them is called in a plan."""
    return f"packages for the {purpose}"


def pieces(purpose: str) -> list[Piece]:
    """What has to be installed for this purpose."""
    lacking = missing(purpose)
    return [Piece(piece(purpose), Kind.DOWNLOAD, 10, partial(_install, lacking))] if lacking else []


def _install(packages: Sequence[str]) -> None:
    # Never broken off: dpkg would have to be mended by hand.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {' '.join(packages)} with apt-get"):
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]):
            answer = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if answer.returncode != 0:
                raise ClusterError(f"{' '.join(command)} failed, install {' '.join(packages)} yourself:\n{answer.stderr[-1000:]}")
