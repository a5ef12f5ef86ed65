"""The entry point: parse, run, and turn every failure into two lines and an exit code."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from pathlib import Path

from steelyard.app.extra import remedy
from steelyard.cli.command import FAILED, INTERRUPTED, Command
from steelyard.cli.parser import build
from steelyard.cli.problem import Problem


def spelt(words: list[str]) -> list[str]:
    """With `trial --local` as `trial local`."""
    return [word if before != "trial" or word != "--local" else "local" for before, word in zip(["", *words], words, strict=False)]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code. As `kubectl-steelyard` it calls itself by what the user typed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    prog = "kubectl steelyard" if Path(sys.argv[0]).name.startswith("kubectl-") else "steelyard"
    parsed = build(prog).parse_args(spelt(sys.argv[1:] if arguments is None else arguments))
    command: Command = parsed.command
    try:
        code = command.run(parsed)
        sys.stdout.flush()  # Here, where a closed pipe is still answered in peace.
        return code
    except Problem as problem:
        print(f"error: {problem.what}", file=sys.stderr)
        print(f"  try: {problem.todo}", file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as missing:
        package = str(missing.name).partition(".")[0]
        print(f"error: this command needs the package {package}, which is not installed", file=sys.stderr)
        print(f"  try: {remedy(package)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has enough.
        _ends_here()
        return 0
    except OSError as error:
        where = error.filename or "standard output"
        print(f"error: {where}: {error.strerror or error}", file=sys.stderr)
        print("  try: look at the place's permissions and its free space, or give another", file=sys.stderr)
        _ends_here()
        return FAILED


def _ends_here() -> None:
    """Nothing more is written to standard output, not even at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
