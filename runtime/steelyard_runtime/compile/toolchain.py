"""What is installed against what the key was made from."""

from importlib.metadata import PackageNotFoundError, version
from typing import Protocol

from steelyard_runtime.failure import Reason, user_failure


class Packaged(Protocol):
    """Something that distributions make."""

    @property
    def name(self) -> str:
        """The word in `spec.backend`."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Its distributions; the first is the one that must agree between compile and load."""


def installed(package: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def require_toolchain(wanted: tuple[tuple[str, str], ...], backend: Packaged) -> None:
    """Refuse when any named package is missing or differs, or when the back end's own package is not named."""
    if backend.packages[0] not in dict(wanted):
        raise user_failure(
            Reason.INVALID_SPEC,
            f"toolchain does not name {backend.packages[0]}, which makes the bytes of back end {backend.name}; name its exact version",
        )
    for package, version_wanted in wanted:
        found = installed(package)
        if found != version_wanted:
            raise user_failure(
                Reason.TOOLCHAIN_MISMATCH,
                f"{package} {version_wanted} is wanted, {found or 'none'} is installed in this image;"
                " use the image of that toolchain, or a key made from this one",
            )


def toolchain_of(backend: Packaged) -> tuple[tuple[str, str], ...]:
    """Return the back end's packages with their installed versions, sorted."""
    return tuple(sorted((package, installed(package) or "none") for package in backend.packages))
