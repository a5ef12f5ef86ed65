"""Sending one request of the load, and what became of it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace

import aiohttp

from steelyard_runtime.generate.promise import EVENT, USAGE, Promise, Stream
from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.events import END, Events
from steelyard_runtime.serve.outcome import Outcome
from steelyard_runtime.tasks.graph_task import LoadRequest
from steelyard_runtime.tasks.task import Task

JSON = {"content-type": "application/json"}
EVENTS = "text/event-stream"


@dataclass
class Trip:
    """What becomes of one request on its way. `sent`: when it left; None while it waits for a connection."""

    sent: float | None = None


def departures(clock: Callable[[], float]) -> aiohttp.TraceConfig:
    """Write down when each request left, which is later than when it was to: by as much as it waited for a connection."""

    async def leaves(session: aiohttp.ClientSession, context: SimpleNamespace, asked: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.trace_request_ctx.sent = clock()

    found = aiohttp.TraceConfig()
    found.on_request_headers_sent.append(leaves)
    return found


def continuation(model: str, text: str, tokens: int) -> bytes:
    """A request for so many tokens after a text, in a stream."""
    # To the end of what is asked for: how long an answer is must not depend on what a model happens to say.
    asked = {"prompt": text, "max_tokens": tokens, "stream": True, "ignore_eos": True, "temperature": 0}
    return json.dumps({"model": model, **asked, "stream_options": {"include_usage": True}}).encode()


def _told(events: bytes) -> tuple[int | None, int] | None:
    """Tokens of a request and of its answer, as the last event of its stream tells them: an event may carry several. None where none of
    these tells."""
    told = next((event for event in events.split(END) if USAGE in event), None)
    event = json.loads(told.removeprefix(EVENT)) if told is not None else {}
    if "usage" not in event:
        return None
    usage = event["usage"]
    generated, asked = int(usage["completion_tokens"]), usage.get("prompt_tokens")
    return asked if isinstance(asked, int) else None, generated


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What all requests of a load have in common. `clock`: of the entries, in Unix seconds; `given_up`: what is said of a request that is
    cancelled."""

    url: str
    task: Task | None
    """What is asked for; None for text in a stream, and for requests that say themselves where they are sent and may be answered by a stream."""
    clock: Callable[[], float]
    given_up: str
    promise: Promise = field(default_factory=Promise)
    """Of the tokens of a stream."""

    async def ask(self, session: aiohttp.ClientSession, number: int, intended: float, asked: bytes | LoadRequest) -> Entry:
        """Send it, and return what became of it; a request that is cancelled has an entry too. `sent` is known
        where the session traces `departures`."""
        trip = Trip()
        try:
            sent = asked if isinstance(asked, LoadRequest) else LoadRequest(self._path, asked, JSON)
            async with session.post(
                f"{self.url}{sent.path}", data=sent.body, headers=sent.headers, allow_redirects=False, trace_request_ctx=trip
            ) as answer:
                if self.task is None and (sent is not asked or answer.content_type == EVENTS):
                    return await self._stream(answer, number, intended, trip.sent)
                content = await answer.read()
                done = self.clock()
                pod = answer.headers.get("x-steelyard-pod", "")
                if self.task is None:  # of these no tokens are known
                    return Entry(number, intended, trip.sent, done, answer.status, pod, 0)
                tokens = self.task.tokens(json.loads(content)) if answer.status == 200 else 0
                return Entry(number, intended, trip.sent, done, answer.status, pod, tokens, input=tokens)
        except asyncio.CancelledError:
            return Entry(number, intended, trip.sent, self.clock(), 0, "", 0, self.given_up)
        # An answer may be anything: what it is not is said, and its request counted.
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError) as error:
            return Entry(number, intended, trip.sent, self.clock(), 0, "", 0, f"{type(error).__name__}: {error}")

    @property
    def _path(self) -> str:
        return "/v1/completions" if self.task is None else self.task.endpoints[0].path

    async def _stream(self, answer: aiohttp.ClientResponse, number: int, intended: float, sent: float | None) -> Entry:
        stream = Stream(self.promise, intended)
        stream.begins(answer.status, [(b"content-type", answer.content_type.encode())])
        events, told = Events(), None
        async for chunk in answer.content.iter_any():
            ended = events.ended(chunk)
            stream.sends(ended, self.clock())
            told = _told(ended) if told is None else told
        done = self.clock()
        outcome = stream.outcome(done)
        if stream.streams and stream.first is None and outcome in {Outcome.GOOD, Outcome.SLOW}:
            # Nothing is known of its tokens: it has kept no promise of theirs.
            return Entry(number, intended, sent, done, 0, "", 0, "the stream of the answer had no event with data")
        status = 500 if outcome == "error" and answer.status == 200 else answer.status
        pod = answer.headers.get("x-steelyard-pod", "")
        asked, generated = told or (None, None)
        carried = stream.tokens if generated is None else generated
        return Entry(
            number,
            intended,
            sent,
            done,
            status,
            pod,
            carried,
            first=stream.first,
            between=stream.between,
            kept=outcome != "slow",
            input=asked,
            output=generated,
        )
