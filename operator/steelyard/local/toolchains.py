"""What is installed on this machine to compile and to serve with, by the runtime's own word."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steelyard.core.facts.snapshot import Toolchain

PATIENCE = 600.0
"""Seconds. The digest of a large model is read from its disk."""
INSTALL = "pip install 'steelyard[local]' (in a checkout: pip install '.[local]')"


class NotTold(Exception):  # noqa: N818 - an answer
    """The runtime does not run here, or says no; its message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """`missing`: packages of the back end that are not installed. Without `loads`, its own, nothing runs; without the others nothing is compiled, and
    what was compiled before runs."""

    toolchain: Toolchain
    loads: str
    missing: tuple[str, ...]

    @property
    def refusal(self) -> str | None:
        """Why it cannot run here; None where it can."""
        return f"{self.loads} is not installed: {INSTALL}" if self.loads in self.missing else None


def installed() -> Mapping[str, Installed]:
    """By back end. Raises NotTold."""
    return {name: _one(name, told) for name, told in json.loads(told_by("toolchains")).items()}


def told_by(*words: str) -> str:
    """What `steelyard-runtime WORD...` prints. Raises NotTold."""
    command = [sys.executable, "-m", "steelyard_runtime.main", *words]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotTold(f"`steelyard-runtime {' '.join(words)}` said nothing within {PATIENCE:g} s") from error
    if found.returncode != 0:
        raise NotTold((found.stderr.strip().splitlines() or [f"exit code {found.returncode}"])[-1])
    return found.stdout.strip()


def _one(name: str, told: Mapping[str, object]) -> Installed:
    packages = told["packages"]
    assert isinstance(packages, dict)
    first: Sequence[str] = list(packages)
    return Installed(
        toolchain=Toolchain(
            backend=name,
            serve_image=name,
            compile_image=name,
            versions={package: version for package, version in packages.items() if version is not None},
            target=str(told["target"]),
        ),
        loads=first[0],
        missing=tuple(package for package, version in packages.items() if version is None),
    )
