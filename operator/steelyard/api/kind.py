"""What the API server must know of a kind beside its schema: names, scope, columns."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from steelyard.api.model import Model, StatusModel

GROUP = "steelyard.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "steelyard"
"""`kubectl get steelyard` lists all of ours. Never `all`: that one is for what a namespace's user expects to delete together."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`; with `wide` only of `kubectl get -o wide`."""

    name: str
    path: str
    what: str
    type: Literal["string", "integer", "date"] = "string"
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """JSON paths of a scale subresource: the number that is wanted, the number that there is, and the pods' selector as a string."""

    spec: str
    status: str
    selector: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of the group."""

    model: type["Resource"]
    name: str
    plural: str
    short: str
    scope: Literal["Namespaced", "Cluster"]
    columns: tuple[Column, ...]
    selectable: tuple[str, ...] = field(default=())
    scale: Scale | None = None

    @property
    def crd_name(self) -> str:
        """The name of the CustomResourceDefinition."""
        return f"{self.plural}.{GROUP}"


class ObjectMeta(StatusModel):
    """The part of metadata that Steelyard reads. The API server owns its rules, except for the length of names."""

    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    generation: int | None = None
    resource_version: str | None = None
    creation_timestamp: AwareDatetime | None = None
    deletion_timestamp: AwareDatetime | None = None
    labels: Annotated[dict[str, str], Field(default_factory=dict)]
    annotations: Annotated[dict[str, str], Field(default_factory=dict)]


class Resource(Model):
    """A whole object as the API server returns it."""

    api_version: Literal["steelyard.dev/v1alpha1"] = "steelyard.dev/v1alpha1"
    kind: Any
    metadata: ObjectMeta
