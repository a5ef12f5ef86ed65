"""`python -m vllm.entrypoints.openai.api_server`: refuses what vLLM refuses, and puts `--middleware` around its application as vLLM does."""

import argparse
import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

DTYPES = ("auto", "bfloat16", "float", "float16", "float32", "half")
FAILS = "STAND_IN_FAILS"
SECONDS = "STAND_IN_SECONDS"
"""How long one token takes."""
WAITS = "STAND_IN_WAITS"
"""A file: what is asked in words is answered only when that is there."""
STOPS = "STAND_IN_STOPS"
"""`never`: SIGTERM ends nothing, as where a worker hangs; `told` beside the last word is what it said then."""
COMPILES = "STAND_IN_COMPILES"
"""`nothing`: for Neuron it ends well without having compiled anything."""


PROMPT_LOGPROBS = "STAND_IN_PROMPT_LOGPROBS"
"""`none`: it answers as the plugins for Neuron do, which leave them empty."""


def parser() -> argparse.ArgumentParser:
    """The arguments that this project may use; any other is unknown, as a misspelt one is to vLLM."""
    found = argparse.ArgumentParser(prog="api_server.py", allow_abbrev=False)
    for name in (
        "--model",
        "--served-model-name",
        "--host",
        "--generation-config",
        "--reasoning-parser",
        "--tool-call-parser",
        "--tokenizer-mode",
    ):
        found.add_argument(name)
    for name in (
        "--port",
        "--tensor-parallel-size",
        "--max-model-len",
        "--max-num-seqs",
        "--max-num-batched-tokens",
        "--block-size",
        "--seed",
    ):
        found.add_argument(name, type=int)
    for name in ("--enable-chunked-prefill", "--enable-prefix-caching", "--enable-auto-tool-choice", "--enable-sleep-mode"):
        found.add_argument(name, action=argparse.BooleanOptionalAction)
    found.add_argument("--runner", choices=("auto", "generate", "pooling"), default="auto")
    found.add_argument("--convert", choices=("auto", "none", "embed", "classify"), default="auto")
    found.add_argument("--dtype", choices=DTYPES, default="auto")
    found.add_argument("--middleware", action="append", default=[])
    found.add_argument("--disable-uvicorn-access-log", action="store_true")
    found.add_argument("--gpu-memory-utilization", type=float)
    found.add_argument("--max-logprobs", type=int)
    found.add_argument("--allowed-media-domains", nargs="+")
    found.add_argument("--scheduling-policy", choices=("fcfs", "priority"))
    found.add_argument("--additional-config", type=json.loads)
    found.add_argument("--speculative-config", type=json.loads)
    found.add_argument("--structured-outputs-config", type=json.loads)
    found.add_argument("--limit-mm-per-prompt", type=json.loads)
    return found


def logprob(token: int) -> float:
    """What this "model" gives to a token, whatever came before it."""
    return -1.0 - token % 7


def pooled(prompt: list[int]) -> list[float]:
    """The vector, or the logits of three labels, that this "model" makes of tokens."""
    return [float(sum(prompt) % 10), float(len(prompt)), 1.0]


def continued(prompt: list[int], steps: int) -> list[int]:
    """What this "model" generates."""
    return [(sum(prompt) + step) % 100 for step in range(steps)]


@dataclass
class Choice:
    """vLLM's `CompletionOutput`, of which each holds what is new (RequestOutputKind.DELTA), or all at the end (FINAL_ONLY)."""

    index: int
    token_ids: list[int]


@dataclass
class Output:
    """vLLM's `RequestOutput`. The prompt is in the first one only."""

    prompt_token_ids: list[int] | None
    num_cached_tokens: int | None
    outputs: list[Choice]


