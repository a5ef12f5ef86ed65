"""The load generator: an open loop that tells the truth about lateness."""

import asyncio
import gzip
import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from free_port import free_port
from patience import PATIENCE
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.run import Load
from steelyard_runtime.load.schedule import arrivals, parsed
from steelyard_runtime.load.summary import Summary
from steelyard_runtime.load.trace import Recorded, read
from steelyard_runtime.texts import golden_texts, text_of
from unit.runtime.server_process import LoadProcess, ServerProcess, environment


def test_arrivals_are_poisson_of_the_steps_rates_and_the_same_for_a_seed() -> None:
    steps = parsed("100:50,10:50")
    times = list(arrivals(steps, 5))
    assert times == list(arrivals(steps, 5)) == sorted(times)
    assert times != list(arrivals(steps, 6))
    first = [moment for moment in times if moment < 50]
    assert abs(len(first) - 5000) < 4 * 5000**0.5
    assert abs(len(times) - len(first) - 500) < 4 * 500**0.5
    gaps = [right - left for left, right in pairwise(first)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert 0.93 < spread / mean < 1.07  # 1 for a Poisson process, 0 for a metronome


def test_a_trace_says_when_and_how_long_at_the_speed_that_is_asked_for(tmp_path: Path) -> None:
    azure = tmp_path / "azure.csv"
    azure.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n2023-11-16 18:17:05.9799600,3180,8\n")
    assert read(azure, 4.0) == [Recorded(0.0, 4808, 10), Recorded(0.5, 3180, 8)]
    packed = tmp_path / "own.csv.gz"
    with gzip.open(packed, "wt") as out:
        out.write("time,words\n10,5\n10,\n12.5,0\n")
    assert read(packed, 1.0) == [Recorded(0.0, 5, None), Recorded(0.0, None, None), Recorded(2.5, 1, None)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin"])
@pytest.mark.parametrize(
    "times",
    [
        ("2023-11-16T18:17:03.009930+00:00", "2023-11-16T18:17:04.009930+00:00"),
        ("2023-11-16T18:17:03.123456789Z", "2023-11-16T18:17:04.1234Z"),
        ("2023-11-16T18:17:03", "2023-11-16T20:17:04+02:00"),
        ("2023-10-29T00:59:59.5", "2023-10-29T01:00:00.5"),
    ],
)
def test_a_trace_says_the_same_wherever_it_is_read(
    tmp_path: Path, times: tuple[str, str], zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        (tmp_path / "trace.csv").write_text("\n".join(("time", *times)))
        assert [each.offset for each in read(tmp_path / "trace.csv", 1.0)] == pytest.approx([0.0, 1.0], abs=1e-4)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no column time"),
        ("when\n1\n", "no column time"),
        ("time\n", "has no request"),
        ("time\n1\nsoon\n", "line 3"),
        ("time\n2\n1\n", "must not go back"),
        ("time,words\n1,-5\n", "no length"),
        ("time,words\n1\n", "line 2"),
    ],
)
def test_a_trace_that_cannot_be_replayed_is_refused_with_its_line(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(ValueError, match=why):
        read(file, 1.0)


def test_a_trace_is_sent_as_it_was_recorded(artifact: Published, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("time,words\n0,3\n0.4,30\n0.4,3\n")
    with ServerProcess(tmp_path, artifact) as server:
        server.wait_until_ready()
        entries, _ = LoadProcess(tmp_path, server.url, "--trace", str(trace), "--speed", "2").result()
    first = min(entry["intended"] for entry in entries)
    assert sorted(round(entry["intended"] - first, 3) for entry in entries) == [0.0, 0.2, 0.2]
    short, long = min(entries, key=lambda entry: entry["tokens"]), max(entries, key=lambda entry: entry["tokens"])
    assert long["tokens"] > 5 * short["tokens"]


@pytest.mark.parametrize("text", ["", "10", "10:0", "-1:5", "x:5", "10:90000", "1:80000,1:80000"])
def test_a_schedule_that_makes_no_sense_or_has_no_bound_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"RATE:SECONDS|longer"):
        parsed(text)


def test_latency_counts_from_the_intended_time_and_the_outcome_is_the_clients() -> None:
    waited = Entry(0, intended=10.0, sent=10.9, done=11.0, status=200, pod="p", tokens=3)
    assert waited.latency == 1.0
    assert [waited.outcome(2.0), waited.outcome(0.5)] == ["good", "slow"]
    assert Entry(1, 10.0, 10.0, 10.1, 429, "p", 0).outcome(1) == "shed"
    assert Entry(2, 10.0, 10.0, 10.1, 503, "p", 0).outcome(1) == "error"
    assert Entry(3, 10.0, None, 10.1, 0, "", 0, "refused").line(1)["error"] == "refused"


def test_a_summary_counts_everything_once() -> None:
    summary = Summary(0.4)
    for number in range(100):
        summary.add(Entry(number, 0.0, 0.0, 0.001 * (number + 1), 200, "p", 2))
    summary.add(Entry(100, 0.0, 0.0, 0.1, 429, "p", 0))
    line = summary.line(0, 1)["summary"]
    assert (line["requests"], line["outcomes"], line["tokens"], line["pods"]) == (
        101,
        {"good": 100, "slow": 0, "error": 0, "shed": 1},
        200,
        {"p": 101},
    )
    assert line["latencyMs"]["p99"] == pytest.approx(99, rel=0.025)


def test_texts_are_the_same_for_a_seed_and_span_the_lengths() -> None:
    import random

    assert text_of(20, random.Random(1)) == text_of(20, random.Random(1))
    lengths = [len(text.split()) for text in golden_texts(8, 1, 128)]
    assert (lengths[0], lengths[-1]) == (3, 125)
    assert lengths == sorted(lengths)


def test_a_load_is_logged_request_by_request(artifact: Published, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, artifact) as server:
        server.wait_until_ready()
        entries, summary = LoadProcess(tmp_path, server.url, "--schedule", "60:1,20:1", "--seed", "3").result()
        assert summary["requests"] == len(entries) == len({entry["i"] for entry in entries})
        assert set(entries[0]) == {"i", "intended", "sent", "done", "status", "outcome", "pod", "tokens"}
        assert summary["outcomes"]["good"] == len(entries)
        final = server.stop()["final"]
        assert (sum(final["requests"].values()), final["tokens"]["input"]) == (len(entries), summary["tokens"])


def test_a_server_that_is_not_there_is_an_error_with_a_text_and_the_load_goes_on(tmp_path: Path) -> None:
    entries, summary = LoadProcess(tmp_path, f"http://127.0.0.1:{free_port()}", "--rate", "50", "--duration", "1").result()
    assert summary["outcomes"]["error"] == len(entries) > 20
    assert all((entry["status"] == 0 and "refused" in entry["error"].lower()) or "connect" in entry["error"].lower() for entry in entries)


def test_a_stalled_server_makes_the_waiting_requests_late_and_not_fewer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:

        def stall_once_then_answer() -> None:
            stall = 1.0
            body = b'{"usage":{"prompt_tokens":1}}'
            listener.settimeout(PATIENCE)
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                time.sleep(stall)
                stall = 0
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
                connection.close()

        threading.Thread(target=stall_once_then_answer, daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            entries, _ = LoadProcess(tmp_path, url, "--rate", "40", "--duration", "2", "--connections", "1").result()
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
    early = [entry["done"] - entry["intended"] for entry in entries if entry["intended"] - entries[0]["intended"] < 0.5]
    assert len(early) > 5
    assert min(early) > 0.3  # a closed loop would have sent one request and called the rest quick


@pytest.mark.parametrize("way", ["signal", "file"])
def test_a_load_ends_on_sigterm_or_when_a_file_appears_with_a_summary(artifact: Published, tmp_path: Path, way: str) -> None:
    with ServerProcess(tmp_path, artifact) as server:
        server.wait_until_ready()
        until = tmp_path / "enough"
        load = LoadProcess(tmp_path, server.url, "--rate", "30", *(["--until-signal"] if way == "signal" else ["--until-file", str(until)]))
        log = tmp_path / "load.jsonl"
        while not log.exists() or log.read_text().count("\n") < 6:
            assert load.process.poll() is None
            time.sleep(0.1)
        if way == "signal":
            load.process.send_signal(signal.SIGTERM)
        else:
            until.touch()
        entries, summary = load.result()
        assert summary["outcomes"]["good"] == len(entries) > 5


def silent() -> socket.socket:
    """A server that takes requests and never answers."""
    return socket.create_server(("127.0.0.1", 0), backlog=500)


@pytest.mark.parametrize("arguments", [("--rate", "30", "--duration", "600"), ("--schedule", "30:600")])
def test_a_load_that_has_an_end_of_its_own_ends_on_sigterm_with_a_summary_too(
    artifact: Published, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with ServerProcess(tmp_path, artifact) as server:
        server.wait_until_ready()
        load = LoadProcess(tmp_path, server.url, *arguments)
        log = tmp_path / "load.jsonl"
        while not log.exists() or log.read_text().count("\n") < 6:
            time.sleep(0.1)
        load.process.send_signal(signal.SIGTERM)
        entries, summary = load.result()
        assert summary["requests"] == len(entries) > 5


@pytest.mark.parametrize("when", ["while it sends", "while it waits for the last answers"])
def test_a_load_that_is_stopped_waits_for_answers_a_while_and_counts_those_that_never_came(when: str) -> None:
    out = io.StringIO()

    async def stopped() -> None:
        with silent() as server:
            load = Load(
                url=f"http://127.0.0.1:{server.getsockname()[1]}",
                model="m",
                steps=parsed("200:600") if when == "while it sends" else parsed("200:0.1"),
                trace=(),
                objective=0.1,
                seed=1,
                words=(3, 5),
                connections=100,
                timeout=3600,
                until_file=None,
                out=out,
                last_answers=0.1,
            )
            asyncio.get_running_loop().call_later(1.0, load.stopping.set)
            await load.run()

    asyncio.run(stopped())
    *entries, last = (json.loads(line) for line in out.getvalue().splitlines())
    assert last["summary"]["outcomes"]["error"] == last["summary"]["requests"] == len(entries) > 5
    assert {entry["error"] for entry in entries} == {"no answer 0.1 s after the load was stopped"}


@pytest.mark.parametrize(
    "arguments",
    [[], ["--rate", "5"], ["--rate", "5", "--duration", "1", "--schedule", "1:1"], ["--rate", "1", "--duration", "1", "--words", "9:2"]],
)
def test_arguments_that_make_no_sense_end_with_2_and_say_what_to_give(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "steelyard_runtime.main", "load", "--url", "http://x", "--model", "m", "--slo-ms", "5", *arguments]
    found = subprocess.run(command, env=environment(tmp_path, "x"), capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert found.returncode == 2
    assert "--" in found.stderr


def test_the_log_goes_to_stdout_without_a_file(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "steelyard_runtime.main",
        "load",
        "--url",
        f"http://127.0.0.1:{free_port()}",
        "--model",
        "m",
        "--slo-ms",
        "5",
    ]
    found = subprocess.run(
        [*command, "--rate", "10", "--duration", "0.5"],
        env=environment(tmp_path, "x"),
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert "summary" in json.loads(found.stdout.splitlines()[-1])


@contextmanager
def answering(body: bytes, seconds: float = 0, together: int = 0, kind: str = "application/json") -> Iterator[tuple[str, list[int]]]:
    """A server that takes its time for each request, or answers none before it has so many at once; the list is of how many it had."""
    at_once, most, changed = [0], [0], threading.Condition()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            with changed:
                at_once[0] += 1
                most[0] = max(most[0], at_once[0])
                changed.notify_all()
                changed.wait_for(lambda: most[0] >= together, PATIENCE)
            time.sleep(seconds)
            with changed:
                at_once[0] -= 1
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads, request_queue_size = True, 256

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", most
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("body", [b"[]", b"null", b'{"usage":null}', b"7", b"{", b'{"usage":{"prompt_tokens":null}}'])
def test_an_answer_that_makes_no_sense_is_an_error_and_its_request_is_counted(tmp_path: Path, body: bytes) -> None:
    with answering(body) as (url, _):
        entries, summary = LoadProcess(tmp_path, url, "--rate", "40", "--duration", "1").result()
    assert summary["requests"] == summary["outcomes"]["error"] == len(entries) > 15
    assert all(entry["error"] for entry in entries)


STEP = b'data: {"choices":[{"index":0,"text":"ab"}],"usage":null}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":7}}\n\n'


@pytest.mark.parametrize(("told", "tokens"), [(USAGE, 7), (b"", 4)], ids=["told", "not told"])
def test_tokens_of_a_stream_are_those_that_its_end_tells_and_its_steps_where_it_does_not(tmp_path: Path, told: bytes, tokens: int) -> None:
    """A step of a server that is ahead of its reader carries several."""
    with answering(4 * STEP + told + b"data: [DONE]\n\n", kind="text/event-stream") as (url, _):
        entries, summary = LoadProcess(tmp_path, url, "--rate", "20", "--duration", "1", "--generate", "7:7").result()
    assert {entry["tokens"] for entry in entries} == {tokens}
    assert summary["outcomes"]["good"] == len(entries)


@pytest.mark.parametrize(
    ("stream", "outcome"), [((4 * STEP).replace(b"\n", b"\r\n"), "good"), (b'data: {"choices":[],"created":1}\n\n' + STEP, "good"), (b": ping\n\n", "error")],
    ids=["other line ends", "an event of no choice and no usage", "no event"],
)  # fmt: skip
def test_a_stream_that_is_written_otherwise_is_read_and_one_without_events_keeps_no_promise(
    tmp_path: Path, stream: bytes, outcome: str
) -> None:
    with answering(stream, kind="text/event-stream") as (url, _):
        entries, summary = LoadProcess(tmp_path, url, "--rate", "20", "--duration", "1", "--generate", "7:7").result()
    assert summary["outcomes"][outcome] == len(entries)


@pytest.mark.parametrize("usage", [b"null", b"7", b"[]", b"{}"])
def test_a_stream_whose_end_makes_no_sense_is_an_error_and_its_request_is_counted(tmp_path: Path, usage: bytes) -> None:
    end = b'data: {"choices":[],"usage":' + usage + b"}\n\n"
    with answering(STEP + end + b"data: [DONE]\n\n", kind="text/event-stream") as (url, _):
        entries, summary = LoadProcess(tmp_path, url, "--rate", "20", "--duration", "1", "--generate", "7:7").result()
    assert summary["outcomes"]["error"] == len(entries) and all(entry["error"] for entry in entries)


BURST = 40
TWO_TOKENS = b'{"usage":{"prompt_tokens":2}}'


def a_burst(folder: Path) -> Path:
    """So many requests in half a second."""
    trace = folder / "burst.csv"
    trace.write_text("\n".join(["time", *(f"{0.5 * number / BURST:.4f}" for number in range(BURST))]))
    return trace


def test_a_request_that_waits_for_a_connection_has_not_been_sent_and_the_client_says_so(tmp_path: Path) -> None:
    with answering(TWO_TOKENS, 0.2) as (url, most):
        few = LoadProcess(tmp_path, url, "--trace", str(a_burst(tmp_path)), "--connections", "4", slo=400)
        entries, summary = few.result()
    assert most[0] <= 4
    waited = [entry["sent"] - entry["intended"] for entry in entries]
    assert max(waited) > 1 and summary["lateMs"]["p99"] > 1000
    assert all(entry["done"] - entry["sent"] < 0.5 * (entry["done"] - entry["intended"]) for entry in entries[-10:])
    assert "Raise --connections" in few.said()


def test_with_enough_connections_no_request_waits_for_the_answer_of_another(tmp_path: Path) -> None:
    with answering(TWO_TOKENS, together=BURST) as (url, most):
        LoadProcess(tmp_path, url, "--trace", str(a_burst(tmp_path))).result()
    assert most[0] == BURST
