"""The server's life: start, become ready, serve, drain, tell the final counts."""

import asyncio
import gc
import logging
import os
import random
import signal
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from steelyard_runtime.failure import Failure, FailureClass, Reason, infrastructure_failure
from steelyard_runtime.generate.server import TextServer
from steelyard_runtime.generate.spec import is_text, text_spec
from steelyard_runtime.listening import listening
from steelyard_runtime.logs import LogTail
from steelyard_runtime.serve.api import Api
from steelyard_runtime.serve.connections import Connections
from steelyard_runtime.serve.energy import EnergyCollector, device_meters, processor_meters
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.model import load_model
from steelyard_runtime.serve.observe import ObserveServer
from steelyard_runtime.serve.spec import ServeSpec, serve_spec
from steelyard_runtime.serve.state import Stage, State
from steelyard_runtime.termination import write_termination_message

LOG = logging.getLogger("steelyard.serve")
LONGEST_GRACE = 5.0
"""Seconds that an idle kept-alive connection stays open after accepting stopped; half of the drain's time if that is less."""

EXIT_FAILED = 1
EXIT_SPEC = 2
EXIT_CORRUPT = 3


def run_server(environment: Mapping[str, str], *, host: str, port: int, observe_port: int) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code: 0, 1 (could not start), 2 (specification), 3 (artifact refused)."""
    tail = LogTail()
    logging.getLogger().addHandler(tail)
    try:
        if is_text(environment):
            return asyncio.run(TextServer(text_spec(environment), environment, host, port, observe_port).run())
        spec = serve_spec(environment)
        return asyncio.run(Server(spec, environment, host, port, observe_port).run())
    except Exception as error:  # the last word of a pod is worth more than a traceback
        failure = error if isinstance(error, Failure) else infrastructure_failure(Reason.UNEXPECTED, f"{type(error).__name__}: {error}")
        LOG.error("%s: %s", failure.reason, failure.message, exc_info=None if isinstance(error, Failure) else error)
        write_termination_message(
            {
                "result": "Failed",
                "class": str(failure.kind),
                "reason": str(failure.reason),
                "message": failure.message,
                "logTail": tail.text(),
            },
            environment,
        )
        if failure.reason in {Reason.ARTIFACT_CORRUPT, Reason.SIGNATURE_REFUSED}:
            return EXIT_CORRUPT
        return EXIT_SPEC if failure.kind is FailureClass.USER and failure.reason is Reason.INVALID_SPEC else EXIT_FAILED


class Server:
    """One process that serves one artifact."""

    def __init__(self, spec: ServeSpec, environment: Mapping[str, str], host: str, port: int, observe_port: int) -> None:
        self._spec = spec
        self._environment = environment
        self._host = host
        self._port = port
        self._state = State()
        self._metrics = Metrics(spec.objectives)
        self._metrics.registry.register(EnergyCollector(device_meters(), processor_meters()))
        self._connections = Connections(spec.max_age, random.Random())
        self._observe = ObserveServer(host, observe_port, self._metrics, self._state)
        self._api = Api(spec, environment.get("POD_NAME", ""), self._metrics, self._state, self._connections, _version())

    async def run(self) -> int:
        """Start, serve, drain."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self._observe.start()
        beating = asyncio.create_task(self._beat())
        runner = self._api.runner()
        await runner.setup()
        site = web.SockSite(runner, listening(self._host, self._port), backlog=1024)
        await site.start()
        stopped = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self._become_ready())
        await asyncio.wait((stopped, starting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            # Loading is C++ in a thread: it cannot be asked to stop, and nobody has been served yet.
            LOG.info("told to stop before being ready")
            write_termination_message(self._metrics.final(), self._environment)
            logging.shutdown()
            os._exit(0)
        starting.result()
        await stopped
        await self._drain(runner, site)
        beating.cancel()
        write_termination_message(self._metrics.final(), self._environment)
        self._observe.stop()
        return 0

    async def _become_ready(self) -> None:
        model = await asyncio.to_thread(load_model, self._spec, self._environment, self._arrived)
        manifest = model.manifest
        self._metrics.served(
            model=self._spec.model,
            task=manifest.task,
            backend=manifest.backend,
            target=manifest.target,
            dtype=manifest.dtype,
            artifact=self._spec.artifact_digest,
        )
        measure = model.measure
        value = await asyncio.to_thread(model.golden_accuracy)
        if not measure.keeps(value, manifest.tolerance):
            raise infrastructure_failure(
                Reason.ACCURACY_TOO_LOW,
                f"golden samples: {measure.broken(value, manifest.tolerance)};"
                " this machine computes something else than the one that compiled, do not use it",
            )
        self._api.serve(model, model.batcher(self._spec, self._metrics, self._state))
        # What is loaded stays: the collector need not look at it again during requests.
        gc.collect()
        gc.freeze()
        self._state.enter(Stage.READY, "serving")
        LOG.info("ready: golden samples passed, %s %.6f", measure.says, value)

    def _arrived(self, here: int, in_all: int) -> None:
        if here < in_all:
            self._state.reason = f"the artifact is being fetched: {here >> 20} of {in_all >> 20} MiB are here"
        else:
            self._state.reason = "the artifact is here and is being loaded and tried"

    async def _drain(self, runner: web.AppRunner, site: web.SockSite) -> None:
        """Lose nothing: not ready, go on while the news spreads, stop accepting, let connections end by their answers, then go."""
        self._state.enter(Stage.DRAINING, "draining: told to stop")
        self._connections.draining = True
        LOG.info("draining: accepting for %.1f s more", self._spec.drain_delay)
        await asyncio.sleep(self._spec.drain_delay)
        await site.stop()
        self._connections.stopped_accepting()
        server = runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._spec.drain_timeout
        grace = min(LONGEST_GRACE, self._spec.drain_timeout / 2)
        asked: set[RequestHandler] = set()
        while server.connections and loop.time() < deadline:
            for connection in server.connections:
                if self._connections.idle_for(connection) < grace:
                    continue
                # First politely: a request that has just been read is still answered. One turn later what is idle even so is closed.
                if connection in asked:
                    connection.force_close()
                else:
                    asked.add(connection)
                    connection.close()
            await asyncio.sleep(0.02)
        if server.connections:
            LOG.warning("draining: %d connections are cut off after %.1f s", len(server.connections), self._spec.drain_timeout)
        self._connections.cut_off = True
        await runner.cleanup()
        if self._api.served is not None:
            await self._api.served.batcher.close()

    async def _beat(self) -> None:
        while True:
            self._state.beat = asyncio.get_running_loop().time()
            await asyncio.sleep(0.5)


def _version() -> str:
    try:
        return version("steelyard")
    except PackageNotFoundError:
        return "unknown"