class Engine:
    """vLLM's `EngineClient`: it tells the tokens of each step, of which the third of a stream has two, as where it speculates."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._seen = seconds, set[tuple[int, ...]]()
        self.read, self.kept, self.made = 0, 0, 0

    async def generate(self, prompt: list[int], sampling_params: dict[str, Any], request_id: str) -> AsyncGenerator[Output, None]:
        """Of a prompt that was there before all but its last token is kept."""
        kept = len(prompt) - 1 if tuple(prompt) in self._seen else 0
        self._seen.add(tuple(prompt))
        self.read, self.kept = self.read + len(prompt), self.kept + kept
        tokens = continued(prompt, sampling_params["max_tokens"])
        for step, made in enumerate(steps(tokens) if sampling_params["stream"] else [tokens]):
            await asyncio.sleep(self._seconds * len(made))
            self.made += len(made)
            yield Output(None if step else prompt, kept, [Choice(0, made)])


def steps(tokens: list[int]) -> list[list[int]]:
    """One token each, and two in the third."""
    return [*([token] for token in tokens[:2]), *([tokens[2:4]] if tokens[2:4] else []), *([token] for token in tokens[4:])]


class State:
    """What vLLM keeps in `app.state`."""

    def __init__(self, seconds: float) -> None:
        self.engine_client = Engine(seconds)


class Model:
    """The application inside of the middleware, in ASGI."""

    def __init__(self, name: str, seconds: float, convert: str = "") -> None:
        self._name, self.served, self.state = name, 0, State(seconds)
        self._seconds, self._convert = seconds, convert
        """How it pools; empty for one that generates."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer, until the client has left."""
        body = b""
        while scope["method"] == "POST":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answering = asyncio.create_task(self._answer(scope["path"], body, send))
        listening = asyncio.create_task(receive())
        await asyncio.wait((answering, listening), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        if not answering.done():
            answering.cancel()
            return
        answering.result()

    async def _answer(self, path: str, body: bytes, send: Any) -> None:
        match path:
            case "/health":
                await answer(send, 200, b"", "text/plain")
            case "/metrics":
                engine, of = self.state.engine_client, 'engine="0",model_name="story"'
                text = f'process_cpu_seconds_total 1.0\nvllm:request_success_total{{finished_reason="length"}} {float(self.served)}\n'
                text += (
                    f"vllm:prompt_tokens_total{{{of}}} {float(engine.read)}\nvllm:prompt_tokens_cached_total{{{of}}} {float(engine.kept)}\n"
                )
                text += f"vllm:generation_tokens_total{{{of}}} {float(engine.made)}\n"
                await answer(send, 200, text.encode(), "text/plain; version=0.0.4")
            case "/version" | "/ping" | "/v1/models" | "/tokenize" | "/detokenize" | "/v1/messages/count_tokens" | "/scale_elastic_ep":
                await answer(send, 200, b"{}", "application/json")
            case "/v1/completions" | "/v1/chat/completions" | "/v1/responses" | "/v1/messages" | "/invocations" | "/generative_scoring":
                await self._complete(json.loads(body), send)
            case "/v1/embeddings" | "/classify" | "/pooling" | "/v1/score" | "/rerank" | "/v2/embed" if self._convert:
                await self._pool(path, json.loads(body), send)
            case _:
                await answer(send, 404, b"{}", "application/json")

    async def _pool(self, path: str, asked: dict[str, Any], send: Any) -> None:
        """As vLLM answers: one that was converted to embed has no labels, and one that was to classify no vectors."""
        field = {"/v1/embeddings": "embedding", "/classify": "probs"}.get(path, "score")
        if field == {"embed": "probs", "classify": "embedding"}[self._convert]:
            await answer(send, 404, b"{}", "application/json")
            return
        given = asked.get("input", "x")
        prompt = given if isinstance(given, list) else [len(word) for word in given.split()]
        if field == "probs" and isinstance(given, list):
            assert asked["use_activation"] is False, "logits are compared"
        self.served += 1
        await asyncio.sleep(self._seconds)
        document = {"data": [{"index": 0, field: pooled(prompt)}], "usage": {"prompt_tokens": len(prompt)}}
        await answer(send, 200, json.dumps(document).encode(), "application/json")

    async def _complete(self, asked: dict[str, Any], send: Any) -> None:
        if asked["model"] != self._name:
            await answer(send, 404, json.dumps({"error": {"message": "does not exist"}}).encode(), "application/json")
            return
        self.served += 1
        if asked["prompt"] == "break":
            raise RuntimeError("the engine is dead")
        waits = os.environ.get(WAITS)
        while waits and isinstance(asked["prompt"], str) and not Path(waits).exists():
            await asyncio.sleep(0.01)
        prompt = asked["prompt"] if isinstance(asked["prompt"], list) else [len(word) for word in asked["prompt"].split()]
        params = {"max_tokens": asked["max_tokens"], "stream": bool(asked.get("stream"))}
        # A task of its own, as vLLM's handlers are.
        outputs = await asyncio.create_task(self._generating(prompt, params))
        if not asked.get("stream"):
            _ = [output async for output in outputs]
            choice: dict[str, Any] = {"index": 0, "text": "x"}
            if asked.get("return_token_ids"):
                choice["token_ids"] = continued(asked["prompt"], asked["max_tokens"])
            if asked.get("prompt_logprobs") is not None and os.environ.get(PROMPT_LOGPROBS) == "none":
                choice["prompt_logprobs"] = [None]
            elif asked.get("prompt_logprobs") is not None:
                choice["prompt_logprobs"] = [None, *({str(token): {"logprob": logprob(token)}} for token in asked["prompt"][1:])]
            await answer(send, 200, json.dumps({"choices": [choice]}).encode(), "application/json")
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream; charset=utf-8")]})
        async for _ in outputs:
            event = {"id": "cmpl-1", "choices": [{"index": 0, "text": "x", "finish_reason": None}]}
            await send({"type": "http.response.body", "body": b"data: " + json.dumps(event).encode() + b"\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _generating(self, prompt: list[int], params: dict[str, Any]) -> AsyncGenerator[Output, None]:
        return self.state.engine_client.generate(prompt, params, "cmpl-1")


async def answer(send: Any, status: int, body: bytes, kind: str) -> None:
    """In one piece."""
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind.encode())]})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def served(application: Any, app: Any) -> web.Application:
    """ASGI behind aiohttp: enough of what uvicorn does."""

    async def handle(request: web.Request) -> web.StreamResponse:
        scope = {
            "type": "http",
            "app": app,
            "method": request.method,
            "path": request.path,
            "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()],
            "client": request.transport.get_extra_info("peername")[:2] if request.transport else None,
        }
        response = web.StreamResponse()
        given = False
        gone = asyncio.Event()

        async def receive() -> dict[str, Any]:
            nonlocal given
            if given:
                await gone.wait()
                return {"type": "http.disconnect"}
            given = True
            return {"type": "http.request", "body": await request.read(), "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                response.set_status(message["status"])
                for name, value in message["headers"]:
                    if name == b"connection":
                        response.force_close()
                    elif name != b"content-length":
                        response.headers[name.decode()] = value.decode()
                await response.prepare(request)
            elif message["body"]:
                await response.write(message["body"])

        running = asyncio.create_task(application(scope, receive, send))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            gone.set()
            await running
            raise
        except RuntimeError:
            if not response.prepared:
                return web.Response(status=500)
        await response.write_eof()
        return response

    found = web.Application()
    found.router.add_route("*", "/{path:.*}", handle)
    return found


def main() -> None:
    """Serve until SIGTERM."""
    told = parser().parse_args()
    if os.environ.get(FAILS):
        sys.stderr.write(
            "(APIServer pid=1) WARNING 11-26 [utils.py:1] This can cause errors like `OSError: [Errno 24] Too many open files`.\n"
        )
        sys.stderr.write(f"(EngineCore pid=1) ERROR 11-26 [core.py:1510] {os.environ[FAILS]}\n")
        sys.stderr.write("RuntimeError: Engine core initialization failed. See root cause above.\n")
        sys.exit(1)
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert (Path(told.model) / "config.json").is_file(), told.model
    cache = Path(os.environ["VLLM_CACHE_ROOT"])
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "starts").open("a") as log:
        log.write(f"{time.time()}\n")
    if os.environ.get("VLLM_NEURON_CPU_COMPILE"):  # the plugin for Trainium2 and 3 compiles, and has nothing to run it on
        assert set(told.additional_config) == {"neuron_config"}
        if os.environ.get(COMPILES) != "nothing":
            graph = cache / "neuron" / "compile_cache" / ("0" * 32)
            graph.mkdir(parents=True)
            (graph / "graph.neff").write_bytes(b"x")
        return
    assert int(os.environ["VLLM_CPU_KVCACHE_SPACE"]) >= 1
    convert = told.convert if told.runner == "pooling" else ""
    model = Model(told.served_model_name, float(os.environ.get(SECONDS, "0.002")), convert)
    application: Any = model
    for path in told.middleware:
        module, _, name = path.rpartition(".")
        application = getattr(importlib.import_module(module), name)(application)
    application = served(application, model)
    if os.environ.get(STOPS) == "never":

        async def hang(_: web.Application) -> None:
            word = Path(os.environ["STEELYARD_TERMINATION_LOG"])
            word.with_name("told").write_text(word.read_text() if word.exists() else "nothing")
            await asyncio.sleep(3600)

        application.on_shutdown.append(hang)
    web.run_app(application, host=told.host, port=told.port, print=None, handler_cancellation=True, shutdown_timeout=0.1)


if __name__ == "__main__":
    main()
