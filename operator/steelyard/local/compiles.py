"""The compiles of a trial here: the containers of each compile's Job as processes, one after the other, one compile at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steelyard.control.gather.compile_job import end_of
from steelyard.core.compiling.attempt import Built
from steelyard.core.compiling.site import CompileSite
from steelyard.core.facts.accuracy import Accuracy
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Artifact, ArtifactState, Settings
from steelyard.core.placing.intent import CompileIntent
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.local.page import free_ports, progress
from steelyard.local.process import Ground, Process, variables
from steelyard.local.toolchains import INSTALL, Installed
from steelyard.render.compile_job import CompileJobIntent, compile_job
from steelyard.render.compiled_model import compiled_model
from steelyard.render.manifest import Manifest

ARTIFACTS = "artifacts"
"""The folder of the store: what is a namespace's part of it in a cluster."""
WORK = "STEELYARD_WORK"
LONGEST = 1000


class Compiles:
    """One for each compile key, in order. Look at it now and then: it goes on by that."""

    def __init__(
        self,
        intents: Sequence[CompileIntent],
        workload: WorkloadKey,
        settings: Settings,
        installed: Mapping[str, Installed],
        ground: Ground,
    ) -> None:
        self._jobs = {each.inputs.key: _job(each, workload, settings) for each in intents}
        self._waiting = list(self._jobs)
        self._installed = {each.inputs.key: installed[each.inputs.backend] for each in intents}
        self._ground = ground
        self._running: tuple[str, list[Manifest], Process, int] | None = None
        self.artifacts: dict[str, Artifact] = {
            key: Artifact(state=ArtifactState.COMPILING, waits=Refusal(Reason.COMPILING, "it waits for its turn")) for key in self._jobs
        }
        self.seconds: dict[str, int] = {}
        self.accuracies: dict[str, Accuracy] = {}

    @property
    def processes(self) -> list[Process]:
        """Those that run."""
        return [] if self._running is None else [self._running[2]]

    def go_on(self) -> None:
        """Begin what has its turn, and take what has ended."""
        if self._running is None:
            self._next()
            return
        key, rest, process, port = self._running
        if process.code is None:
            self._tell(key, port)
        elif process.code != 0:
            self._failed(key, process)
        elif rest:
            self._start(key, rest)
        else:
            self._done(key, process)

    def _next(self) -> None:
        if not self._waiting:
            return
        key = self._waiting.pop(0)
        why = self._installed[key].refusal
        if why is not None:
            self.artifacts[key] = Artifact(state=ArtifactState.FAILED, message=why)
            return
        (self._ground.folder / f"work-{key}" / "fetched").mkdir(parents=True)
        (self._ground.folder / f"work-{key}" / "made").mkdir()
        pod = self._jobs[key]["spec"]["template"]["spec"]
        self._start(key, [*pod["initContainers"], *pod["containers"]])

    def _start(self, key: str, steps: list[Manifest]) -> None:
        first, *rest = steps
        (port,) = free_ports(1)
        environment = {"HF_HUB_OFFLINE": "1", **variables(first), WORK: str(self._ground.folder / f"work-{key}")}
        words = [*first["args"], "--progress-host=127.0.0.1", f"--progress-port={port}"]
        self._running = key, rest, Process(f"{key}-{first['name']}", words, environment, self._ground), port

    def _tell(self, key: str, port: int) -> None:
        told = progress(port)
        if not told:
            return
        # Whole tens of percent, as in a status: each other word is a line for who follows.
        said = f"{told.get('phase')}, {int(told.get('percent') or 0) // 10 * 10} %"
        self.artifacts[key] = Artifact(state=ArtifactState.COMPILING, waits=Refusal(Reason.COMPILING, said))

    def _failed(self, key: str, process: Process) -> None:
        lacks = ", ".join(self._installed[key].missing)
        more = f" (not installed here: {lacks}; {INSTALL})" if lacks else ""
        self.artifacts[key] = Artifact(state=ArtifactState.FAILED, message=f"{process.why}{more}"[:LONGEST])
        self._running = None

    def _done(self, key: str, process: Process) -> None:
        """By the last word of the last step, as a pod's status has it."""
        ended = {"state": {"terminated": {"exitCode": process.code, "message": process.word}}}
        built = end_of({}, {"metadata": {}, "status": {"containerStatuses": [ended]}})
        if not isinstance(built, Built):
            self._failed(key, process)
            return
        self.artifacts[key] = Artifact(
            state=ArtifactState.READY,
            uri=built.uri,
            digest=built.digest,
            size_bytes=built.size_bytes,
            memory=built.memory,
            accuracy=built.accuracy,
        )
        if not built.cached:
            self.seconds[key] = round(built.seconds)
        if built.accuracy is not None:
            self.accuracies[key] = built.accuracy
        self._running = None


def _job(intent: CompileIntent, workload: WorkloadKey, settings: Settings) -> Manifest:
    made = compiled_model(workload, workload.name, intent)
    return compile_job(
        CompileJobIntent(
            namespace=workload.namespace,
            namespace_uid=ARTIFACTS,
            compiled_name=made["metadata"]["name"],
            compiled_uid=intent.inputs.key,
            spec=made["spec"],
            image=intent.toolchain.compile_image,
            attempt=1,
            site=CompileSite(node_selector={}, resources=Resources(cpu=1.0, memory_gib=1.0)),
        ),
        settings,
    )
