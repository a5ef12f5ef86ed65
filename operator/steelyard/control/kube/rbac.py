"""What the operator may do in a cluster: the one table. The chart's roles are compared with it, in both kinds of installation.

There is no wildcard, no `secrets`, no `pods/exec`, of `configmaps` only two by name where that is switched on, and nothing about RBAC
itself. Nodes and servers that exist already are only read, and of pods nothing but annotations is written. No `update` but the two
Leases': everything else is written by server-side apply or merge patch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steelyard.render import priority_expander

LEASE_NAME = "steelyard"
"""The Lease of the leader, in the operator's own namespace."""

CLAIMS_NAMESPACE, CLAIMS_NAME = "kube-public", "steelyard-installations"
"""The Lease in which all installations of the cluster say where they work. Every cluster has this namespace, and no tenant writes there."""

STATUS_NAME = "cluster-autoscaler-status"
"""The ConfigMap in which Cluster Autoscaler writes its status."""

_READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Permission:
    """One line: these verbs on this resource, and why. `names`: only these objects; empty for all."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str
    names: tuple[str, ...] = ()


IN_NAMESPACES: tuple[Permission, ...] = (
    Permission("steelyard.dev", "inferenceworkloads", _READ, "what users promise and allow"),
    Permission("steelyard.dev", "inferenceworkloads/status", ("patch",), "what is seen, done and decided"),
    Permission(
        "steelyard.dev",
        "inferenceworkloads/finalizers",
        ("update",),
        "owner references with blockOwnerDeletion, where the admission plugin OwnerReferencesPermissionEnforcement is on (OpenShift)",
    ),
    Permission(
        "steelyard.dev", "acceleratortrials", (*_READ, "create", "delete"), "what is compared, and for how much money; those of exit drills"
    ),
    Permission("steelyard.dev", "acceleratortrials/status", ("patch",), "what was found, and how it ended"),
    Permission("steelyard.dev", "acceleratortrials/finalizers", ("update",), "as for inferenceworkloads/finalizers: it owns its Jobs"),
    Permission(
        "steelyard.dev", "scaletargets", (*_READ, "create", "delete"), "what an autoscaler asks for; its replicas are never written"
    ),
    Permission("steelyard.dev", "scaletargets/status", ("patch",), "what stands, as the scale subresource tells it"),
    Permission("autoscaling", "horizontalpodautoscalers", ("list",), "who else scales a Deployment of ours"),
    Permission("keda.sh", "scaledobjects", ("list",), "the same, where the kind is installed"),
    Permission("kueue.x-k8s.io", "workloads", ("list",), "what keeps a pod waiting for quota, and until when, where the kind is installed"),
    Permission("steelyard.dev", "compiledmodels", (*_READ, "create", "patch", "delete"), "one for each compile key; patch: who uses it"),
    Permission("steelyard.dev", "compiledmodels/status", ("patch",), "progress and result of a compile"),
    Permission("steelyard.dev", "compiledmodels/finalizers", ("update",), "as for inferenceworkloads/finalizers: it owns the compile Job"),
    Permission(
        "apps", "deployments", (*_READ, "create", "delete"), "one for each workload, pool and revision; a template is never written again"
    ),
    Permission("apps", "deployments/scale", ("get", "patch"), "the number of replicas, the only way it is written"),
    Permission("", "services", (*_READ, "create", "patch", "delete"), "the front of a workload, and one for each placement"),
    Permission("batch", "jobs", (*_READ, "create", "delete"), "Jobs of compiles, probes and trials; a Job is never written again"),
    Permission("policy", "poddisruptionbudgets", (*_READ, "create", "patch", "delete"), "evictions must not break the promise"),
    Permission(
        "gateway.networking.k8s.io",
        "httproutes",
        (*_READ, "create", "patch", "delete"),
        "the route of a workload that asks for one, where the kind is installed",
    ),
    Permission(
        "inference.networking.k8s.io",
        "inferencepools",
        (*_READ, "create", "patch", "delete"),
        "the backends of such a route, where they are asked for and the kind is installed",
    ),
    Permission("apps", "statefulsets", ("get",), "a server that exists already: how many replicas it has, and which pods"),
    Permission("leaderworkerset.x-k8s.io", "leaderworkersets", ("get",), "the same, where the kind is installed"),
    Permission("serving.kserve.io", "inferenceservices", ("get",), "the same, where the kind is installed"),
    Permission(
        "",
        "pods",
        (*_READ, "patch"),
        "readiness, addresses to scrape, termination messages, and what is asked for on the pools' nodes; patch: autoscalers leave a move's alone",
    ),
    Permission(
        "resource.k8s.io", "resourceclaims", ("list",), "devices that pods on the pools' nodes hold by claims, where the kind is served"
    ),
    Permission("", "events", ("list",), "why Cluster Autoscaler brings no node for a pod of ours"),
    Permission("events.k8s.io", "events", ("create", "patch"), "decisions as a story; patch counts a series"),
)
"""In every namespace that is worked in: by the ClusterRole, or by a Role in each of `watchNamespaces`."""

CLUSTER_SCOPED: tuple[Permission, ...] = (
    Permission("steelyard.dev", "acceleratorpools", _READ, "what nodes are, hold and cost"),
    Permission("steelyard.dev", "acceleratorpools/status", ("patch",), "nodes, devices, price, exhaustion"),
    Permission("", "nodes", _READ, "which nodes a pool has, and since when they are paid"),
    Permission("resource.k8s.io", "deviceclasses", ("list",), "by which extended resource the devices of a class are known"),
    Permission(
        "karpenter.sh", "nodepools", ("list",), "taints, limits and readiness of those that pools name, where Karpenter is installed"
    ),
    Permission("karpenter.sh", "nodeclaims", ("list",), "what is launched for replicas that wait for a node"),
    Permission("", "namespaces", ("get",), "the uid, under which the artifacts of a namespace are stored"),
)
"""Objects without a namespace: always by a ClusterRole."""

OF_OVERLAYS: tuple[Permission, ...] = (
    Permission(
        "karpenter.sh",
        "nodeoverlays",
        ("get", "list", "create", "patch", "delete"),
        "what a good request costs, as Karpenter's price of an instance type; those of others are only read",
    ),
)
"""Where `publish.nodeOverlays` of the configuration is true, by the ClusterRole."""

REVIEWS: tuple[Permission, ...] = (
    Permission("authentication.k8s.io", "tokenreviews", ("create",), "who asks for /metrics, by the bearer token"),
    Permission("authorization.k8s.io", "subjectaccessreviews", ("create",), "whether that account may GET /metrics"),
)
"""Where /metrics is secured, by a ClusterRole. A review stores nothing."""

IN_OWN_NAMESPACE: tuple[Permission, ...] = (
    Permission("coordination.k8s.io", "leases", ("create",), "the Lease at the first start; names cannot be restricted on create"),
    Permission("coordination.k8s.io", "leases", ("get", "update"), "to hold the Lease", names=(LEASE_NAME,)),
)
"""In the operator's own namespace only."""

