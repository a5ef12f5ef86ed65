"""The tests that depend on the API server, on each older version of Kubernetes that the chart allows, one after the other.

`make test` runs them all on the newest. Here nodes and kubectl are of the newest too; etcd is the same.
"""

from __future__ import annotations

import os
import subprocess
import sys

from cluster import binaries
from cluster.errors import ClusterError

TESTS = (
    "tests/apiserver",
    "tests/fault/test_api_trouble.py",
    "tests/fault/test_other_hands.py",
    "tests/fault/test_restored_etcd.py",
    "tests/fault/test_upgrade.py",
    "tests/fault/test_writes_refused.py",
)


def main(minors: list[str]) -> int:
    """Run them on these minor versions, or on all older ones; the exit code of the first that fails."""
    wanted = minors or [*binaries.OLDER_MINORS]
    if unknown := [minor for minor in wanted if minor not in binaries.OLDER_MINORS]:
        raise ClusterError(f"no control plane of {', '.join(unknown)}: there are {', '.join(binaries.OLDER_MINORS)}")
    for minor in wanted:
        print(f"Kubernetes {minor}", flush=True)
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
        done = subprocess.run(pytest, env={**os.environ, "STEELYARD_KUBERNETES": minor}, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ClusterError as error:
        sys.exit(f"error: {error}")
