"""Reads a Dockerfile just far enough to know which files a target is built from."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from cluster.errors import ClusterError

#: Never part of an image, and changed by merely looking at the source.
NOT_SOURCE = {"__pycache__", ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache"}


@dataclass
class Stage:
    """One FROM and what follows it."""

    name: str
    base: str
    text: str
    sources: list[str] = field(default_factory=list)
    """What it copies from the source, as written there."""
    stages: set[str] = field(default_factory=set)
    """The stages it copies from."""


def _instructions(text: str) -> list[str]:
    kept = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [line for line in re.sub(r"\\\s*\n", " ", "\n".join(kept)).splitlines() if line.strip()]


def stages(text: str) -> dict[str, Stage]:
    """The stages by name, and by number."""
    found: dict[str, Stage] = {}
    preamble: list[str] = []
    current: Stage | None = None
    for number, line in enumerate(_instructions(text)):
        words = line.split()
        match words[0].upper():
            case "FROM":
                plain = [word for word in words[1:] if not word.startswith("--")]
                name = plain[2] if len(plain) > 2 else str(number)
                current = Stage(name, plain[0], "\n".join([*preamble, line]))
                found[str(len(set(map(id, found.values()))))] = found[name] = current
                continue
            case "COPY" | "ADD" if current is not None:
                _read_copy(current, words[1:])
            case "RUN" if current is not None:
                for mount in re.findall(r"--mount=(\S+)", line):
                    options = dict(part.partition("=")[::2] for part in mount.split(","))
                    if "from" in options:
                        current.stages.add(options["from"])
                    elif options.get("type", "bind") == "bind":
                        current.sources.append(options.get("source") or options.get("src") or ".")
        if current is None:
            preamble.append(line)
        else:
            current.text += f"\n{line}"
    return found


def _read_copy(stage: Stage, words: list[str]) -> None:
    options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
    if "from" in options:
        stage.stages.add(options["from"])
        return
    plain = shlex.split(" ".join(word for word in words if not word.startswith("--")).replace("[", "").replace("]", "").replace(",", " "))
    stage.sources += plain[:-1]


def stages_of(text: str, target: str) -> list[Stage]:
    """The target's stage and all that it is built from."""
    known = stages(text)
    if target not in known:
        raise ClusterError(f"the Dockerfile has no target {target}: it has {', '.join(sorted({s.name for s in known.values()}))}")
    needed: dict[str, Stage] = {}
    open_names = [target]
    while open_names:
        stage = known[open_names.pop()]
        if stage.name not in needed:
            needed[stage.name] = stage
            open_names += [name for name in (stage.base, *stage.stages) if name in known]
    return list(needed.values())


def inputs(context: Path, text: str, target: str) -> list[Path]:
    """Every file of the source that goes into the target, sorted."""
    files: set[Path] = set()
    for source in {source for stage in stages_of(text, target) for source in stage.sources}:
        for path in context.glob(source.strip("/").removeprefix("./") or "*") if source not in {".", "./"} else context.iterdir():
            candidates = [path] if path.is_file() else path.rglob("*")
            files |= {file for file in candidates if file.is_file() and not NOT_SOURCE & set(file.relative_to(context).parts)}
    return sorted(files)