OF_CLAIMS: tuple[Permission, ...] = (
    Permission("coordination.k8s.io", "leases", ("create",), "the register of claims, by the first installation of a cluster"),
    Permission("coordination.k8s.io", "leases", ("get", "update"), "to see other installations, and be seen by them", names=(CLAIMS_NAME,)),
)
"""In the namespace `kube-public` only."""

OF_KARPENTER: tuple[Permission, ...] = (
    Permission("", "events", ("list",), "why Karpenter could not launch a node: it deletes the NodeClaim, and an event is all that stays"),
)
"""In CLUSTER_EVENTS_NAMESPACE only."""

OF_PRIORITIES: tuple[Permission, ...] = (
    Permission("", "configmaps", ("create",), "the ConfigMap of the priority expander, once; names cannot be restricted on create"),
    Permission("", "configmaps", ("get", "patch"), "which node groups good requests cost least on", names=(priority_expander.NAME,)),
)
"""In the namespace `publish.priorityExpanderNamespace` of the configuration only, where that is set."""


OF_REQUESTS: tuple[Permission, ...] = (
    Permission("autoscaling.x-k8s.io", "provisioningrequests", (*_READ, "create", "delete"), "what a move asks Cluster Autoscaler for"),
    Permission("", "podtemplates", (*_READ, "create", "delete"), "the pods that it asks for; nothing is made of them"),
)
"""With IN_NAMESPACES, where `config.clusterAutoscaler.provisioningRequests` is set."""

OF_CLUSTER_AUTOSCALER: tuple[Permission, ...] = (
    Permission("", "configmaps", ("get",), "what Cluster Autoscaler says of its node groups", names=(STATUS_NAME,)),
)
"""In Cluster Autoscaler's namespace only, where `config.clusterAutoscaler.readStatus` is set."""


def cluster_role(watch_namespaces: Sequence[str] = ()) -> tuple[Permission, ...]:
    """What is granted in the whole cluster. With `watch_namespaces`: only what has no namespace, and of namespaces only those."""
    if not watch_namespaces:
        return IN_NAMESPACES + CLUSTER_SCOPED + REVIEWS
    named = tuple(watch_namespaces)
    return tuple(replace(p, names=named) if p.resource == "namespaces" else p for p in CLUSTER_SCOPED) + REVIEWS
