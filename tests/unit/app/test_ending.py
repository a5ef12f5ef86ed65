"""A process that has to end does end, also where a part of it hangs."""

import json
import subprocess
import sys

from patience import PATIENCE

HANGS = """
import asyncio
from steelyard.app.ending import end_at_latest
from steelyard.control.log import configure

async def deaf():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def main():
    configure(style="json", level="INFO")
    task = asyncio.create_task(deaf(), name="deaf")
    await asyncio.sleep(0)
    end_at_latest(0.5)
    task.cancel()
    await asyncio.gather(task)

asyncio.run(main())
"""

ENDS = """
import asyncio, sys
from steelyard.app.ending import end_at_latest

async def main():
    end_at_latest(3600)
    return 3

sys.exit(asyncio.run(main()))
"""


def test_what_hangs_is_told_and_does_not_keep_the_process() -> None:
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 1
    line = json.loads((ended.stdout + ended.stderr).splitlines()[-1])
    assert line["message"] == "this process did not end by itself, and is ended"
    assert any(task.startswith("deaf at deaf:") for task in line["still_running"])


def test_a_process_that_ends_before_keeps_its_own_code() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDS], timeout=PATIENCE, check=False)
    assert ended.returncode == 3
