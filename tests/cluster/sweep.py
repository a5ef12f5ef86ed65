"""Removes what a cluster that is no longer alive has left on this machine."""

from __future__ import annotations

import os
import shutil

from cluster import cgroups, identity, network
from cluster.identity import Identity


def sweep(dead: Identity) -> None:
    """Remove link, routes, cgroup folders and files. The processes and mounts have ended with the cluster's first process."""
    network.disconnect_host(dead)
    cgroups.remove(dead.cgroup)
    shutil.rmtree(dead.folder, ignore_errors=True)


def sweep_all_dead() -> None:
    """Sweep every cluster whose watcher was killed before it could."""
    for known in identity.all_known():
        if not known.folder.exists():
            continue
        # Held while it is swept: nobody may start a cluster of this number meanwhile.
        if (lock := identity.try_lock(known)) is not None:
            sweep(known)
            os.close(lock)
