"""`steelyard-runtime collect`."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from steelyard_runtime.artifacts.collect import collect
from steelyard_runtime.artifacts.store import KEY, open_store
from steelyard_runtime.failure import Failure

LEAST_DAYS = 1.0
"""A compile that is under way has published nothing that is older, and what it adopts is referred to by then."""


def run_collect(options: argparse.Namespace) -> int:
    """Print a line for each key; return 0, 1 where the store does not answer, 2 for arguments that make no sense."""
    try:
        text = sys.stdin.read() if options.keep == "-" else Path(options.keep).read_text()
    except OSError as error:
        sys.stderr.write(f"the list of keys to keep cannot be read: {error}\n")
        return 2
    keep = text.split()
    wrong = [word for word in keep if not KEY.fullmatch(word)]
    if wrong:
        sys.stderr.write(f"{wrong[0]!r} is no compile key (64 hex digits): nothing was removed, for what else may be missing\n")
        return 2
    if options.remove and not keep:
        sys.stderr.write("the list of keys to keep is empty, which would remove everything: give one key at least\n")
        return 2
    if options.remove and options.days < LEAST_DAYS:
        sys.stderr.write(f"--days must be {LEAST_DAYS:g} at least with --remove: younger artifacts may be on their way to be used\n")
        return 2
    before = datetime.now(UTC) - timedelta(days=options.days)
    gone, freed = 0, 0
    try:
        for judged in collect(open_store(options.store), frozenset(keep), before, remove=options.remove):
            word = judged.kept or ("removed" if options.remove else "would be removed")
            gone, freed = gone + (judged.kept is None), freed + judged.stored.size * (judged.kept is None)
            sys.stdout.write(f"{judged.stored.key}  {judged.stored.modified:%Y-%m-%d}  {judged.stored.size:>12}  {word}\n")
    except Failure as failure:
        sys.stderr.write(f"{failure.message}\n")
        return 1
    sys.stdout.write(f"{gone} of these {'removed' if options.remove else 'would be removed'}, {freed} bytes\n")
    return 0
