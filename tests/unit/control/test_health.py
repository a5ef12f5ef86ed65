import aiohttp
import pytest

from loopbacks import loopbacks
from steelyard.control.kube.resource import PODS
from steelyard.control.listening import EVERYWHERE
from steelyard.control.telemetry.health import Check, HealthServer, Heartbeat, decision_progress, elector_progress, synced, watch_progress
from steelyard.control.telemetry.metrics_page import MetricsPage
from unit.control.virtual_time import ManualClock


class Parts:
    """Sweep and elector as the checks see them."""

    def __init__(self):
        self.all_synced, self.stalled, self.deaf = True, 0.0, 0.0

    def synced(self):
        return self.all_synced

    def unsynced(self):
        return () if self.all_synced else (PODS,)

    def stalled_for(self):
        return self.stalled

    def deaf_for(self):
        return (self.deaf, PODS if self.deaf else None)


def test_decisions_must_progress_but_only_while_leading():
    clock, leading = ManualClock(), []
    heartbeat = Heartbeat(clock)
    check = decision_progress(heartbeat, leading=lambda: bool(leading), limit=45)
    clock.seconds += 100
    assert check.complaint() is None, "a standby decides nothing"
    leading.append(1)
    heartbeat.beat()
    assert check.complaint() is None
    clock.seconds += 46
    assert "no decision cycle was completed for 46 s" in check.complaint()


def test_watches_and_elector_must_progress():
    parts = Parts()
    check = watch_progress(parts, stalled_limit=300, deaf_limit=120)
    assert check.complaint() is None
    parts.deaf = 121
    assert "watch of pods" in check.complaint()
    parts.deaf, parts.stalled = 0, 301
    assert "sweep" in check.complaint()
    parts.all_synced = False
    assert check.complaint() is None
    assert "pods" in synced(parts).complaint()
    assert elector_progress(parts, limit=400).complaint() is None
    assert "elector" in elector_progress(parts, limit=60).complaint()


def test_a_check_that_fails_is_a_complaint():
    assert "ZeroDivisionError" in Check("x", lambda: 1 / 0).complaint()


@pytest.fixture
async def served():
    complaints = {"live": None, "ready": "not listed yet: pods"}
    server = HealthServer(
        host=EVERYWHERE,
        port=0,
        liveness=[Check("decisions", lambda: complaints["live"]), Check("elector", lambda: None)],
        readiness=[Check("synced", lambda: complaints["ready"])],
        page=MetricsPage(lambda: b"things_total 1.0\n", ManualClock()),
    )
    port = await server.start()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield complaints, server, session, port
    await server.stop()


async def test_the_endpoints_say_what_is_wrong(served):
    complaints, server, session, port = served

    async def ask(path):
        async with session.get(path) as answer:
            return answer.status, await answer.text()

    assert await ask("/livez") == (200, "[+] decisions: ok\n[+] elector: ok\n")
    for address in loopbacks():
        assert await ask(f"http://{address}:{port}/livez") == await ask("/livez")
    complaints["live"] = "stuck for 99 s"
    assert await ask("/livez") == (503, "[-] decisions: stuck for 99 s\n[+] elector: ok\n")
    assert (await ask("/readyz"))[0] == 503
    complaints["ready"] = None
    assert (await ask("/readyz"))[0] == 200
    server.not_ready()
    assert (await ask("/readyz"))[0] == 503
    status, text = await ask("/metrics")
    assert status == 200 and "things_total 1.0" in text
