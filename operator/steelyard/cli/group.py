"""The API group and its kinds as this command asks for them. Not from steelyard.api: building its models takes longer than the answer."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

API_VERSION = "steelyard.dev/v1alpha1"
"""A test compares it, and the kinds, with the API's own."""
ROOT = f"/apis/{API_VERSION}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of the group. `listing`: the command that lists them."""

    name: str
    plural: str
    listing: str

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """Of all, of those of a namespace, or of one. A pool is in no namespace. What is no name leads to no other path."""
        spaces = () if namespace is None else ("namespaces", namespace)
        return "/".join((ROOT, *(quote(each, safe="") for each in (*spaces, self.plural, *(() if name is None else (name,))))))


WORKLOAD = Kind("InferenceWorkload", "inferenceworkloads", "steelyard status")
TRIAL = Kind("AcceleratorTrial", "acceleratortrials", "steelyard trial list")
POOL = Kind("AcceleratorPool", "acceleratorpools", "kubectl get apool")
MODEL = Kind("CompiledModel", "compiledmodels", "kubectl get cmodel")
