"""The values of the Helm chart: names, types, bounds and defaults. values.schema.json and docs/reference/values.md come from here.

The part `config` is the operator's own configuration (`steelyard.app.config`), so that the two cannot drift. Parts that are Kubernetes' own (affinity,
tolerations and so on) are the client library's models, which are closed too.
"""

from typing import Annotated, Any

from kubernetes.client import models as k8s
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from steelyard.app.config import Config, ToolchainConfig

Name = Annotated[str, Field(max_length=52, pattern="^([a-z]([-a-z0-9]*[a-z0-9])?)?$")]
Label = Annotated[str, Field(max_length=63, pattern="^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")]
Labels = dict[str, Label]
Strings = dict[str, str]
Repository = Annotated[str, Field(min_length=1, max_length=255, pattern="^[a-z0-9]([-a-z0-9._/:]*[a-z0-9])?$")]
Tag = Annotated[str, Field(max_length=128, pattern="^([A-Za-z0-9_][A-Za-z0-9_.-]*)?$")]
Digest = Annotated[str, Field(pattern="^(sha256:[0-9a-f]{64})?$")]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")] | int
Duration = Annotated[str, Field(pattern="^([0-9]+(ms|s|m|h))+$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class RuntimeImage(_Closed):
    """An image that pods of workloads run."""

    repository: Repository = Field(description="Repository, with the host of a registry where it is not the default one.")
    tag: Tag = Field(default="", description="Tag; empty for the chart's appVersion, or for none when there is a digest.")
    digest: Digest = Field(default="", description="sha256:... Wins over the tag. Best in production: an image is part of a revision.")


class Image(RuntimeImage):
    """The operator's image."""

    repository: Repository = Field(
        default="steelyard/operator", description="Repository, with the host of a registry where it is not the default one."
    )
    pull_policy: Annotated[str, Field(pattern="^(Always|IfNotPresent|Never)$")] = Field(
        default="IfNotPresent", description="Right for digests and fixed tags; Always only for tags that move."
    )


class Runtime(_Closed):
    """Images of serving and compile pods, used by every toolchain that names none."""

    serve: RuntimeImage = Field(default=RuntimeImage(repository="steelyard/runtime-serve"), description="Serves artifacts.")
    compile: RuntimeImage = Field(default=RuntimeImage(repository="steelyard/runtime-compile"), description="Compiles models.")


class Crds(_Closed):
    """Custom resource definitions."""

    install: bool = Field(default=True, description="Install and upgrade them with the chart. False where they are applied from crds/.")
    keep: bool = Field(default=True, description="Keep them, and every object of theirs, when the release is uninstalled.")


class Rbac(_Closed):
    """Roles."""

    create: bool = Field(default=True, description="Make the operator's roles and bindings.")
    aggregate: bool = Field(default=True, description="Add Steelyard's kinds to the cluster's roles view, edit and admin.")


class AdmissionPolicy(_Closed):
    """Admission policies that hold the operator's own account to what it makes for workloads."""

    enabled: bool = Field(
        default=True, description="Make them. They are objects of the cluster, in an installation for some namespaces too."
    )
    protected_namespaces: list[Annotated[str, Field(max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]] = Field(
        default=["kube-system", "kube-public", "kube-node-lease"],
        description="Namespaces in which the operator may write nothing for workloads.",
    )
    image_prefixes: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        default=[],
        description="Images that pods of workloads may run beside those of config.toolchains, by how they begin: registry.example.com/models/. "
        "Images of custom servers are among them.",
    )
    secret_prefixes: list[Annotated[str, Field(min_length=1, max_length=253, pattern="^[a-z0-9]([-a-z0-9.]*)$")]] = Field(
        default=[], description="Secrets from which custom servers may take variables, by how their names begin: serving-."
    )
    service_accounts: list[Annotated[str, Field(max_length=253, pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]] = Field(
        default=[],
        description="Service accounts that workloads may name for their pods (`spec.pods`), beside the namespace's default one. The operator's own "
        "account can start pods with no others.",
    )


class ServiceAccount(_Closed):
    """The operator's account."""

    create: bool = Field(default=True, description="Make it.")
    name: Annotated[str, Field(max_length=253)] = Field(default="", description="Its name; empty for the name of the release's objects.")
    annotations: Strings = Field(default={}, description="Annotations, for example of a cloud identity.")


class ResourceAmounts(_Closed):
    """Amounts of one kind."""

    cpu: Quantity | None = Field(default=None, description="CPUs.")
    memory: Quantity | None = Field(default=None, description="Memory.")
    ephemeral_storage: Quantity | None = Field(default=None, alias="ephemeral-storage", description="Disk.")


class Resources(_Closed):
    """Requests and limits."""

    requests: ResourceAmounts = Field(
        default=ResourceAmounts(cpu="100m", memory="256Mi", ephemeral_storage="128Mi"), description="What is reserved."
    )
    limits: ResourceAmounts = Field(
        default=ResourceAmounts(memory="768Mi", ephemeral_storage="1Gi"),
        description="What may be used. No CPU limit: throttling would delay the Lease and safety actions. Disk holds the log and /tmp.",
    )


class Budget(_Closed):
    """PodDisruptionBudget."""

    enabled: bool = Field(default=True, description="Make one, when there is more than one replica.")
    max_unavailable: Annotated[int, Field(ge=1, le=100)] | Annotated[str, Field(pattern="^[1-9][0-9]?%$|^100%$")] = Field(
        default=1, description="Replicas that a drain may take away at once. 0 is refused: it would block every drain of a node."
    )


class Spread(k8s.V1TopologySpreadConstraint):
    """A constraint whose selector the chart fills in."""


class Metrics(_Closed):
    """/metrics, and the Service in front of it."""

    secure: bool = Field(
        default=True,
        description="By HTTPS on port 8443, for bearers of a token that may GET /metrics: bind the ClusterRole ...-metrics-reader to them. "
        "False serves everybody by HTTP on port 8080.",
    )
    certificate_secret_name: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="A Secret of type kubernetes.io/tls in the release's namespace, for example cert-manager's. Empty for a self-signed "
        "certificate, which the chart makes at the first install and keeps.",
    )
    service_annotations: Strings = Field(
        default={}, description="Annotations of the Service, for example for scraping without an operator."
    )


class ExternalScaler(_Closed):
    """The plan as an external scaler of KEDA, by gRPC, and the Service in front of it."""

    enabled: bool = Field(
        default=False, description="Answer KEDA on port 8090 of the leader: ScaledObjects with a trigger of type external or external-push."
    )
    certificate_secret_name: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="Answer by TLS with this Secret of type kubernetes.io/tls in the release's namespace, for example cert-manager's, whose names "
        "include the Service's. Empty for plain text.",
    )
    client_certificates: bool = Field(
        default=False, description="Let in only clients with a certificate of the authority in the Secret's ca.crt (KEDA's tlsClientCert)."
    )
    ingress_from: list[k8s.V1NetworkPolicyPeer] = Field(
        description="Who may reach it where networkPolicy.enabled; empty for all. The default: pods with the label "
        "app.kubernetes.io/name=keda-operator."
    )


class Expander(_Closed):
    """What good requests cost, as a gRPC expander of Cluster Autoscaler, and the Service in front of it."""

    enabled: bool = Field(
        default=False,
        description="Answer Cluster Autoscaler on port 8091 of the leader: --expander=grpc. It compares pools that name a nodeGroup.",
    )
    certificate_secret_name: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="A Secret of type kubernetes.io/tls in the release's namespace, for example cert-manager's, whose names include the Service's. "
        "Needed where it is enabled: Cluster Autoscaler asks by TLS alone.",
    )
    ingress_from: list[k8s.V1NetworkPolicyPeer] = Field(
        description="Who may reach it where networkPolicy.enabled; empty for all. The default: pods with the label "
        "app.kubernetes.io/name=cluster-autoscaler."
    )


