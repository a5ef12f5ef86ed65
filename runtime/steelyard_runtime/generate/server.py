"""The life of a pod that generates text: fetch, verify, start vLLM, hold it against the reference, watch it, drain it, tell the final counts.

Requests go to vLLM directly; this process never sees one. It answers probes, and puts together what /metrics shows.
"""

import asyncio
import logging
import os
import secrets
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from steelyard_runtime.artifacts.cache import cache_from_environment
from steelyard_runtime.artifacts.fetch import fetch_artifact
from steelyard_runtime.artifacts.manifest import Cosine, Logprob, Manifest
from steelyard_runtime.artifacts.own_folder import own_folder
from steelyard_runtime.artifacts.signature import trust_from_environment
from steelyard_runtime.compile.memory import limit
from steelyard_runtime.compile.toolchain import installed
from steelyard_runtime.failure import Reason, infrastructure_failure, user_failure
from steelyard_runtime.generate.child import Child
from steelyard_runtime.generate.comparison import broken, difference, load
from steelyard_runtime.generate.exposition import Exposition
from steelyard_runtime.generate.ground import Ground, judged_by
from steelyard_runtime.generate.launch import Made, launch, require_compiled
from steelyard_runtime.generate.spec import BACKEND, TextSpec
from steelyard_runtime.generate.task import task_of
from steelyard_runtime.serve.observe import ObserveServer
from steelyard_runtime.serve.outcome import Outcome
from steelyard_runtime.serve.state import Stage, State
from steelyard_runtime.termination import write_termination_message

LOG = logging.getLogger("steelyard.serve")
LOOK_EVERY = 5.0


