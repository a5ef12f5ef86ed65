"""One variant's replica: the containers of its Job as processes, and the Job and its pod as a cluster would tell of them, for the same readers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from steelyard.control.gather.trial_facts import replica_of
from steelyard.control.gather.trial_progress import with_word
from steelyard.core.facts.probe import ProbeState
from steelyard.core.facts.trial import TrialReplica
from steelyard.local.page import free_ports, get, progress
from steelyard.local.process import Ground, Process, changed, variables
from steelyard.render.manifest import Manifest
from steelyard.render.probe_job import PROBE_SPEC
from steelyard.status.scalar import time_text

LATE = 10
"""Seconds beyond its own time after which a generator is ended."""
LONGEST = 400


class Replica:
    """`job`: as rendered. `seconds`: for all of it, from its making. `turns`: the socket at which its generator asks for its turn."""

    def __init__(self, job: Manifest, grounds: tuple[Ground, Ground], turns: str, seconds: float, now: datetime) -> None:
        pod = job["spec"]["template"]["spec"]
        self._name, self._made, self._seconds = job["metadata"]["name"], now, seconds
        self._job = {**job, "metadata": {**job["metadata"], "creationTimestamp": time_text(now)}}
        serves, self._sends = grounds
        self._port, self._observed, self._told = free_ports(3)
        self.address = f"http://127.0.0.1:{self._told}"
        """Where its generator is told to begin."""
        self._progress: Mapping[str, Any] = {}
        self._generator: Process | None = None
        self._begun: datetime | None = None
        self._last: TrialReplica | None = None
        self._asks = self._environment(variables(pod["containers"][0]), turns)
        self._server = Process(
            f"{self._name}-server",
            ["serve", "--host=127.0.0.1", f"--port={self._port}", f"--observe-port={self._observed}"],
            {**variables(pod["initContainers"][0]), "STEELYARD_CACHE_DIR": str(serves.folder / "cache")},
            serves,
        )

    def _environment(self, rendered: Mapping[str, str], turns: str) -> dict[str, str]:
        """The generator's: with the ports of this machine, and all the time in which it may wait for others."""
        begin = json.loads(rendered[PROBE_SPEC])["begin"]
        server = {"url": f"http://127.0.0.1:{self._port}", "ready": f"http://127.0.0.1:{self._observed}/readyz"}
        return changed(
            rendered, PROBE_SPEC, server=server, begin={**begin, "port": self._told, "host": "127.0.0.1"}, seconds=self._seconds, turn=turns
        )

    @property
    def processes(self) -> list[Process]:
        """Those that run."""
        return [each for each in (self._server, self._generator) if each is not None and each.code is None]

    def go_on(self, now: datetime) -> None:
        """Start the generator once the server is ready, as a kubelet does."""
        if self._generator is None and self._last is None and self._ready():
            self._begun = now
            self._generator = Process(f"{self._name}-generator", ["probe"], self._asks, self._sends)

    def told(self, now: datetime) -> TrialReplica:
        """As a Job's. What has ended is told as it was found."""
        if self._last is not None:
            return self._last
        found = self._found(now)
        if found.probe.state in {ProbeState.DONE, ProbeState.FAILED}:
            self._last = found
            self.end()
        return found

    def begin(self, moment: datetime) -> None:
        """Tell the generator when."""
        get(self._told, f"/progress?begin={moment.timestamp():.3f}")

    def end_early(self) -> None:
        """Tell the generator that all is answered."""
        get(self._told, "/progress?enough")

    def end(self) -> None:
        """All that runs of it."""
        for each in self.processes:
            each.end()

    def _found(self, now: datetime) -> TrialReplica:
        state = self._state(now)
        found = replica_of(self._job, {"status": {"containerStatuses": [{"state": state}], "podIP": "127.0.0.1"}}, {}, now)
        assert found is not None
        found = with_word(replace(found, address=self.address), self._progress) if self._listens() else replace(found, address=None)
        if "terminated" in state:
            return found
        if self._server.code is not None:
            return self._failed(found, f"its server ended: {self._server.why}", now)
        if now - self._made > timedelta(seconds=self._seconds + LATE):
            return self._failed(found, f"it did not end within {self._seconds:.0f} s", now)
        if self._generator is not None:
            return found
        answer = get(self._observed, "/readyz")
        said = "its server starts" if answer is None or answer[0] == 200 else answer[1]
        return replace(found, probe=replace(found.probe, message=said[:LONGEST]))

    def _failed(self, found: TrialReplica, why: str, now: datetime) -> TrialReplica:
        probe = replace(found.probe, state=ProbeState.FAILED, message=why[:LONGEST])
        return replace(found, probe=probe, ended=now, address=None)

    def _state(self, now: datetime) -> dict[str, Any]:
        """Of the container that sends."""
        if self._generator is None or self._begun is None:
            return {"waiting": {}}
        begun = time_text(self._begun)
        if self._generator.code is None:
            return {"running": {"startedAt": begun}}
        ended = {"startedAt": begun, "finishedAt": time_text(now), "exitCode": self._generator.code, "message": self._generator.word}
        return {"terminated": ended if ended["message"] else {**ended, "reason": self._generator.why}}

    def _ready(self) -> bool:
        answer = get(self._observed, "/readyz")
        return answer is not None and answer[0] == 200

    def _listens(self) -> bool:
        """Whether its generator waits for nothing but to begin, or has begun."""
        if self._generator is None or self._generator.code is not None:
            return False
        self._progress = progress(self._told)
        return bool(self._progress.get("ready"))
