"""The process that a cluster lives and dies with.

Run as `python -m cluster.watcher NUMBER OWNER_PID LOCK_DESCRIPTOR`, in a session of its own. It makes the cluster's namespaces, and
when its owner ends in whatever way, or it is told to end (SIGTERM), it takes everything down. SIGUSR1 detaches it from its owner.
Should the watcher itself be killed, the kernel ends the cluster's processes, and the next start sweeps the rest.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from cluster import cgroups, network
from cluster.identity import Identity
from cluster.supervisor import Supervisor
from cluster.sweep import sweep, sweep_all_dead
from cluster.waiting import wait_until
from patience import PATIENCE

#: Each namespace ends with its first process, and that one with `unshare`, and that one with the watcher.
IN_NEW_NAMESPACES = ("unshare", "--pid", "--mount", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc")

#: Processes of the machine (or sessions, where the kernel groups processes by them) that all pods of a cluster together weigh as much as. As one
#: alone they would get what tests beside them leave.
PODS = 4
#: Programs in Go look for garbage when their memory has grown fivefold, and not at its double: there is memory, and processors are short.
LESS_OFTEN = {"GOGC": "400"}


def supervisor_command(socket: Path) -> tuple[str, ...]:
    """The command line of a supervisor. It needs the standard library only: -S spares it the start of the rest."""
    return (sys.executable, "-S", "-m", "cluster.supervisor", str(socket))


class Watcher:
    """Makes the namespaces of one cluster, waits for the reason to end, and cleans up."""

    def __init__(self, identity: Identity, owner: int) -> None:
        self.identity = identity
        self.owner: int | None = owner
        self.unshare: subprocess.Popen[bytes] | None = None
        self.first: int | None = None
        """The pid descriptor of the cluster's first process."""
        self.told_to_end = False
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGUSR1, self._detach)

    def _end(self, *_: object) -> None:
        self.told_to_end = True

    def _detach(self, *_: object) -> None:
        self.owner = None

    def start(self) -> None:
        """Namespaces, bridge and link; the file `ready` says that they are there, and by its pid that this watcher made them."""
        identity = self.identity
        socket = identity.folder / "supervisor.sock"
        command = ("setpriv", "--pdeathsig", "KILL", IN_NEW_NAMESPACES[0], "--net", *IN_NEW_NAMESPACES[1:], *supervisor_command(socket))
        environment = {**LESS_OFTEN, **os.environ}
        self.unshare = unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
        wait_until("the cluster's first process", socket.exists, seconds=PATIENCE, every=0.01)
        pid = int(Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()[0])
        self.first = os.pidfd_open(pid)
        network.connect_host(identity, pid)
        supervisor = Supervisor(socket, identity.logs)
        # A /run of its own: network namespaces, sockets and locks that programs put there must not reach this machine's.
        supervisor.script(f"mount -t tmpfs -o mode=755 run /run; hostname steelyard-{identity.number}")
        network.build_bridge(identity, supervisor)
        network.route_host(identity)
        (identity.folder / "ready").write_text(str(os.getpid()))

    def wait(self) -> str:
        """Wait for a reason to end, and say it."""
        assert self.unshare is not None
        owner = os.pidfd_open(self.owner) if self.owner is not None else -1
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        poll = select.poll()
        for descriptor in (wake_read, owner, self.first):
            if descriptor is not None and descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        while True:
            if self.told_to_end:
                return "told to end"
            ready = {descriptor for descriptor, _ in poll.poll()}
            if wake_read in ready:
                os.read(wake_read, 64)
            if self.first in ready:
                return "the first process has ended"
            if owner in ready:
                if self.owner is not None:
                    return "the owner has ended"
                poll.unregister(owner)

    def end(self) -> None:
        """Kill the first process, wait until the kernel has ended all others, and sweep."""
        if self.first is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.first, signal.SIGKILL)
            # Readable when the process has ended, and the first process of a pid namespace ends last.
            select.select([self.first], [], [], 20)
        if self.unshare is not None:
            self.unshare.kill()
            self.unshare.wait()
        sweep(self.identity)


def main() -> None:
    """Watch one cluster until it ends."""
    identity, owner = Identity(int(sys.argv[1])), int(sys.argv[2])  # the lock's descriptor only has to stay open
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    watcher = Watcher(identity, owner)
    sweep_all_dead()
    sweep(identity)
    identity.folder.mkdir(mode=0o755)
    shutil.rmtree(identity.logs, ignore_errors=True)
    identity.logs.mkdir(parents=True)
    (identity.folder / "watcher.pid").write_text(str(os.getpid()))
    try:
        if os.getppid() == owner:  # else the owner has ended already
            cgroups.create(identity.cgroup)
            cgroups.weigh(identity.cgroup, PODS)
            watcher.start()
            print(watcher.wait(), flush=True)
    except Exception:
        traceback.print_exc()
    watcher.end()


if __name__ == "__main__":
    main()
