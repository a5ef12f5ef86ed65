"""Which versions of Kubernetes the operator works on: each minor version from the oldest to the newest is tested."""

from __future__ import annotations

from steelyard.control.log import get_logger

OLDEST = (1, 35)
"""From here on the API server promises that resourceVersions only grow, which the store and the Lease rely on."""
NEWEST = (1, 37)
_log = get_logger(__name__)


def is_new_enough(found: tuple[int, int]) -> bool:
    """Whether the operator may start on an API server of this major and minor version; says so where it may not, or where nobody has tested
    it."""
    if found < OLDEST:
        _log.error("the operator does not start: this Kubernetes is too old", found=_written(found), oldest=_written(OLDEST))
    if found > NEWEST:
        _log.warning("this version of the operator was not tested on so new a Kubernetes", found=_written(found), newest=_written(NEWEST))
    return found >= OLDEST


def _written(version: tuple[int, int]) -> str:
    major, minor = version
    return f"{major}.{minor}"
