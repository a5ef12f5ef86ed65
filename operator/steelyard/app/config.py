"""The operator's configuration file: one YAML document, closed (an unknown key is an error), with every default spelled out.

The chart renders it from values into a ConfigMap; `steelyard-operator --config FILE` reads it. Secrets never stand in it: credentials of
the artifact store are a Secret in each workload's namespace, named here and mounted by pods.
"""

from __future__ import annotations

import base64
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from steelyard.api.placement import LABEL_KEY, LABEL_VALUE
from steelyard.app.catalogue import laid_over
from steelyard.core.catalogue.entry import CatalogueError

NonEmpty = Annotated[str, Field(min_length=1, max_length=512)]
_LabelKey = Annotated[str, Field(max_length=317, pattern=LABEL_KEY)]
_LabelValue = Annotated[str, Field(max_length=63, pattern=LABEL_VALUE)]
_Namespace = Annotated[str, Field(max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class ToolchainConfig(_Closed):
    """What serves and compiles one back end; all of it is known before any pod runs and goes into the compile key."""

    serve_image: NonEmpty = Field(description="Image, best with a digest, that serves artifacts of this back end.")
    compile_image: NonEmpty = Field(description="Image, best with a digest, that compiles for this back end.")
    versions: dict[str, str] = Field(
        default_factory=dict, description="Exact versions of the compiler and its framework, for example {openvino: 2026.4.1}."
    )
    target: NonEmpty = Field(default="cpu/x86-64", description="What the back end compiles for, for example cpu/x86-64, trn1 or sm_90.")
    compile_needs_device: bool = Field(
        default=False,
        description="True where compiling takes the device itself, as inductor does for CUDA: the compile Job then takes one device on a node of a "
        "pool with this back end.",
    )


class StoreConfig(_Closed):
    """Where compiled artifacts live. A namespace's artifacts stand under its uid."""

    uri: Annotated[str, Field(max_length=512)] = Field(
        default="",
        description="s3://bucket[/prefix] or pvc://claim (a ReadWriteMany claim of that name in each namespace). Empty: there is none; servers that "
        "exist already are measured, custom servers are served, and a workload whose model has to be compiled waits with NoStore.",
    )
    endpoint: str | None = Field(default=None, description="URL of an S3 compatible server; none for AWS itself.")
    region: str = Field(default="us-east-1", description="Region of the bucket.")
    secret_name: str | None = Field(
        default=None,
        description="Secret in each workload's namespace with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY that may write, for the container that "
        "publishes artifacts; none where the pods' identity is enough.",
    )
    read_secret_name: str | None = Field(
        default=None,
        description="The same with credentials that only read, for serving pods and for the containers of a compile that do not publish. Needed "
        "with secretName; naming the same Secret gives serving pods keys that write.",
    )

    @model_validator(mode="after")
    def _servers_have_their_own(self) -> Self:
        if self.secret_name is not None and self.read_secret_name is None:
            raise ValueError(
                "readSecretName is needed with secretName: make a second Secret with credentials that only read, for serving pods, and name it;"
                " name the same one if they may have those that write"
            )
        return self


_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""How a public key of Ed25519 begins in DER (RFC 8410); 32 bytes follow."""


class SigningConfig(_Closed):
    """Signatures of artifacts, by Ed25519 keys. Off by default. What is verified reaches new Deployments only."""

    secret_name: str | None = Field(
        default=None,
        description="Secret in each workload's namespace whose entries are private keys in PEM, for compile pods alone. Every key signs. "
        "None for artifacts that are not signed.",
    )
    public_keys: Annotated[str, Field(max_length=8192)] = Field(
        default="",
        description="Public keys in PEM, one after another: serving pods load only what one of them has signed. Empty to verify nothing.",
    )

    @model_validator(mode="after")
    def _of_our_kind(self) -> Self:
        blocks = _PEM.findall(self.public_keys)
        if self.public_keys.strip() and not blocks:
            raise ValueError("publicKeys has no key in PEM: it begins with -----BEGIN PUBLIC KEY-----")
        for kind, body in blocks:
            if "PRIVATE" in kind:
                raise ValueError("publicKeys has a private key: take it out, make a new one, and give `openssl pkey -pubout`'s output here")
            if kind != "PUBLIC KEY" or not _is_ed25519(body):
                raise ValueError("publicKeys has a key that is not of Ed25519: make one with `openssl genpkey -algorithm ed25519`")
        if blocks and self.secret_name is None:
            raise ValueError("publicKeys needs secretName: without private keys nothing is signed, and nothing could be served")
        return self


def _is_ed25519(body: str) -> bool:
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        return False
    return der.startswith(_ED25519) and len(der) == len(_ED25519) + 32


class CacheConfig(_Closed):
    """Where serving pods keep downloaded artifacts for the next pod. It reaches new Deployments only."""

    host_path: Annotated[str, Field(max_length=512, pattern="^/[^:]*[^:/]$")] | None = Field(
        default=None,
        description="Folder on every node of the pools, for example /var/cache/steelyard, which user 65532 can write. Pods with it are "
        "refused in namespaces of Pod Security level baseline or restricted. None for an empty folder of each pod.",
    )
    claim_name: Annotated[str, Field(max_length=253, pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")] | None = Field(
        default=None, description="Instead: a ReadWriteMany claim of that name in each workload's namespace."
    )
    size: Annotated[str, Field(pattern="^[1-9][0-9]*(Mi|Gi|Ti)$")] = Field(
        default="20Gi", description="Bound of the folder: the least recently used go. What is downloaded just now may exceed it."
    )

    @model_validator(mode="after")
    def _in_one_place(self) -> Self:
        if self.host_path is not None and self.claim_name is not None:
            raise ValueError("give hostPath or claimName, not both: artifacts are kept in one place")
        if self.host_path is not None and ".." in self.host_path.split("/"):
            raise ValueError("hostPath must not contain .., for the API server refuses it in pods")
        return self


class HubConfig(_Closed):
    """Where models of `hf://` come from. A token for private ones is HF_TOKEN in the Secret of the workload's model."""

    endpoint: str | None = Field(
        default=None, description="URL of a mirror of the Hugging Face hub, for clusters without a way out; none for the hub itself."
    )


Host = Annotated[str, Field(max_length=261, pattern="^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?(:[0-9]{1,5})?$")]


class RegistriesConfig(_Closed):
    """Where models of `oci://` come from. Hosts are written as in the address of a model, with or without a port."""

    allowed: Annotated[tuple[Host, ...], Field(max_length=256)] = Field(
        default=(), description="Registries that models may come from; empty for every registry with a public address."
    )
    private: Annotated[tuple[Host, ...], Field(max_length=256)] = Field(
        default=(),
        description="Registries, and hosts that these redirect to, whose addresses may be private, such as one in the cluster. Compile pods "
        "connect to no other private, link-local or loopback address for a model of oci://.",
    )
    plain_http: Annotated[tuple[Host, ...], Field(max_length=256)] = Field(default=(), description="Registries without TLS.")
    token_hosts: Annotated[dict[str, Host], Field(max_length=256)] = Field(
        default_factory=dict,
        description="Host that a registry sends to for a token, by registry, where it is not the registry itself: for example "
        "{registry.example.com: gitlab.example.com}. Those of Docker Hub and gitlab.com are known.",
    )


class CompileConfig(_Closed):
    """Compile Jobs run on general nodes, but for toolchains whose compile needs the device."""

    node_selector: dict[str, str] = Field(
        default_factory=dict, description="Labels of the nodes that compile; not of those for a compile that needs the device."
    )
    cpu: NonEmpty = Field(default="1", description="CPU request and limit of a compile Job.")
    memory: NonEmpty = Field(default="4Gi", description="Memory request and limit of a compile Job; doubled after running out of memory.")
    ephemeral_storage: Annotated[str, Field(pattern="^[1-9][0-9]*(Mi|Gi|Ti)$")] = Field(
        default="10Gi",
        description="Disk of the node that a compile Job requests, and may use at most, for the model, what is made of it, and scratch. A model "
        "that is larger than half of it is not downloaded.",
    )
    deadline_seconds: int = Field(default=3600, ge=60, le=86400, description="A compile that takes longer is ended and tried again later.")
    jobs_at_once: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Compile Jobs that may run at the same time in the whole installation; those that need a device are counted apart. Namespaces "
        "take turns.",
    )


class Source(StrEnum):
    """Where counters are read."""

    DIRECT = "Direct"
    PROMETHEUS = "Prometheus"


_IN_A_CLUSTER_NAME = re.compile(r"[{](?:namespace|service|port)[}]")


class GatewayConfig(_Closed):
    """What gateways with Envoy tell of each backend, for servers with latencyFrom: Gateway."""

    prometheus_url: str | None = Field(
        default=None,
        description="Base URL of a Prometheus that scrapes the gateways at least once in intervalSeconds. Null: that of observe.prometheusUrl; without "
        "either what a gateway was to tell is unknown.",
    )
    cluster_name: Annotated[str, Field(max_length=256)] = Field(
        default="{namespace}_{service}_{port}",
        description="What the gateway calls the cluster of a backend in the label envoy_cluster_name, with {namespace}, {service} and {port}. The default "
        "is Contour's.",
    )

    @model_validator(mode="after")
    def _names_one_backend(self) -> Self:
        if "{namespace}" not in self.cluster_name or "{service}" not in self.cluster_name:
            raise ValueError("clusterName needs {namespace} and {service}: by it one backend is told from others")
        if set("{}") & set(_IN_A_CLUSTER_NAME.sub("", self.cluster_name)):
            raise ValueError("clusterName may have {namespace}, {service} and {port}, and no other braces")
        return self


class ObserveConfig(_Closed):
    """Readings of serving pods."""

    source: Source = Field(
        default=Source.DIRECT, description="Direct: the operator scrapes the pods itself. Prometheus: it queries a Prometheus that does."
    )
    interval_seconds: int = Field(
        default=5,
        ge=1,
        le=60,
        description="Pace of scrapes or queries. Three missed ones make a reading stale. More than 1,000 pods are read in turns: each in every second or third.",
    )
    prometheus_url: str | None = Field(
        default=None, description="Base URL of Prometheus, for source Prometheus. It is also asked for the energy that exporters count."
    )
    timeout_seconds: int = Field(default=3, ge=1, le=30, description="One scrape or query that takes longer has failed.")
    gateway: GatewayConfig = Field(default_factory=GatewayConfig, description="Readings of gateways.")

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if self.source is Source.PROMETHEUS and not self.prometheus_url:
            raise ValueError("prometheusUrl is needed with source Prometheus, for example http://prometheus.monitoring.svc:9090")
        return self


class ClusterAutoscalerConfig(_Closed):
    """What is read of Cluster Autoscaler beside its events, and asked of it."""

    read_status: bool = Field(
        default=False,
        description="True reads the ConfigMap cluster-autoscaler-status, for pools that name their node group (provisioner.nodeGroup).",
    )
    namespace: _Namespace = Field(default="kube-system", description="Where Cluster Autoscaler writes that ConfigMap: its own namespace.")
    provisioning_requests: bool = Field(
        default=False,
        description="True lets moves ask first by ProvisioningRequests, for pools that say how (provisioner.ask). Cluster Autoscaler has to run with "
        "--enable-provisioning-requests.",
    )


class LogConfig(_Closed):
    """Logs."""

    format: Annotated[str, Field(pattern="^(json|console)$")] = Field(default="json", description="json for machines, console for people.")
    level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = Field(
        default="INFO", description="Least severe level that is written."
    )


class PublishConfig(_Closed):
    """What may be written for pools with `spec.provisioner.publish`. An installation for some namespaces publishes nothing: it knows a part."""

    node_overlays: bool = Field(
        default=False,
        description="Write NodeOverlays of Karpenter, which has to run with its feature gate NodeOverlay. They count for all pods of the cluster.",
    )
    priority_expander_namespace: _Namespace | None = Field(
        default=None,
        description="Write the ConfigMap cluster-autoscaler-priority-expander in this namespace, that of Cluster Autoscaler, for example "
        "kube-system. None to write none.",
    )

    @property
    def anything(self) -> bool:
        """Whether any of it may be written."""
        return self.node_overlays or self.priority_expander_namespace is not None


class Config(_Closed):
    """Everything an installation decides."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(default="USD", description="The one currency of all prices.")
    frozen: bool = Field(
        default=False, description="True stops every voluntary action of the whole installation; serving and safety go on."
    )
    moves_at_once: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None,
        description="Moves under way at the same time in the whole installation; none for 5 % of its workloads, and at least 1. A namespace has "
        "its part by its workloads, and at least 1.",
    )
    moves_at_once_per_pool: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Moves to and from one pool at the same time; none for 10 % of its nodes, and at least 1."
    )
    evictions_at_once: Annotated[int, Field(ge=1, le=1000)] | Annotated[str, Field(pattern="^([1-9][0-9]?|100)%$")] | None = Field(
        default=1,
        description="Serving pods of one workload that node drains may take away at the same time, as a number or in percent (rounded up): a "
        "PodDisruptionBudget for each workload. None makes no budgets, for installations that have their own.",
    )
    namespace_budgets: dict[str, Annotated[float, Field(gt=0, le=1e9)]] = Field(
        default_factory=dict,
        description="Money per hour, in the installation's currency, that the workloads of a namespace may cost together, by namespace. "
        "The fleet plan keeps within it: where it does not hold all, workloads of a lower priority get no more replicas.",
    )
    max_priority: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0,
        description="The highest spec.scaling.priority that counts, in every namespace that namespacePriorities does not name. A workload that "
        "asks for more counts with this. At 0 nobody comes before others by asking for it.",
    )
    namespace_priorities: dict[str, Annotated[int, Field(ge=0, le=1000)]] = Field(
        default_factory=dict, description="The highest spec.scaling.priority that counts, by namespace."
    )
    watch_namespaces: tuple[_Namespace, ...] = Field(
        default=(), description="Namespaces to work in, each once; empty for all.", json_schema_extra={"uniqueItems": True}
    )
    pool_labels: Annotated[dict[_LabelKey, _LabelValue], Field(max_length=16)] = Field(
        default_factory=dict,
        description="Pools to work with: those that have all of these labels; empty for all. Others do not exist for this installation, and their status "
        "is not written.",
    )
    image_pull_policy: Annotated[str, Field(pattern="^(Always|IfNotPresent|Never)$")] = Field(
        default="IfNotPresent", description="Of serving and compile pods."
    )
    connection_max_age_seconds: int = Field(
        default=10,
        ge=1,
        le=3600,
        description="A client's connection is told to close at about this age: kube-proxy spreads connections, not requests.",
    )
    toolchains: dict[str, ToolchainConfig] = Field(
        default_factory=dict,
        description="By back end, or by back end and accelerator family: a pool of family neuron-trn2 takes vllm@neuron-trn2 before vllm. Or by "
        "back end and architecture: a CPU pool with arm64 nodes takes onnxruntime@arm64, and never one whose target is another architecture. "
        "A pool is eligible only with a toolchain for one of its back ends.",
    )
    fetch_image: NonEmpty | None = Field(
        default=None,
        description="Image of the runtime, best with a digest, that downloads the model of a custom server and sends it samples. None: custom servers have no "
        "model and are not probed.",
    )
    store: StoreConfig = Field(default_factory=StoreConfig, description="Artifact store.")
    signing: SigningConfig = Field(default_factory=SigningConfig, description="Signatures of artifacts.")
    cache: CacheConfig = Field(default_factory=CacheConfig, description="What serving pods keep of downloads.")
    hub: HubConfig = Field(default_factory=HubConfig, description="Source of hf:// models.")
    registries: RegistriesConfig = Field(default_factory=RegistriesConfig, description="Sources of oci:// models.")
    compile: CompileConfig = Field(default_factory=CompileConfig, description="Compile Jobs.")
    observe: ObserveConfig = Field(default_factory=ObserveConfig, description="Readings of serving pods.")
    publish: PublishConfig = Field(default_factory=PublishConfig, description="What is told to autoscalers of nodes.")
    cluster_autoscaler: ClusterAutoscalerConfig = Field(
        default_factory=ClusterAutoscalerConfig, description="What is read of Cluster Autoscaler, and asked of it."
    )
    log: LogConfig = Field(default_factory=LogConfig, description="Logs.")
    catalogue: Annotated[str, Field(max_length=262_144)] = Field(
        default="",
        description="A YAML document of accelerators, instance types, models and claims, laid over the shipped catalogue: "
        "helm --set-file config.catalogue=FILE. Check it with `steelyard catalogue check FILE`.",
    )

    @model_validator(mode="after")
    def _watches_each_once(self) -> Self:
        if len(set(self.watch_namespaces)) < len(self.watch_namespaces):
            raise ValueError("watchNamespaces must give each namespace once")
        return self

    @model_validator(mode="after")
    def _publishes_what_it_knows(self) -> Self:
        if self.publish.anything and self.watch_namespaces:
            raise ValueError(
                "publish needs watchNamespaces to be empty: pools are shared by all namespaces, and an installation for some of them knows a part "
                "of what good requests cost there"
            )
        return self


class ConfigError(Exception):
    """The file cannot be used; the text says which field, what is wrong and what is allowed."""


def load(path: Path) -> Config:
    """Read and check the file. ConfigError names every field that is wrong."""
    try:
        raw = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}; give its path with --config") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    try:
        config = Config.model_validate(raw)
        laid_over(config.catalogue, f"{path}: catalogue")
        return config
    except CatalogueError as error:
        raise ConfigError(str(error)) from error
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or '(document)'}: {e['msg']}" for e in error.errors()]
        raise ConfigError("\n".join([f"{path} is not a valid configuration:", *lines])) from error
