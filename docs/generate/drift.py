"""The difference between what the generated files hold and what they should hold."""

import difflib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

Files = Mapping[PurePosixPath, str]
"""The content of each file, by its path from the repository's root."""
WHOLLY_GENERATED = ("crds/*.yaml", "charts/steelyard/templates/crds/*.yaml")
"""Places where a file that nothing generates is left from a kind that is no more."""


def differences(root: Path, files: Files) -> str:
    """A unified diff from what the files hold to what they should hold; empty when they agree."""
    return "".join(
        line
        for path, text in sorted({**files, **dict.fromkeys(_left_over(root, files), "")}.items())
        for line in difflib.unified_diff(
            _lines(root / path), text.splitlines(keepends=True), fromfile=f"{path} (found)", tofile=f"{path} (generated)"
        )
    )


def write(root: Path, files: Files) -> None:
    """Write every file, making its folder where needed, and remove what is left over."""
    for path in _left_over(root, files):
        (root / path).unlink()
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _left_over(root: Path, files: Files) -> set[PurePosixPath]:
    return {PurePosixPath(found.relative_to(root)) for place in WHOLLY_GENERATED for found in root.glob(place)} - set(files)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
