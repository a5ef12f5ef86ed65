"""A rule between fields, written once: as CEL for the API server and as a predicate for everyone without one.

The API server is the judge. The predicate gives `parse`, which reads objects without an API server, the same answer; one table of bad objects
runs against both, so the two cannot drift apart unseen.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from steelyard.api.describe import QUOTED

VALIDATIONS = "x-kubernetes-validations"

RuleReason = Literal["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired"]
"""The reasons that a CRD may give (Kubernetes documentation, "Validation rules", `reason`), less FieldValueDuplicate: with that one the API
server answers "Duplicate value" and drops the message."""

BROKEN = "rule_broken"
"""The type of the pydantic error that carries broken rules in its context."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence that must hold, beside what JSON schema can say.

    `cel` sees the value as `self`; `must` starts with "must" and says what to do; `holds` is the same rule in Python, or None for a
    rule about a change (`oldSelf`), which only the API server can judge. `field` names the field at fault, as CEL's `fieldPath`.
    `spares_stored`: it is younger than objects that may be stored and breaks nothing of them: who writes is refused, and what is stored is read.
    Used in `Annotated[...]` for one value, or in a model's `RULES` for several.
    """

    cel: str
    must: str
    holds: Callable[[Any], bool] | None
    field: str | None = None
    reason: RuleReason = "FieldValueInvalid"
    spares_stored: bool = False

    def as_validation(self) -> dict[str, str]:
        """The entry of `x-kubernetes-validations`."""
        entry = {"rule": self.cel, "message": self.must}
        if self.reason != "FieldValueInvalid":  # the API server's own default
            entry["reason"] = self.reason
        if self.field is not None:
            entry["fieldPath"] = f".{self.field}"
        return entry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the rule after the value's own type has been checked."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the rule to the schema of the value."""
        described = handler(schema)
        described[VALIDATIONS] = [*described.get(VALIDATIONS, []), self.as_validation()]
        return described

    def _check(self, value: Any) -> Any:
        raise_broken((self,), value)
        return value


def raise_broken(rules: tuple[Rule, ...], value: Any, *, stored: bool = False) -> None:
    """Raise one pydantic error that carries every rule which `value` breaks; return quietly if there is none. stored: whether the API server holds
    it already."""
    judged = (rule for rule in rules if not (stored and rule.spares_stored))
    broken = tuple(rule for rule in judged if rule.holds is not None and not rule.holds(value))
    if broken:
        raise PydanticCustomError(BROKEN, "{sentence}", {"sentence": "; ".join(rule.must for rule in broken), "broken": broken})


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern with the sentence that a regular expression cannot say.

    The API server quotes a failed `pattern` as the bare expression, which tells nobody what to do. So what users write is checked by a CEL
    rule with the sentence, and `pattern` is left out of its schema (`crdgen/structural.py`). RE2 and pydantic's engine agree on the syntax
    used here: character classes, groups, bounded repeats, anchors; no backslash, no single quote.
    `quoted`: it looks like a number and is text, so the description says that it stands in quotes.
    """

    expression: str
    must: str
    quoted: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check the pattern, answering with its sentence."""
        inner = handler(source)
        matcher = core_schema.str_schema(pattern=self.expression)
        refusal = core_schema.custom_error_schema(
            matcher, BROKEN, custom_error_message="{sentence}", custom_error_context={"sentence": self.must}
        )
        return core_schema.chain_schema([inner, refusal])

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the pattern and its sentence to the schema of the string."""
        steps = schema.get("steps", [schema])
        described = handler(steps[0])
        described["pattern"] = self.expression
        if self.quoted:
            described[QUOTED] = True
        told = Rule(f"self.matches('{self.expression}')", self.must, None)
        described[VALIDATIONS] = [*described.get(VALIDATIONS, []), told.as_validation()]
        return described
