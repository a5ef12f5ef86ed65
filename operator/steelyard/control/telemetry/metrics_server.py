"""/metrics by HTTPS, for bearers of a token that may read it. Probes stay on the plain port: the kubelet has no token."""

from __future__ import annotations

from aiohttp import web

from steelyard.control.listening import listening
from steelyard.control.telemetry.certificate import Certificate
from steelyard.control.telemetry.metrics_page import MetricsPage
from steelyard.control.telemetry.scrape_access import PATH, Access, ScrapeAccess

_TOLD = {
    Access.UNAUTHENTICATED: "a bearer token that this cluster's API server knows is needed\n",
    Access.FORBIDDEN: "this account may not GET /metrics: bind the ClusterRole ...-metrics-reader of the chart to it\n",
    Access.UNDECIDED: "the API server has not said whether this account may GET /metrics: try again\n",
}


class MetricsServer:
    """Answers /metrics on a port of its own."""

    def __init__(self, *, host: str, port: int, certificate: Certificate, access: ScrapeAccess, page: MetricsPage) -> None:
        self._host = host
        self._port = port
        self._certificate = certificate
        self._access = access
        self._page = page
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen. Returns the port (the one chosen, if 0 was asked for). Raises OSError if it is taken."""
        application = web.Application()
        application.router.add_get(PATH, self._metrics)
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        await web.SockSite(runner, listening(self._host, self._port), ssl_context=self._certificate.context()).start()
        self._runner = runner
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _metrics(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        access = await self._access.of(token.strip() if scheme.lower() == "bearer" else "")
        if access is Access.GRANTED:
            return await self._page.answer()
        challenge = {"WWW-Authenticate": "Bearer"} if access is Access.UNAUTHENTICATED else {}
        return web.Response(status=access.value, text=_TOLD[access], headers=challenge)
