"""A process that has to end does end, also where a part of it hangs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from patience import PATIENCE
from steelyard.app.config import Config
from steelyard.app.operator import Identity, Operator

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

THE_OPERATORS = """
import sys
from steelyard.app import main
from steelyard.app.ending import end_at_latest

class Operator:
    def __init__(self, *_, on_ending, **__):
        self.on_ending = on_ending

    async def run(self):
        return 3 if self.on_ending is end_at_latest else 4

main.Operator = Operator
sys.exit(main.main(["--config", sys.argv[1]]))
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


def test_the_operators_process_is_such_a_one(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{}")
    ended = subprocess.run([sys.executable, "-c", THE_OPERATORS, str(tmp_path / "config.yaml")], timeout=PATIENCE, check=False)
    assert ended.returncode == 3


async def test_an_operator_says_once_that_it_has_to_end() -> None:
    nobody: Any = None
    told: list[None] = []
    operator = Operator(Config(), nobody, Identity.of("p", "ns"), host="", port=0, on_ending=lambda: told.append(None))
    operator._end(1)
    operator._end(1)
    assert len(told) == 1
