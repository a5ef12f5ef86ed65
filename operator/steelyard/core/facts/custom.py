"""A program of the user's own, as an image: what runs on which family of accelerators, and how it is asked whether it is well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import ServerPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One environment variable: a value, or a key of a Secret (name, key) of the same namespace."""

    name: str
    value: str | None = None
    secret: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """An image by its digest, and what it is started with. `resources`: of one replica; None where nothing is said of this family."""

    image: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    resources: Resources | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is different on a family. Empty: as the general program has it; `env` goes before its variables of the same names."""

    image: str | None = None
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    resources: Resources | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Paths that answer 200 while it works, and once it is ready, within `startup_seconds`."""

    live: str
    ready: str
    startup_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Seconds that a replica goes on serving before it is told to end, and that it has from then on."""

    delay_seconds: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom:
    """`general` runs on `families`, without an image where only variants have one. `model_path`: the folder of the model's files, where a model is
    named. `disk_gib`: of the node, for one replica."""

    general: Variant
    families: tuple[str, ...]
    variants: Mapping[str, Variant] = field(default_factory=dict)
    port: int
    model_path: str
    disk_gib: float
    probes: Probes
    drain: Drain
    page: ServerPage

    def program(self, family: str) -> Program | None:
        """What runs on accelerators of a family; None where nothing does."""
        own = self.variants.get(family)
        if own is None:
            return _program(self.general) if family in self.families else None
        env = {variable.name: variable for variable in (*self.general.env, *own.env)}
        return _program(
            replace(
                own,
                image=own.image or self.general.image,
                command=own.command or self.general.command,
                args=own.args or self.general.args,
                env=tuple(env.values()),
            )
        )

    @property
    def runs_on(self) -> tuple[str, ...]:
        """The families that it has a program for."""
        return tuple(sorted({*self.families, *self.variants}))

    @property
    def title(self) -> str:
        """Of its image, or of the first that a variant has."""
        image = self.general.image or next((v.image for v in self.variants.values() if v.image), "")
        return image_title(image)


def image_title(image: str) -> str:
    """For people: without registry, folder, tag and digest."""
    return image.partition("@")[0].rsplit("/", 1)[-1].partition(":")[0]


def _program(given: Variant) -> Program | None:
    if given.image is None:
        return None
    return Program(image=given.image, command=given.command, args=given.args, env=given.env, resources=given.resources)
