"""The cgroup folders of a cluster: one in each hierarchy (v1 and hybrid), or one (v2)."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from cluster.errors import ClusterError

ROOT = Path("/sys/fs/cgroup")


def is_unified() -> bool:
    """Whether this machine mounts cgroup v2 only."""
    return (ROOT / "cgroup.controllers").exists()


def hierarchies() -> list[Path]:
    """The root folder of each hierarchy that is mounted."""
    if is_unified():
        return [ROOT]
    return [
        folder for folder in sorted(ROOT.iterdir()) if folder.is_dir() and not folder.is_symlink() and (folder / "cgroup.procs").exists()
    ]


def create(path: str) -> None:
    """Create the folder, and those above it, so that a kubelet can use it as its root."""
    for hierarchy in hierarchies():
        if hierarchy.name == "unified":
            continue  # the hybrid layout: no controller lives there
        folder = hierarchy
        for part in path.split("/"):
            above, folder = folder, folder / part
            folder.mkdir(exist_ok=True)
            if hierarchy.name == "cpuset":  # v1: a new folder has no processors, and nothing can be put in it until it has
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (folder / name).write_text((above / name).read_text())
            if is_unified():  # a controller is there only where the folder above hands it down
                controllers = (above / "cgroup.controllers").read_text().split()
                (above / "cgroup.subtree_control").write_text(" ".join(f"+{controller}" for controller in controllers))


def weigh(path: str, times: int) -> None:
    """Give what is in the folder so many times the processor time of one process beside it, where there is not enough for all."""
    for hierarchy in hierarchies():
        for name, usual in (("cpu.shares", 1024), ("cpu.weight", 100)):
            if (file := hierarchy / path / name).exists():
                file.write_text(str(times * usual))


def remove(path: str, seconds: float = 10.0) -> None:
    """Remove the folder in every hierarchy. The kernel lets a folder go shortly after its last process has ended."""
    deadline = time.monotonic() + seconds
    folders = [hierarchy / path for hierarchy in hierarchies()]
    while True:
        for top in filter(Path.exists, folders):
            for folder in sorted((p for p in top.rglob("*") if p.is_dir()), key=lambda p: len(p.parts), reverse=True):
                with contextlib.suppress(OSError):
                    folder.rmdir()
            with contextlib.suppress(OSError):
                top.rmdir()
        left = [str(folder) for folder in folders if folder.exists()]
        if not left:
            return
        if time.monotonic() > deadline:
            raise ClusterError(f"cgroup folders stay behind, some process is still in them: {', '.join(left)}")
        time.sleep(0.05)
