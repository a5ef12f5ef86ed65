"""`python3 -m cluster.prepare demo|text|test`: what `make demo`, `make demo TEXT=1` and `make test` do first. It says what this machine lacks, or
builds and fetches all that the rest needs, with one line for all of it.

It is run by the machine's own Python, before there is an environment with packages: what it imports is the standard library's or stands here.
"""

import signal
import sys

from cluster import interrupts, preflight
from cluster.errors import ClusterError, LackingError
from cluster.mode import mode

DEMOS = {"demo": False, "text": True}
"""`make demo`, and whether it tells the story of text."""


def needs(goal):
    """What is looked at before; and what there is to build and fetch, which an older Python cannot tell."""
    where = mode() if goal in DEMOS else "local"
    name = "demo" if goal in DEMOS and where == "local" else ""
    if sys.version_info[:2] < preflight.LEAST_PYTHON:
        return preflight.Needs(python=True, go=True, cluster=where == "local", kind=where == "kind"), None
    from cluster import provision

    wanted = provision.for_demo(where, text=DEMOS[goal]) if goal in DEMOS else provision.for_tests()
    return wanted.needs(where, name), wanted


def main(goal):
    """0, or 2 when this machine lacks something, or 1 when something could not be built or fetched."""
    interrupts.become_exceptions()
    try:
        looked_at, wanted = needs(goal)
        preflight.demand(looked_at)
        from cluster.fulfil import fulfil

        fulfil(wanted.pieces())
    except LackingError as error:
        print(error, file=sys.stderr)
        return 2
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 128 + signal.SIGINT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
