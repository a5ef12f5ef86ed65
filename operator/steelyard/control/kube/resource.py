"""Resources: what the API server serves, where, and how one of its objects is named.

Typical use::

    path = DEPLOYMENTS.path(namespace="team-a", name="chat-inf2-1a2b3c4d")
    key = DEPLOYMENTS.key_of(manifest)
"""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from steelyard.control.kube import manifest as manifests


class Resource(NamedTuple):
    """One resource of the API: `apps/v1 deployments`. The core group is the empty string."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The value of a manifest's apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def label(self) -> str:
        """A short name for logs and metric labels: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def discovery_path(self) -> str:
        """Where the API server lists the resources of this group and version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(self, *, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path, quoted, of the collection (no name) or of one object.

        Raises ValueError if the scope does not fit: one object of a namespaced resource needs its namespace.
        """
        if namespace is not None and not self.namespaced:
            raise ValueError(f"{self.label} are cluster-scoped; leave the namespace out (got {namespace!r})")
        if name is not None and self.namespaced and namespace is None:
            raise ValueError(f"{self.label} are namespaced; say in which namespace {name!r} is")
        parts = [self.discovery_path]
        if namespace is not None:
            parts.append(f"namespaces/{quote(namespace, safe='')}")
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(quote(subresource, safe=""))
        return "/".join(parts)

    def key(self, namespace: str | None, name: str) -> "ObjectKey":
        """The key of the object with this name."""
        return ObjectKey(self, namespace or "", name)

    def key_of(self, manifest: Mapping[str, Any]) -> "ObjectKey":
        """The key of this object."""
        return ObjectKey(self, manifests.namespace(manifest) or "", manifests.name(manifest))


class ObjectKey(NamedTuple):
    """Which object: resource, namespace (empty for cluster-scoped) and name. Says nothing about its uid."""

    resource: Resource
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.resource.label} {where}{self.name}"


PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
LEADER_WORKER_SETS = Resource("leaderworkerset.x-k8s.io", "v1", "leaderworkersets", "LeaderWorkerSet")
INFERENCE_SERVICES = Resource("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService")
POD_AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
SCALED_OBJECTS = Resource("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject")
KUEUE_WORKLOADS = Resource("kueue.x-k8s.io", "v1beta2", "workloads", "Workload")
KUEUE_WORKLOADS_BEFORE = Resource("kueue.x-k8s.io", "v1beta1", "workloads", "Workload")
"""As Kueue served them until 0.14."""
RESOURCE_CLAIMS = Resource("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim")
DEVICE_CLASSES = Resource("resource.k8s.io", "v1", "deviceclasses", "DeviceClass", namespaced=False)
HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
POD_TEMPLATES = Resource("", "v1", "podtemplates", "PodTemplate")
PROVISIONING_REQUESTS = Resource("autoscaling.x-k8s.io", "v1", "provisioningrequests", "ProvisioningRequest")
INFERENCE_POOLS = Resource("inference.networking.k8s.io", "v1", "inferencepools", "InferencePool")
NODE_POOLS = Resource("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False)
NODE_CLAIMS = Resource("karpenter.sh", "v1", "nodeclaims", "NodeClaim", namespaced=False)
NODE_OVERLAYS = Resource("karpenter.sh", "v1alpha1", "nodeoverlays", "NodeOverlay", namespaced=False)
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
JOBS = Resource("batch", "v1", "jobs", "Job")
DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", namespaced=False)
SUBJECT_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
CORE_EVENTS = Resource("", "v1", "events", "Event")
"""The same objects as those of `EVENTS`, with the fields by which they can be selected."""
CLUSTER_EVENTS_NAMESPACE = "default"
"""Where events about objects without a namespace are written."""
INFERENCE_WORKLOADS = Resource("steelyard.dev", "v1alpha1", "inferenceworkloads", "InferenceWorkload")
ACCELERATOR_POOLS = Resource("steelyard.dev", "v1alpha1", "acceleratorpools", "AcceleratorPool", namespaced=False)
COMPILED_MODELS = Resource("steelyard.dev", "v1alpha1", "compiledmodels", "CompiledModel")
SCALE_TARGETS = Resource("steelyard.dev", "v1alpha1", "scaletargets", "ScaleTarget")
ACCELERATOR_TRIALS = Resource("steelyard.dev", "v1alpha1", "acceleratortrials", "AcceleratorTrial")
