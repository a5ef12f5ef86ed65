"""Requests that a user gives of a server whose requests nobody else knows."""

from typing import Annotated

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.text import DataKey, ObjectName


class ConfigMapKey(SpecModel):
    """One key of a ConfigMap in the same namespace."""

    name: Annotated[ObjectName, says("The name of the ConfigMap in the workload's own namespace.", example="ranker-samples")]
    key: Annotated[
        DataKey,
        says("The key whose value has the requests.", example="peak.jsonl"),
    ] = "requests.jsonl"


class Samples(SpecModel):
    """Requests as users send them, one JSON object a line: path, and body (JSON) or base64; headers where the server needs some."""

    config_map: Annotated[
        ConfigMapKey,
        says(
            "The ConfigMap that has them, one request a line: {path: /v1/rank, body: {...}} as JSON, or base64 in place of body; "
            "headers beside it. Only pods of probes and trials read it, from the next one on."
        ),
    ]
