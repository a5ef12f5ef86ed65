"""Numbers that the operator reports, as types: counts, seconds and decimals, each with the bound that JSON schema needs."""

from typing import Annotated

from pydantic import Field

INT32_MAX = 2**31 - 1
EXACT_MAX = 2**53 - 1
"""The API server keeps bounds as 64-bit floats: 2**63 - 1 becomes 2**63 there, which is no int64, and then every value is refused."""

Count = Annotated[int, Field(ge=0, le=EXACT_MAX, strict=True)]
"""A number of requests or other events."""

Seconds = Annotated[int, Field(ge=0, le=EXACT_MAX, strict=True)]
"""A length of time, or a sum of such lengths."""

SmallCount = Annotated[int, Field(ge=0, le=INT32_MAX, strict=True)]
"""A number of replicas, nodes, devices or attempts."""

Generation = Annotated[int, Field(ge=0, le=EXACT_MAX, strict=True)]
"""A value of metadata.generation."""
