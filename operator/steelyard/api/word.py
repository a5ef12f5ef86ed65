"""A vocabulary word: the value users write, and the sentence that explains it."""

from enum import StrEnum
from typing import Self

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

WORDS = "x-steelyard-words"


class Word(StrEnum):
    """An enum whose members carry their meaning, so that `kubectl explain` and the reference page teach the same sentence.

    Members are written `NAME = "Value", "what it means"`.
    """

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        """Make a member that is its value as a string."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Hand the meanings on to the generator; the enum's docstring is about the code and stays out."""
        described = handler(schema)
        resolved = handler.resolve_ref_schema(described)
        resolved.pop("description", None)
        resolved[WORDS] = [[word.value, word.meaning] for word in cls]  # pairs: pydantic sorts keys, and the order teaches
        return described
