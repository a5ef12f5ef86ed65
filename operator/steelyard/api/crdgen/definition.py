"""The CustomResourceDefinition of a kind."""

from typing import Any

from steelyard.api.crdgen.structural import Schema, structural
from steelyard.api.kind import CATEGORY, GROUP, VERSION, Column, Kind
from steelyard.api.model import SpecModel, StatusModel
from steelyard.api.rule import VALIDATIONS


def definition(kind: Kind) -> dict[str, Any]:
    """The whole manifest of one kind.

    InferenceWorkload has no scale subresource: the number of replicas is decided for each pool, so a single number that an HPA could write
    would only fight with the plan. Who wants an HPA sets `scaling.owner: External` and gives it the ScaleTargets.
    """
    version: dict[str, Any] = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
        "schema": {"openAPIV3Schema": object_schema(kind)},
        "subresources": {"status": {}},
    }
    if kind.scale is not None:
        version["subresources"]["scale"] = {
            "specReplicasPath": kind.scale.spec,
            "statusReplicasPath": kind.scale.status,
            "labelSelectorPath": kind.scale.selector,
        }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.crd_name, "labels": {"app.kubernetes.io/part-of": "steelyard"}},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "scope": kind.scope,
            "versions": [version],
        },
    }


def object_schema(kind: Kind) -> Schema:
    """The schema of a whole object. Kubernetes itself checks apiVersion, kind and metadata, so they are not described again."""
    fields = kind.model.model_fields
    spec, status = fields["spec"], fields["status"]
    spec_model, status_model = spec.annotation, status.annotation
    if not (isinstance(spec_model, type) and issubclass(spec_model, SpecModel)):
        raise TypeError(f"{kind.name}.spec must be a SpecModel, so that unknown fields are refused")
    if not (isinstance(status_model, type) and issubclass(status_model, StatusModel)):
        raise TypeError(f"{kind.name}.status must be a StatusModel, so that fields of a newer operator are ignored")
    whole = structural(kind.model, status="status")
    properties = whole["properties"]
    schema: Schema = {
        "description": " ".join((kind.model.__doc__ or "").split()),
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": properties["spec"], "status": properties["status"]},
    }
    if VALIDATIONS in whole:
        schema[VALIDATIONS] = whole[VALIDATIONS]
    return schema


def _column(column: Column) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path, "description": column.what}
    return {**shown, "priority": 1} if column.wide else shown