class ServiceMonitor(_Closed):
    """For the Prometheus operator."""

    enabled: bool = Field(default=False, description="Make a ServiceMonitor. Its CRD must be there.")
    labels: Labels = Field(default={}, description="Labels by which a Prometheus selects it, for example {release: prometheus}.")
    token_secret_name: Annotated[str, Field(max_length=253)] = Field(
        default="",
        description="A Secret of the release's namespace with Prometheus's token in its entry `token`, for a Prometheus that may not use the one "
        "that is mounted in its own pod (arbitraryFSAccessThroughSMs); empty for that one.",
    )
    interval: Duration = Field(default="30s", description="Pace of scrapes.")
    scrape_timeout: Duration = Field(default="10s", description="One scrape that takes longer has failed.")


class PrometheusRule(_Closed):
    """Alerts, each with a page in docs/runbooks/."""

    enabled: bool = Field(default=False, description="Make a PrometheusRule. Its CRD must be there.")
    labels: Labels = Field(default={}, description="Labels by which a Prometheus selects it.")
    runbook_url: Annotated[str, Field(pattern="^(https?://.+[^/])?$")] = Field(
        default="",
        description="Where your people can open a copy of docs/runbooks/: annotation runbook_url is this and /NAME.md. Empty for none. Annotation "
        "runbook is the path in the repository, in any case.",
    )
    grafana_url: Annotated[str, Field(pattern="^(https?://.+[^/])?$")] = Field(
        default="",
        description="Of the Grafana that has the dashboard, for example https://grafana.example.com: annotation dashboard_url leads to the workload "
        "there. Empty for none.",
    )
    held_seconds: Annotated[int, Field(ge=60)] = Field(default=21600, description="A workload held for longer is told.")
    price_age_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=90,
        description="A price older than so much of the time that its class is good for is told: after it, moves are held. Class Static has no limit.",
    )
    compile_failing_seconds: Annotated[int, Field(ge=60)] = Field(
        default=7200, description="A workload without its artifacts for longer is told."
    )
    disabled: tuple[Annotated[str, Field(pattern="^Steelyard[A-Za-z]+$")], ...] = Field(
        default=(), description="Names of alerts to leave out."
    )


