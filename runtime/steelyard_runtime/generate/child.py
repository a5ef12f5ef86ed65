"""vLLM as a child process: started, listened to, asked over HTTP, stopped."""

import asyncio
import logging
import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

import aiohttp

from steelyard_runtime.failure import Failure, Reason, infrastructure_failure
from steelyard_runtime.generate.judge import OWN, TOKEN
from steelyard_runtime.generate.launch import Launch

LOG = logging.getLogger("steelyard.vllm")
LONGEST_LINE = 1 << 16
ASK_EVERY = 0.5
ERROR = re.compile(r"(?:^|\bERROR\b.*\] )([A-Z]\w*(?:Error|Exception): .+)")
"""The first of them is the cause: each of vLLM's processes then tells that another one has failed."""


class Child:
    """One process of vLLM with all that it starts. Use it as an async context: nothing of it outlives the block."""

    def __init__(self, launch: Launch, environment: Mapping[str, str], port: int, token: str) -> None:
        self._launch = launch
        self._environment = {**environment, **launch.environment}
        self._url = f"http://127.0.0.1:{port}"
        self._token = {TOKEN.decode(): token}
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._listening: asyncio.Task[None] | None = None
        self._error: str | None = None

    async def __aenter__(self) -> Self:
        LOG.info("starting %s", " ".join(self._launch.arguments))
        self._process = await asyncio.create_subprocess_exec(
            *self._launch.arguments,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=LONGEST_LINE,
        )
        self._listening = asyncio.create_task(self._listen(self._process))
        self._session = aiohttp.ClientSession(self._url, headers=self._token, trust_env=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None and self._listening is not None
        await self._session.close()
        await self.stop(1.0)
        self._listening.cancel()

    @property
    def pid(self) -> int:
        """Of the process that was started; the others descend from it."""
        assert self._process is not None
        return self._process.pid

    async def ended(self) -> int:
        """Wait for its end; return the exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def ready(self) -> None:
        """Wait until it answers; raises `Failure` when it ends instead. However long that takes is for whoever waits to decide."""
        assert self._process is not None
        while not await self.healthy(5.0):
            if self._process.returncode is not None:
                raise self.failure(self._process.returncode)
            await asyncio.sleep(ASK_EVERY)

    async def healthy(self, seconds: float) -> bool:
        """Whether it says so within that time."""
        assert self._session is not None
        try:
            async with self._session.get("/health", timeout=aiohttp.ClientTimeout(total=seconds)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def text(self, path: str, seconds: float = 5.0) -> bytes:
        """Get a page of it; raises aiohttp.ClientError or TimeoutError."""
        assert self._session is not None
        async with self._session.get(path, timeout=aiohttp.ClientTimeout(total=seconds)) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def own(self, what: str) -> Any:
        """Ask the judge inside of it: `state`, or `drain`, which also lets connections end."""
        assert self._session is not None
        async with self._session.get(f"{OWN}{what}", timeout=aiohttp.ClientTimeout(total=5.0)) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def complete(self, document: Mapping[str, Any], seconds: float) -> Any:
        """Ask for a completion that counts for nothing; raises `Failure` where it is refused."""
        return await self.asked("/v1/completions", document, seconds)

    async def asked(self, path: str, document: Mapping[str, Any], seconds: float) -> Any:
        """The same of any of its paths."""
        assert self._session is not None
        async with self._session.post(path, json=document, timeout=aiohttp.ClientTimeout(total=seconds)) as answer:
            if answer.status != 200:
                raise infrastructure_failure(
                    Reason.UNEXPECTED, f"vLLM answers a golden request with {answer.status}: {(await answer.text())[:500]}"
                )
            return await answer.json()

    async def stop(self, grace: float) -> None:
        """End it and all that it started: politely, then not."""
        process = self._process
        assert process is not None
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), grace)
            except TimeoutError:
                LOG.warning("vLLM did not end within %.0f s and is killed", grace)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session: workers that it left behind as well
        await process.wait()

    def failure(self, code: int) -> Failure:
        """What its end means."""
        why = f": {self._error}" if self._error else "; the log above says why"
        return infrastructure_failure(Reason.UNEXPECTED, f"vLLM ended with code {code}{why}")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # longer than any line that is worth reading
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            found = ERROR.search(text)
            if found and self._error is None:
                self._error = found[1][:800]
            LOG.info("%s", text)
