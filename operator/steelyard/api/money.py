"""Money and other decimals: strings, because a float in YAML is rounded before anyone has looked at it. Where whole numbers are usual, they
may stand without quotes.

The API conventions of Kubernetes forbid floats in a spec. Core reads these strings with `decimal.Decimal`.
"""

import re
from typing import Annotated

from pydantic import Field

from steelyard.api.int_or_string import IntOrString
from steelyard.api.rule import Pattern, Rule

DECIMAL = "^(0|[1-9][0-9]{0,8})([.][0-9]{1,15})?$"

NOT_ZERO = Rule(
    "self.matches('[1-9]')",
    "must be more than 0; leave it out when it is not known: an unknown amount is shown as unknown, and is never taken for free",
    lambda amount: re.search("[1-9]", amount) is not None,
)

Money = Annotated[
    str,
    Field(max_length=19),
    Pattern(
        DECIMAL,
        'must be an amount as a quoted decimal of at most 9 places, without sign, currency or exponent, such as "1.25"',
        quoted=True,
    ),
]
"""An amount in the currency of the installation, 0 included."""

Budget = Annotated[Money, IntOrString("self >= 0 && self <= 999999999")]
"""An amount in the currency of the installation, 0 included; a whole number may stand without quotes."""

PositiveMoney = Annotated[Money, NOT_ZERO]
"""An amount in the currency of the installation, more than 0."""

PositiveDecimal = Annotated[
    str,
    Field(max_length=19),
    Pattern(DECIMAL, 'must be a number as a quoted decimal of at most 9 places, without sign or exponent, such as "0.30"', quoted=True),
    NOT_ZERO,
]
"""A number more than 0."""

ObjectivePercent = Annotated[
    str,
    Field(max_length=6),
    Pattern(
        "^[1-9][0-9]?([.][0-9]{1,3})?$",
        'must be a whole number from 1 to 99, or a quoted decimal to "99.999" such as "99.9": 100 would leave no room for one slow request',
        quoted=True,
    ),
    IntOrString("self >= 1 && self <= 99"),
]
"""The share of requests that must meet an objective, in percent, between 0 and 100; a whole number may stand without quotes."""

CurrencyCode = Annotated[str, Field(max_length=3, pattern="^[A-Z]{3}$")]
"""An ISO 4217 code. Written by the operator only."""

Decimal = Annotated[str, Field(max_length=24, pattern="^-?(0|[1-9][0-9]{0,11})([.][0-9]{1,15})?$")]
"""A number that the operator reports. Written by the operator only."""
