"""The three bases of every model: what users ask for, what the operator reports, and the object around both."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from steelyard.api.describe import LIST_KEYS, LIST_TYPE
from steelyard.api.rule import VALIDATIONS, Rule, raise_broken

STORED = "stored"
"""What the context of a validation holds where the API server has taken the object already."""


def field_name(name: str) -> str:
    """The name of a Python field as users write it: `max_nodes` is maxNodes, `from_` is from, `memory_gib` is memoryGiB."""
    return to_camel(name.rstrip("_")).replace("Gib", "GiB")


def _extras(field: FieldInfo) -> Iterator[dict[str, Any]]:
    """What `says` noted about a field, on the field itself or on the type inside an optional one."""
    inner = (note for part in get_args(field.annotation) if get_origin(part) is Annotated for note in part.__metadata__)
    for note in (field, *inner):
        if isinstance(note, FieldInfo) and isinstance(note.json_schema_extra, dict):
            yield note.json_schema_extra


def _each_once(name: str, field: FieldInfo) -> Iterator[Rule]:
    """The uniqueness that a list type promises. The API server checks it by itself, so this is for those without one."""
    for extra in _extras(field):
        if keys := extra.get(LIST_KEYS):
            must = f"must give each {' and '.join(keys)} once"
            yield Rule("", must, partial(_keys_distinct, name, tuple(keys)), field_name(name))
        elif extra.get(LIST_TYPE) == "set":
            yield Rule("", "must give each value once", partial(_keys_distinct, name, ()), field_name(name))


def _keys_distinct(name: str, keys: tuple[str, ...], model: "Model") -> bool:
    items = getattr(model, name) or ()
    seen = {repr([item.to_raw().get(key) for key in keys] if keys else item) for item in items}
    return len(seen) == len(items)


class Model(BaseModel):
    """A frozen piece of an object. Rules between its fields stand in `RULES`."""

    model_config = ConfigDict(frozen=True, alias_generator=field_name, validate_by_name=True, validate_by_alias=True)

    RULES: ClassVar[tuple[Rule, ...]] = ()
    _LIST_RULES: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **arguments: Any) -> None:
        """Work out once what the list types promise."""
        super().__pydantic_init_subclass__(**arguments)
        cls._LIST_RULES = tuple(rule for name, field in cls.model_fields.items() for rule in _each_once(name, field))

    @model_validator(mode="after")
    def _rules_hold(self, info: ValidationInfo) -> Self:
        raise_broken((*self.RULES, *self._LIST_RULES), self, stored=STORED in (info.context or ()))
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the rules to the schema of the model."""
        described = handler(schema)
        if cls.RULES:
            handler.resolve_ref_schema(described)[VALIDATIONS] = [rule.as_validation() for rule in cls.RULES]
        return described

    def to_raw(self) -> dict[str, Any]:
        """The model as the API server reads it: camelCase names, only what is set, times and dates as strings."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class SpecModel(Model):
    """What a user asks for. An unknown field is an error: a misspelt wish must never be ignored in silence."""

    model_config = ConfigDict(extra="forbid")


class StatusModel(Model):
    """What the operator reports. Unknown fields are ignored, because a newer operator may have written them."""

    model_config = ConfigDict(extra="ignore")
