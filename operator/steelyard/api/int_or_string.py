"""A string for which a whole number may stand without quotes: the one union that a structural schema allows."""

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from steelyard.api.rule import VALIDATIONS

INT_OR_STRING = "x-kubernetes-int-or-string"


@dataclass(frozen=True, slots=True)
class IntOrString:
    """Stands last in `Annotated[str, Pattern(...), ...]`. `whole` is the pattern's rule for a whole number, in CEL.

    A fraction without quotes stays a wrong type, which the API server answers before any rule is asked (ADR 0032).
    """

    whole: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the number as the text that it would be in quotes."""
        return core_schema.no_info_before_validator_function(_as_text, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """No type and no anyOf: the API server knows both types by the keyword, and with anyOf it answers a third one with five lines."""
        described = handler(schema)
        described.pop("type")
        # CEL sees the value as it was written, so only a string can be matched.
        rules = [{**rule, "rule": f"type(self) == int ? {self.whole} : {rule['rule']}"} for rule in described.get(VALIDATIONS, [])]
        return {"maxLength": 20, **described, INT_OR_STRING: True, VALIDATIONS: rules}


def _as_text(value: Any) -> Any:
    """A boolean is no integer here."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
