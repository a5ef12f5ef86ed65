"""Where a server of somebody else's says what it did, and by which names: a profile of a known server, or the names themselves."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.objective import LatencyMetric
from steelyard.api.rule import Pattern, Rule
from steelyard.api.word import Word

MetricName = Annotated[
    str,
    Field(max_length=128),
    Pattern("^[a-zA-Z_:][a-zA-Z0-9_:]*$", 'must be the name of one Prometheus metric without labels, such as "http_requests_total"'),
]

LabelName = Annotated[
    str,
    Field(max_length=64),
    Pattern("^[a-zA-Z_][a-zA-Z0-9_]*$", 'must be the name of a Prometheus label, such as "code"'),
]

HttpPath = Annotated[
    str,
    Field(max_length=256),
    Pattern("^/[A-Za-z0-9._~/-]*$", 'must be a path that starts with "/", without host, query or fragment, such as "/v2/health/live"'),
]


class Profile(Word):
    """A server whose metrics are known."""

    VLLM = "vllm", "vLLM"
    SGLANG = "sglang", "SGLang"
    TRTLLM = "trtllm", "trtllm-serve of TensorRT-LLM"
    TGI = "tgi", "Text Generation Inference"
    TEI = "tei", "Text Embeddings Inference"
    OVMS = "ovms", "OpenVINO Model Server"
    MLSERVER = "mlserver", "MLServer, by its REST requests"


TOLD: Mapping[LatencyMetric, tuple[Profile, ...]] = MappingProxyType(
    {
        LatencyMetric.E2E: tuple(Profile),
        LatencyMetric.TTFT: (Profile.VLLM, Profile.SGLANG, Profile.TRTLLM),
        LatencyMetric.ITL: (Profile.VLLM, Profile.TRTLLM),
    }
)
"""Times of a request, and the profiles of servers that have a histogram of it."""


class TimeUnit(Word):
    """What a histogram of times counts in."""

    SECONDS = "Seconds", "as Prometheus recommends"
    MILLISECONDS = "Milliseconds", "thousandths of a second"
    MICROSECONDS = "Microseconds", "millionths of a second"


class MetricNames(SpecModel):
    """The metrics of a server that no profile is of."""

    request_counter: Annotated[
        MetricName,
        says(
            "The counter of finished requests, summed over all labels.",
            example="http_requests_total",
        ),
    ]
    status_label: Annotated[
        LabelName | None,
        says(
            "The request counter's label that holds the HTTP status: 429 is a refused request, other statuses of 400 and more are errors. Left out, "
            "all that it counts are answered without an error.",
            example="code",
        ),
    ] = None
    error_counter: Annotated[
        MetricName | None,
        says(
            "A counter of failed requests that the request counter does not count, summed over all labels.",
            example="http_request_failures_total",
        ),
    ] = None
    latency_histogram: Annotated[
        MetricName | None,
        says(
            "The histogram of the times of whole requests, without the suffix _bucket, needed where e2e is promised. Without an edge at the promised "
            "time good requests are an interval, of which the lower end counts, and the unit cost has one as wide.",
            example="http_request_duration_seconds",
        ),
    ] = None
    first_token_histogram: Annotated[
        MetricName | None,
        says("The same of times to the first token, for ttft.", example="time_to_first_token_seconds"),
    ] = None
    token_gap_histogram: Annotated[
        MetricName | None,
        says("The same of each request's mean time between tokens, for itl.", example="time_per_output_token_seconds"),
    ] = None
    unit: Annotated[TimeUnit, says("What the edges of these histograms count in.", example="Milliseconds")] = TimeUnit.SECONDS


class ServerPage(SpecModel):
    """The page of metrics of every replica."""

    RULES = (
        Rule(
            "has(self.profile) != has(self.names)",
            'must give exactly one of profile, such as "vllm", and names',
            lambda m: (m.profile is None) != (m.names is None),
        ),
        Rule(
            "!has(self.names) || has(self.port)",
            "must give port with names: only a profile knows one",
            lambda m: m.names is None or m.port is not None,
            field="port",
            reason="FieldValueRequired",
        ),
    )

    profile: Annotated[Profile | None, says("The server, where its metrics are known.", example="vllm")] = None
    names: Annotated[MetricNames | None, says("The metrics of any other server, by their names.")] = None
    port: Annotated[
        Annotated[int, says("", low=1, high=65_535)] | None,
        says(
            "Its port. Left out, it is the usual one of the profile's server.",
            unit="port number",
            example=8000,
        ),
    ] = None
    path: Annotated[
        HttpPath | None,
        says(
            "Its path, in the Prometheus text format. Left out, /prometheus/metrics of trtllm, /metrics of others.",
            example="/metrics",
        ),
    ] = None

    def tells(self, metrics: Iterable[LatencyMetric]) -> bool:
        """Whether the server has a histogram of all these times: by the names that are given, or by its profile."""
        if self.names is None:
            return all(self.profile is None or self.profile in TOLD[metric] for metric in metrics)
        told = {"e2e": self.names.latency_histogram, "ttft": self.names.first_token_histogram, "itl": self.names.token_gap_histogram}
        return all(told[metric] is not None for metric in metrics)
