"""The audit log is read while it is written."""

import json
from pathlib import Path

from cluster.audit import Audit


def line(name: str) -> str:
    return json.dumps(
        {
            "user": {"username": "somebody"},
            "verb": "update",
            "objectRef": {"resource": "pods", "name": name},
            "stage": "ResponseComplete",
            "stageTimestamp": "2026-01-01T00:00:00Z",
        }
    )


def names(audit: Audit) -> list[str]:
    return [write.name for write in audit.writes()]


def test_a_mark_amid_a_half_written_line_begins_with_the_next_one(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(line("before") + "\n" + line("amid")[:40])
    audit = Audit(log)
    assert names(audit) == []
    with log.open("a") as more:
        more.write(line("amid")[40:])
    assert names(audit) == []
    with log.open("a") as more:
        more.write("\n" + line("after") + "\n" + line("late")[:40])
    assert names(audit) == ["after"]


def test_a_mark_behind_a_whole_line_begins_with_the_next_one(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    audit = Audit(log)
    log.write_text(line("first") + "\n")
    assert names(audit) == ["first"]
    audit.mark()
    with log.open("a") as more:
        more.write(line("second") + "\n")
    assert names(audit) == ["second"]
