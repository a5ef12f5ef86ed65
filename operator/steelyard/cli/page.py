"""A generated page: written, or with --check compared."""

from __future__ import annotations

import sys
from pathlib import Path


def keep(path: str, text: str, command: str) -> int:
    """Write `text` to `path` in the present directory; with --check only say whether it would change. The exit code."""
    if sys.argv[1:] not in ([], ["--check"]):
        print(f"usage: {command} [--check]", file=sys.stderr)
        return 2
    page = Path(path)
    if sys.argv[1:] == ["--check"]:
        if page.exists() and page.read_text() == text:
            return 0
        print(f"{path} is out of date: run `{command}` in the repository's root", file=sys.stderr)
        return 1
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)
    return 0
