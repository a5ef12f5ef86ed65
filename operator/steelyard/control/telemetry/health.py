"""Our own health server: /livez says that work progresses, /readyz that the view is complete.

kopf's endpoint says that HTTP answers; an operator can do that for weeks while deaf. Here liveness is the age of progress: of the last
completed decision cycle (only while leading), of the watches, of the elector. A check that cannot tell is a failed check.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from steelyard.control.clock import Clock
from steelyard.control.kube.sweep import Sweep
from steelyard.control.leadership.lease import Elector
from steelyard.control.listening import listening
from steelyard.control.telemetry.metrics_page import MetricsPage

Complaint = str
Probe = Callable[[], Complaint | None]
"""None is well; a sentence says what is wrong, with numbers."""


@dataclass(frozen=True, slots=True)
class Check:
    """A named probe."""

    name: str
    probe: Probe

    def complaint(self) -> Complaint | None:
        """What is wrong, or None. A probe that raises is a complaint."""
        try:
            return self.probe()
        except Exception as error:
            return f"the check itself failed: {error!r}"


class Heartbeat:
    """Beats whenever a piece of work is completed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic()

    def beat(self) -> None:
        """A piece of work was completed."""
        self._at = self._clock.monotonic()

    def age(self) -> float:
        """Seconds since the last beat, or since the start."""
        return self._clock.monotonic() - self._at


def decision_progress(heartbeat: Heartbeat, *, leading: Callable[[], bool], limit: float) -> Check:
    """While leading, a decision cycle must have been completed within `limit` seconds. Beat once when elected: the time starts there."""

    def probe() -> Complaint | None:
        if leading() and heartbeat.age() > limit:
            return f"no decision cycle was completed for {heartbeat.age():.0f} s (limit {limit:.0f} s)"
        return None

    return Check("decisions", probe)


def watch_progress(sweep: Sweep, *, stalled_limit: float = 300.0, deaf_limit: float = 120.0) -> Check:
    """The sweep must go round, and no watch may owe us a known change for long."""

    def probe() -> Complaint | None:
        if not sweep.synced():
            return None  # the first lists go on for as long as the API server is away: readiness says so, and a restart would not help
        if sweep.stalled_for() > stalled_limit:
            return f"the sweep has not gone round for {sweep.stalled_for():.0f} s (limit {stalled_limit:.0f} s)"
        owed, resource = sweep.deaf_for()
        if owed > deaf_limit and resource is not None:
            return f"the watch of {resource.label} has not brought a known change for {owed:.0f} s (limit {deaf_limit:.0f} s)"
        return None

    return Check("watches", probe)


def elector_progress(elector: Elector, *, limit: float = 60.0) -> Check:
    """The elector must go on trying. Whether the API server answers is not asked: a restart would not bring it back."""

    def probe() -> Complaint | None:
        if elector.stalled_for() > limit:
            return f"the elector has not tried for {elector.stalled_for():.0f} s (limit {limit:.0f} s)"
        return None

    return Check("elector", probe)


def synced(sweep: Sweep) -> Check:
    """Every resource must have been listed once."""

    def probe() -> Complaint | None:
        missing = sweep.unsynced()
        return f"not listed yet: {', '.join(resource.label for resource in missing)}" if missing else None

    return Check("synced", probe)


class HealthServer:
    """Answers /livez and /readyz, and to everybody /metrics where `page` is given: without TLS, and without asking who it is."""

    def __init__(
        self, *, host: str, port: int, liveness: Sequence[Check], readiness: Sequence[Check], page: MetricsPage | None = None
    ) -> None:
        self._host = host
        self._port = port
        self._liveness = tuple(liveness)
        self._readiness = tuple(readiness)
        self._page = page
        self._runner: web.AppRunner | None = None
        self._stopping = False

    async def start(self) -> int:
        """Listen. Returns the port (the one chosen, if 0 was asked for). Raises OSError if it is taken."""
        application = web.Application()
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        await web.SockSite(runner, listening(self._host, self._port)).start()
        self._runner = runner
        return int(runner.addresses[0][1])

    def not_ready(self) -> None:
        """Answer /readyz with no from now on: the process is ending."""
        self._stopping = True

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _livez(self, _: web.Request) -> web.Response:
        return _report(self._liveness)

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._stopping:
            return web.Response(status=503, text="[-] stopping: the process is ending\n")
        return _report(self._readiness)

    async def _metrics(self, _: web.Request) -> web.Response:
        if self._page is None:
            return web.Response(status=404, text="/metrics is served by HTTPS, on the port of --metrics-port\n")
        return await self._page.answer()


def _report(checks: Sequence[Check]) -> web.Response:
    """One line a check, as the API server's own endpoints write it."""
    found = [(check.name, check.complaint()) for check in checks]
    lines = [f"[+] {name}: ok" if complaint is None else f"[-] {name}: {complaint}" for name, complaint in found]
    well = all(complaint is None for _, complaint in found)
    return web.Response(status=200 if well else 503, text="\n".join(lines) + "\n")
