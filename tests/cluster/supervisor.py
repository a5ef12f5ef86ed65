"""The first process of a cluster, and of every node: it starts programs on request, and reaps what they leave.

Run as `python -m cluster.supervisor SOCKET` inside new namespaces. When it dies the kernel ends everything that it has started, and
the mounts and links of its namespaces go with them. Requests come by a Unix socket, one JSON object a connection.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

from cluster.errors import ClusterError

#: A request that answers later than this is lost.
ANSWER_SECONDS = 600.0
IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Processes:
    """The named programs and the runs of this namespace, and how they ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._named: dict[str, int] = {}
        self._ended: dict[int, int] = {}
        self._ours: set[int] = set()

    def spawn(self, argv: list[str], env: dict[str, str], log: str, *, append: bool = True) -> int:
        """Start a program in a session of its own, with nothing to read and its output in a file."""
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        with self._changed:  # the reaper must not see the end of a process before it is known here
            pid = os.posix_spawnp(argv[0], argv, {**os.environ, **env}, file_actions=actions, setsid=True, setsigdef=IGNORED)
            self._ended.pop(pid, None)  # pids come round again
            self._ours.add(pid)
        return pid

    def start(self, name: str, argv: list[str], env: dict[str, str], log: str) -> int:
        """Start a program that stays, under a name that can be stopped and asked after."""
        if self.status().get(name, {"ended": 0})["ended"] is None:
            raise ValueError(f"{name} is already running")
        pid = self.spawn(argv, env, log)
        with self._changed:
            self._named[name] = pid
        return pid

    def run(self, argv: list[str], env: dict[str, str], log: str, seconds: float) -> int:
        """Run a program to its end."""
        pid = self.spawn(argv, env, log, append=False)
        with self._changed:
            if not self._changed.wait_for(lambda: pid in self._ended, seconds):
                os.kill(pid, signal.SIGKILL)
                raise TimeoutError(f"{argv[0]} did not end within {seconds:.0f} s")
            return self._ended.pop(pid)

    def stop(self, name: str, number: int, seconds: float) -> None:
        """Send a signal to a named program, wait for its end, and forget it: that it is gone is no surprise."""
        with self._changed:
            pid = self._named.pop(name, None)
            if pid is None or pid in self._ended:
                return
            os.kill(pid, number)
            if not self._changed.wait_for(lambda: pid in self._ended, seconds):
                os.kill(pid, signal.SIGKILL)
                self._changed.wait_for(lambda: pid in self._ended, 5.0)

    def status(self) -> dict[str, dict[str, int | None]]:
        """The pid of each named program, and its exit code once it has ended."""
        with self._changed:
            return {name: {"pid": pid, "ended": self._ended.get(pid)} for name, pid in self._named.items()}

    def reap_forever(self) -> None:
        """Wait for children, ours and those that were left to us."""
        while True:
            try:
                # WNOWAIT: the process stays a zombie, and its pid taken, until it is recorded under the lock.
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                time.sleep(0.05)
                continue
            if ended is None:
                continue
            with self._changed:
                _, status = os.waitpid(ended.si_pid, 0)
                if ended.si_pid in self._ours:
                    self._ended[ended.si_pid] = os.waitstatus_to_exitcode(status)
                    self._ours.discard(ended.si_pid)
                self._changed.notify_all()


def _answer(processes: Processes, request: dict[str, Any]) -> Any:
    match request.pop("op"):
        case "start":
            return processes.start(**request)
        case "run":
            return processes.run(**request)
        case "stop":
            return processes.stop(**request)
        case "status":
            return processes.status()
        case other:
            raise ValueError(f"unknown request {other}")


def _serve(processes: Processes, connection: socket.socket) -> None:
    with connection, connection.makefile("rw") as stream:
        try:
            reply = {"ok": _answer(processes, json.loads(stream.readline()))}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        with contextlib.suppress(OSError):
            stream.write(json.dumps(reply) + "\n")
            stream.flush()


def _accept_forever(processes: Processes, server: socket.socket) -> None:
    while True:
        connection, _ = server.accept()
        threading.Thread(target=_serve, args=(processes, connection), daemon=True).start()


class Supervisor:
    """The other end of the socket: asks a supervisor, from any process that sees its socket."""

    def __init__(self, path: Path, logs: Path) -> None:
        self.path = path
        self.logs = logs

    def _ask(self, **request: object) -> Any:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.connect(str(self.path))
            with connection.makefile("rw") as stream:
                stream.write(json.dumps(request) + "\n")
                stream.flush()
                line = stream.readline()
        if not line:
            raise ConnectionResetError(f"the supervisor at {self.path} ended")
        reply = json.loads(line)
        if "error" in reply:
            raise ClusterError(f"{request.get('argv') or request.get('name')}: {reply['error']}")
        return reply["ok"]

    def log(self, name: str) -> Path:
        """Where the output of this program goes."""
        return self.logs / f"{name}.log"

    def start(self, name: str, *argv: str | Path, env: dict[str, str] | None = None) -> int:
        """Start a program that stays. The pid is that of its own namespace."""
        pid: int = self._ask(op="start", name=name, argv=[str(a) for a in argv], env=env or {}, log=str(self.log(name)))
        return pid

    def run(self, *argv: str | Path, name: str | None = None, env: dict[str, str] | None = None, seconds: float = 60.0) -> str:
        """Run a program to its end, and return what it printed. Anything but success is an error with that output."""
        log = self.log(name or f"run-{threading.get_native_id()}-{time.monotonic_ns()}")
        code = self._ask(op="run", argv=[str(a) for a in argv], env=env or {}, log=str(log), seconds=seconds)
        output = log.read_text(errors="replace")
        if name is None:
            log.unlink()
        if code != 0:
            raise ClusterError(f"{' '.join(str(a) for a in argv)[:300]} ended with {code}:\n{output[-2000:]}")
        return output

    def script(self, text: str) -> str:
        """Run a few shell lines; the first that fails is the error."""
        return self.run("sh", "-ec", text)

    def stop(self, name: str, number: int = signal.SIGTERM, seconds: float = 5.0) -> None:
        """Signal a named program and wait for its end; SIGKILL when that takes too long."""
        self._ask(op="stop", name=name, number=int(number), seconds=seconds)

    def status(self) -> dict[str, dict[str, int | None]]:
        """The pid and, once ended, the exit code of each named program."""
        answer: dict[str, dict[str, int | None]] = self._ask(op="status")
        return answer

    def check(self) -> None:
        """Raise when a program that should stay has ended, with the end of its log."""
        from cluster.waiting import tail  # here, because the process inside the namespaces needs none of it

        for name, state in self.status().items():
            if state["ended"] is not None:
                raise ClusterError(f"{name} has ended with {state['ended']}\n{tail(self.log(name))}")


def main() -> None:
    """Serve until killed."""
    path = Path(sys.argv[1])
    # The terminal's Ctrl-C is for the tool: it decides when the cluster ends.
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    processes = Processes()
    partial = path.with_suffix(".new")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(partial))
    server.listen(16)
    partial.rename(path)  # who sees the socket can connect
    threading.Thread(target=_accept_forever, args=(processes, server), daemon=True).start()
    processes.reap_forever()


if __name__ == "__main__":
    main()