class TextServer:
    """One artifact, one vLLM."""

    def __init__(self, spec: TextSpec, environment: Mapping[str, str], host: str, port: int, observe_port: int) -> None:
        self._spec = spec
        self._environment = environment
        self._host, self._port = host, port
        self._state = State()
        self._token = secrets.token_hex(16)
        self._exposition = Exposition(port, self._token)
        self._observe = ObserveServer(host, observe_port, self._exposition, self._state)

    async def run(self) -> int:
        """Return the exit code; raises `Failure` where vLLM ends by itself, or cannot start."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self._observe.start()
        beating = asyncio.create_task(self._beat())
        stopped = asyncio.create_task(stop.wait())
        fetching = asyncio.create_task(asyncio.to_thread(self._fetch))
        await asyncio.wait((stopped, fetching), return_when=asyncio.FIRST_COMPLETED)
        if not fetching.done():
            LOG.info("told to stop before being ready")
            logging.shutdown()
            os._exit(0)  # a download in a thread cannot be asked to stop, and nobody has been served yet
        folder, manifest = fetching.result()
        await self._serve(folder, manifest, stopped)
        beating.cancel()
        self._observe.stop()
        return 0

    async def _serve(self, folder: Path, manifest: Manifest, stopped: "asyncio.Task[bool]") -> None:
        """Until it is told to stop, and has drained if it was ready; raises `Failure` where vLLM ends by itself."""
        made = made_of(manifest)
        place = Ground.made(folder).place(self._port, self._host, self._spec.threads, limit())
        spec = self._spec
        environment = {
            **self._environment,
            **judged_by(spec.latency, limit=spec.limit, max_age=spec.max_age, token=self._token, task=spec.task),
        }
        self._state.reason = "the artifact is here and vLLM is starting"
        async with Child(launch(made, place, spec.model, spec.words), environment, self._port, self._token) as child:
            ended = asyncio.create_task(child.ended())
            ready = asyncio.create_task(self._become_ready(child, folder, manifest))
            await asyncio.wait((stopped, ended, ready), return_when=asyncio.FIRST_COMPLETED)
            if stopped.done() and not ready.done():
                ready.cancel()
                return
            if ready.done():
                ready.result()
                self._exposition.child = child
                watching = asyncio.create_task(self._watch(child))
                await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
                watching.cancel()
            if ended.done():
                raise child.failure(ended.result())
            final = await self._drain(child, ended)
            if final is not None:
                # Before vLLM is stopped: that may take until the kubelet's patience ends.
                write_termination_message({"final": final}, self._environment)
            await child.stop(5.0)

    def _fetch(self) -> tuple[Path, Manifest]:
        spec = self._spec
        folder = own_folder() / "artifact"
        LOG.info("fetching and verifying %s", spec.artifact_uri)
        trust, cache = trust_from_environment(self._environment), cache_from_environment(self._environment)
        manifest = fetch_artifact(spec.artifact_uri, spec.artifact_digest, folder, cache, self._arrived, trust)
        require_match(manifest, folder, spec.task)
        return folder, manifest

    def _arrived(self, here: int, in_all: int) -> None:
        self._state.reason = f"the artifact is being fetched: {here >> 20} of {in_all >> 20} MiB are here"

    async def _become_ready(self, child: Child, folder: Path, manifest: Manifest) -> None:
        await child.ready()
        assert isinstance(manifest.accuracy, Cosine | Logprob)
        task = task_of(manifest.task)
        samples = load(folder, task)
        self._state.reason = "vLLM answers, and is held against the reference"
        value = await difference(child, self._served_name(), task, samples)
        why = broken(manifest.accuracy, value, samples)
        if why is not None:
            raise infrastructure_failure(
                Reason.ACCURACY_TOO_LOW, f"golden samples: {why}; this machine computes something else, do not use it"
            )
        self._state.enter(Stage.READY, "serving")
        LOG.info("ready: golden samples passed with %.5f, where %s is the limit", value, manifest.accuracy.tolerance)

    def _served_name(self) -> str:
        named = [word.partition("=")[2] for word in self._spec.words if word.startswith("--served-model-name=")]
        return named[0] if named else self._spec.model

    async def _watch(self, child: Child) -> None:
        """As long as vLLM says that it is well, this process is."""
        while True:
            if await child.healthy(LOOK_EVERY):
                self._state.beat = time.monotonic()
            await asyncio.sleep(LOOK_EVERY)

    async def _beat(self) -> None:
        """Until vLLM answers nobody can say whether it is well: starting takes as long as the startup probe allows."""
        while not self._state.ready:
            self._state.beat = time.monotonic()
            await asyncio.sleep(0.5)

    async def _drain(self, child: Child, ended: "asyncio.Task[int]") -> Mapping[str, object] | None:
        """Lose nothing: not ready, go on while the news spreads, let connections end by their answers.

        Return the final counts, None where vLLM never told any; raises `Failure` where it ends meanwhile: then they are not whole.
        """
        spec = self._spec
        self._state.enter(Stage.DRAINING, "draining: told to stop")
        LOG.info("draining: accepting for %.1f s more", spec.drain_delay)
        final: dict[str, Any] | None = None
        unjudged = 0
        deadline = time.monotonic() + spec.drain_delay + spec.drain_timeout
        quiet_from = time.monotonic() + spec.drain_delay
        while True:
            try:
                said = await child.own("drain")
            except (aiohttp.ClientError, TimeoutError):
                LOG.warning("vLLM does not answer while draining")
            else:
                final, unjudged = said["final"], said["unjudged"]
                if said["running"] == 0 and time.monotonic() >= quiet_from:
                    return final
            await asyncio.wait((ended,), timeout=0.2)
            if ended.done():
                raise child.failure(ended.result())
            if time.monotonic() >= deadline:
                break
        LOG.warning("draining: what still runs is cut off after %.1f s: %d requests", spec.drain_timeout, unjudged)
        if final is not None:
            final["requests"][Outcome.ERROR] += unjudged
        return final


def made_of(manifest: Manifest) -> Made:
    """What it tells vLLM."""
    return Made(manifest.target, manifest.dtype, manifest.tensor_parallel, manifest.flags, manifest.task)


def require_match(manifest: Manifest, folder: Path, task: str) -> None:
    """Refuse an artifact that is not for vLLM or this task, or that another vLLM prepared."""
    for what, wanted, found in (("backend", BACKEND, manifest.backend), ("task", task, manifest.task)):
        if wanted != found:
            raise user_failure(Reason.UNSUPPORTED_OPTION, f"the artifact's {what} is {found}, not {wanted}; use the artifact's")
    for package, version in manifest.toolchain:
        if package.startswith("vllm") and installed(package) != version:
            raise user_failure(
                Reason.TOOLCHAIN_MISMATCH,
                f"the artifact was made with {package} {version}, {installed(package) or 'none'} is installed in this image; use the image of that toolchain",
            )
    require_compiled(made_of(manifest), folder / "neuron-compiled")
