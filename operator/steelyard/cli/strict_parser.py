"""argparse, which tells what it does not know by the usage of the command that was meant, and of an option without a value that it takes none."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NoReturn

_GLUED = re.compile("ignored explicit argument ")


class StrictParser(argparse.ArgumentParser):
    """argparse hands unknown words up to the root parser, whose usage says nothing of the command."""

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As argparse does; an unknown word ends with exit code 2."""
        given = sys.argv[1:] if args is None else list(args)
        found, unknown = super().parse_known_args(given, namespace)
        if unknown:
            flags = {option for action in self._actions if action.nargs == 0 for option in action.option_strings}
            for flag, word in pairwise(given):
                if flag in flags and word in unknown:
                    self.error(f"argument {flag}: takes no value; found {word!r}")
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """The usage and the message; exit code 2."""
        super().error(_GLUED.sub("takes no value; found ", message))
