"""A node's containers get what the person has set to play an older processor, and nothing else of the environment."""

import json
from pathlib import Path

import pytest

from cluster.container_runtime import base_spec


@pytest.fixture
def ctr(tmp_path: Path) -> Path:
    program = tmp_path / "ctr"
    program.write_text("""#!/bin/sh\necho '{"process": {"cwd": "/", "env": ["PATH=/bin"]}}'\n""")
    program.chmod(0o755)
    return program


def test_the_instruction_set_that_onednn_may_use_reaches_every_container(ctr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    assert json.loads(base_spec(ctr) or "")["process"] == {"cwd": "/", "env": ["PATH=/bin", "ONEDNN_MAX_CPU_ISA=AVX2"]}


def test_without_it_containers_start_from_what_containerd_has_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    assert base_spec(Path("/nowhere")) is None
