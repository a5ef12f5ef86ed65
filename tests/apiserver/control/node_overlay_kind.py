"""Karpenter's kind NodeOverlay, with the fields and checks of its definition (karpenter.sh/v1alpha1, as of 1.14) that a price meets."""

from __future__ import annotations

from typing import Any

REQUIREMENT = {
    "type": "object",
    "required": ["key", "operator"],
    "properties": {
        "key": {
            "type": "string",
            "maxLength": 316,
            "x-kubernetes-validations": [
                {
                    "rule": "self in ['karpenter.sh/capacity-type', 'karpenter.sh/nodepool'] || !self.find('^([^/]+)').endsWith('karpenter.sh')"
                }
            ],
        },
        "operator": {"type": "string", "enum": ["Gte", "Lte", "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]},
        "values": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"},
    },
}
SPEC = {
    "type": "object",
    "required": ["requirements"],
    "x-kubernetes-validations": [{"rule": "!has(self.price) || !has(self.priceAdjustment)"}],
    "properties": {
        "requirements": {"type": "array", "maxItems": 100, "items": REQUIREMENT, "x-kubernetes-list-type": "atomic"},
        "price": {"type": "string", "pattern": r"^\d+(\.\d+)?$"},
        "priceAdjustment": {"type": "string"},
        "weight": {"type": "integer", "minimum": 1, "maximum": 10000},
        "capacity": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "nodeoverlays.karpenter.sh"},
    "spec": {
        "group": "karpenter.sh",
        "scope": "Cluster",
        "names": {"kind": "NodeOverlay", "listKind": "NodeOverlayList", "plural": "nodeoverlays", "singular": "nodeoverlay"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {"spec": SPEC, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}
