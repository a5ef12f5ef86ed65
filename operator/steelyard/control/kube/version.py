"""resourceVersions: numbers that only grow, each resource's for itself, since Kubernetes 1.35. On older servers nobody promises that.

They go back when etcd was restored from a backup. What was seen before then is of a past that has not happened, objects that were made since
the backup included, and no watch will say so: the process has to end, and the next one lists everything anew.
"""


class VersionsWentBack(Exception):  # noqa: N818 - what has happened, not whose mistake it is
    """The API server gave a version that is older than what it gave before, or lacks what was there."""


def newer(version: str, than: str) -> bool:
    """Whether a resourceVersion is newer than another of the same resource. What is not a number is compared as unequal."""
    if version.isdigit() and than.isdigit():
        return int(version) > int(than)
    return version != than


def not_before(version: str, seen: str, what: str) -> None:
    """Raises VersionsWentBack where a version is older than one that was seen before it was asked for. `what`: of which it is."""
    if version.isdigit() and seen.isdigit() and int(version) < int(seen):
        raise VersionsWentBack(f"{what} is at version {version}, and was at {seen} before")