class Dashboard(_Closed):
    """A Grafana dashboard as a ConfigMap."""

    enabled: bool = Field(default=False, description="Make the ConfigMap.")
    labels: Labels = Field(default={"grafana_dashboard": "1"}, description="Labels by which Grafana's sidecar finds it.")
    annotations: Strings = Field(default={}, description="Annotations, for example the sidecar's folder.")


class WorkloadNetworkPolicies(_Closed):
    """NetworkPolicies for serving and compile pods."""

    enabled: bool = Field(default=False, description="Make them, in each of the namespaces.")
    namespaces: list[Annotated[str, Field(max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]] = Field(
        default=[], description="Namespaces that get them; empty for those of config.watchNamespaces. They must exist."
    )
    clients: list[k8s.V1NetworkPolicyPeer] = Field(
        description="Who may send requests (8080). The default: pods of the same namespace; [{namespaceSelector: {}}] is the whole cluster, "
        "and an empty list everybody.",
    )
    metrics_from: list[k8s.V1NetworkPolicyPeer] = Field(
        default=[], description="Who may read metrics (9090) beside the operator, for example a Prometheus."
    )
    store: list[k8s.V1NetworkPolicyPeer] = Field(
        description="Where the store is, on the port of config.store.endpoint (443 without one): for serving and compile pods. The default: "
        "any address that is not link-local. A store in the cluster needs its pods named, because some network plugins match no pod by address.",
    )
    models: list[k8s.V1NetworkPolicyPeer] = Field(
        description="Where models come from (443, and the ports of config.store.endpoint and config.hub.endpoint): for compile pods.",
    )


class NetworkPolicy(_Closed):
    """NetworkPolicies."""

    enabled: bool = Field(default=False, description="Make one for the operator's pods.")
    ingress_from: list[k8s.V1NetworkPolicyPeer] = Field(
        description="Who may reach /metrics; empty for all. The default: pods with the label app.kubernetes.io/name=prometheus."
    )
    egress: list[k8s.V1NetworkPolicyEgressRule] = Field(
        description="Where the operator may connect to. The default: DNS, the API server (443, 6443), and its serving, compile and trial pods "
        "(9090, 8081, 28081), which is how readings are taken. Add a Prometheus that is queried.",
    )
    workloads: WorkloadNetworkPolicies = Field(description="NetworkPolicies for serving and compile pods.")


class ExtraObject(BaseModel):
    """Any object: the one open place of these values."""

    model_config = ConfigDict(extra="allow")
    api_version: str = Field(alias="apiVersion", min_length=1)
    kind: str = Field(min_length=1)
    metadata: dict[str, Any]


class ChartToolchain(ToolchainConfig):
    """A toolchain whose images may be left to `runtime`."""

    serve_image: str = Field(default="", description="Image that serves artifacts of this back end; empty for runtime.serve.")
    compile_image: str = Field(default="", description="Image that compiles for this back end; empty for runtime.compile.")


class ChartConfig(Config):
    """The operator's configuration, with images from `runtime`."""

    toolchains: dict[str, ChartToolchain] = Field(  # type: ignore[assignment]  # dict is invariant; the chart fills in what is missing
        description="By back end, or by back end and accelerator family: a pool of family neuron-trn2 takes vllm@neuron-trn2 before vllm. "
        "A pool is eligible only with a toolchain for one of its back ends. Remove one with null.",
    )


class Values(_Closed):
    """Everything that an installation by Helm decides."""

    global_: dict[str, Any] = Field(default={}, alias="global", description="Not used; for charts that have this one as a part.")
    enabled: bool = Field(default=True, description="Not used; for the condition of a chart that has this one as a part.")
    name_override: Name = Field(default="", description="Instead of the chart's name in names.")
    fullname_override: Name = Field(default="", description="Instead of release and chart name in names.")
    common_labels: Labels = Field(default={}, description="Labels of every object.")
    image: Image = Field(default=Image(), description="The operator's image.")
    image_pull_secrets: list[k8s.V1LocalObjectReference] = Field(default=[], description="Secrets for the operator's image.")
    runtime: Runtime = Field(default=Runtime(), description="Images of serving and compile pods, used by every toolchain that names none.")
    config: ChartConfig = Field(description="The operator's configuration file.")
    crds: Crds = Field(default=Crds(), description="Custom resource definitions.")
    rbac: Rbac = Field(default=Rbac(), description="Roles.")
    admission_policy: AdmissionPolicy = Field(
        default=AdmissionPolicy(), description="Admission policies that hold the operator's own account to what it makes for workloads."
    )
    service_account: ServiceAccount = Field(default=ServiceAccount(), description="The operator's account.")
    replicas: Annotated[int, Field(ge=1, le=9)] = Field(default=2, description="One leads, the others stand by with warm caches.")
    revision_history_limit: Annotated[int, Field(ge=0, le=100)] = Field(default=5, description="Old ReplicaSets to keep.")
    resources: Resources = Field(default=Resources(), description="Requests and limits of the operator.")
    termination_grace_period_seconds: Annotated[int, Field(ge=20, le=600)] = Field(
        default=45, description="Time to finish writes and give the Lease back. Steps in progress go on after a restart."
    )
    pod_annotations: Strings = Field(default={}, description="Annotations of the operator's pods.")
    pod_labels: Labels = Field(default={}, description="Labels of the operator's pods.")
    priority_class_name: Annotated[str, Field(max_length=253)] = Field(
        default="", description="For example system-cluster-critical, so that the operator outlives pressure on its nodes."
    )
    node_selector: Strings = Field(default={}, description="Labels of nodes for the operator.")
    tolerations: list[k8s.V1Toleration] = Field(default=[], description="Taints that the operator accepts.")
    affinity: k8s.V1Affinity | None = Field(default=None, description="Affinity; when left out, replicas prefer different nodes.")
    topology_spread_constraints: list[Spread] = Field(
        description="Spreading; a constraint without labelSelector gets the operator's. The default: zones, ScheduleAnyway."
    )
    pod_disruption_budget: Budget = Field(default=Budget(), description="PodDisruptionBudget.")
    metrics: Metrics = Field(default=Metrics(), description="/metrics, and the Service in front of it.")
    external_scaler: ExternalScaler = Field(description="The plan as an external scaler of KEDA.")
    expander: Expander = Field(description="What good requests cost, as a gRPC expander of Cluster Autoscaler.")
    service_monitor: ServiceMonitor = Field(default=ServiceMonitor(), description="For the Prometheus operator.")
    prometheus_rule: PrometheusRule = Field(default=PrometheusRule(), description="Alerts for the Prometheus operator.")
    dashboard: Dashboard = Field(default=Dashboard(), description="A Grafana dashboard as a ConfigMap.")
    network_policy: NetworkPolicy = Field(description="NetworkPolicies.")
    extra_objects: list[ExtraObject] = Field(default=[], description="Further objects, as they are, with templates in strings expanded.")
