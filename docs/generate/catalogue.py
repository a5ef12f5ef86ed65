"""docs/reference/catalogue.md: what is known before anything is measured, and the fields of a file of one's own."""

from __future__ import annotations

from collections import Counter

from generate.markdown import document, table
from steelyard.app.catalogue import shipped
from steelyard.cli.view.catalogue import catalogue
from steelyard.core.catalogue.estimate import SPREADS
from steelyard.core.catalogue.throughput_claim import Load
from steelyard.core.facts.estimate import Kind, Unit

EXAMPLE = """\
accelerators:
  - name: hbx1
    family: hbx # any word; pools say it in spec.accelerator.family
    resourceName: example.com/hbx
    memoryGiB: 64
    bandwidthGBps: 1600
    tflops: {bf16: 400, fp8: 800}
    source: "vendor's data sheet, revision 3"
    date: 2026-10-01
  - name: hbx2
    family: hbx
    unsupported: announced for 2027; there is no compiler for it yet
    source: "vendor's press release"
    date: 2026-11-01
instanceTypes:
  - name: rack-4
    accelerator: hbx1
    devices: 4
    cpu: 64
    memoryGiB: 512
    pricePerHour: "3.20"
    currency: USD
    region: our-hall
    priceSource: our own calculation
    priceDate: 2026-11-01
    source: our own machines
    date: 2026-11-01
models:
  - name: our-encoder
    also: [our-encoder-v2]
    parametersMillions: 110
    source: config.json
    date: 2026-11-01
claims:
  - model: bert-base-uncased
    task: feature-extraction
    accelerator: hbx1
    devices: 1
    dtype: bf16
    load: Saturated
    throughput: 5200
    unit: RequestsPerSecond
    conditions: batch 16; 128 tokens
    source: "vendor's blog of 2026-10-02"
    date: 2026-10-02
"""

HEAD = """\
# The catalogue

What is known of accelerators and instance types before anything is measured: **facts** that a vendor or provider states, and **claims**,
figures that somebody advertises. Each entry has a source and a date. Nothing in it was measured by Steelyard.

- **Facts.** The ratio of two facts carries a claim from one accelerator to another.
- **Claims.** They are where estimates start: on a pool that has neither measurements nor a claim of its own in `spec.claims`, what is claimed
  for its accelerator counts in proportion to what is claimed for the others. A measurement always wins.
- **`unsupported`.** A pool of such an accelerator is answered with `UnsupportedTarget` and these words; nothing is compiled for it.
- **List prices.** `steelyard status` and `steelyard catalogue show` print them as a suggestion. No decision uses one as the price of a pool: a
  pool without `pricePerHour` has an unknown price. The one exception: a claim relative to an instance type that no pool has is read with the
  list price of that type.

`steelyard catalogue` prints it; `steelyard catalogue show NAME` prints everything about one accelerator, instance type or model.

## Your own entries

A YAML file with the same fields is merged into the shipped catalogue: an entry replaces the shipped entry of the same name as a whole, and
all others are added. Two claims are the same if they differ only in throughput, outlier and date.

```
steelyard catalogue check my-catalogue.yaml
helm upgrade steelyard charts/steelyard -n steelyard-system --reset-then-reuse-values --set-file config.catalogue=my-catalogue.yaml
```

For each error `check` names the file, the entry, the field and the value it expects. The operator does not start with such a file.

```yaml
"""

FIELDS = """\
```

Every entry needs `source` and `date` (YYYY-MM-DD: when it was published, else when it was read). A field that is left out is not known; no
default stands for it.

`accelerators`:

- `name`: as in `spec.accelerator.model` of a pool
- `family`: as in `spec.accelerator.family`
- `resourceName`: the extended resource of one device
- `memoryGiB`, `cores`: of one device
- `bandwidthGBps`: of its memory, 10^9 bytes per second
- `tflops`: dense peaks by number format: fp32, bf16, fp16, fp8, int8, fp4, int4
- `powerWatts`: the limit of the board
- `target`: what compilers build for
- `unsupported`: why there is no toolchain; left out where there is one

`instanceTypes`:

- `name`: as in the nodes' label `node.kubernetes.io/instance-type`
- `accelerator`, `devices`: an accelerator of the catalogue, and how many; none and 0 for CPUs
- `cpu`, `memoryGiB`, `arch`: of the node
- `pricePerHour`, `currency`, `region`, `priceSource`, `priceDate`: the public list price; all five or none

`models`:

- `name`, `also`: the last part of a model's URI, and other names for the same weights or shape, in lower case
- `parametersMillions`: left out for mixtures of experts and models that share layers, because neither of their two sizes predicts speed

`claims`:

- `model`, `task`: what ran, and for which `spec.model.task`
- `accelerator`, `devices`: the accelerator, and how many devices were in use
- `instanceType`: the machine, where it has such a name
- `dtype`: the format of matrix products; left out where it was not stated
- `load`: how the figure was obtained: {loads}
- `throughput`, `unit`: of all these devices together, {units}
- `conditions`, `software`: for people to compare with
- `outlier`: why the figure is not believed; such a claim is shown and used by no estimate

## Estimates

The estimate for a model on an accelerator is of the first of these kinds for which there is a claim. It is the median over those claims. Only
claims of the same load and unit count, and of the same width of number format; formats of the same width count as equal. The factor is the
one within which nine in ten estimates of the kind are right:

{kinds}

The factors are [measured by leaving out each claim](../benchmarks/claims.md) (`make bench B=claims`), and a test compares them. They say how
well claims agree with each other, not how well they agree with what you will measure.

Decisions use estimates of load Saturated, in requests, and only their proportions: pools that have both a figure of their own and an estimate
set the scale for pools that have an estimate alone. If there is no such pool, the estimate is used as it is. The factor, either way, is the
interval that `explain` shows with the basis Claimed ([ADR 0016](../adr/0016-advertised-figures-in-proportion.md)).

## Accelerators

"""


def page() -> str:
    """The whole page."""
    whole = shipped()
    loads = ", ".join(f"{load.value} ({words})" for load, words in LOADS.items())
    kinds = [
        f"- `{kind.value}`, within {SPREADS[kind][Unit.REQUESTS]:g} for requests and {SPREADS[kind][Unit.TOKENS]:g} for tokens: {KINDS[kind]}"
        for kind in Kind
    ]
    body = FIELDS.replace("{loads}", loads).replace("{units}", " or ".join(Unit)).replace("{kinds}", "\n".join(kinds))
    accelerators = catalogue(whole).accelerators
    rows = [
        (r.name, r.family, r.resource_name, r.memory_gib, r.bandwidth, r.tflops, r.power, r.instance_types, r.claims) for r in accelerators
    ]
    heads = ("name", "family", "resource", "GiB", "GB/s", "TFLOPS, 16 bits", "W", "instance types", "claims")
    priced = sum(t.price is not None for t in whole.instance_types.values())
    claims = Counter(c.load for c in whole.claims.values())
    counts = ", ".join(f"{claims[load]} {load.value}" for load in Load)
    outliers = sum(bool(c.outlier) for c in whole.claims.values())
    tail = [
        "",
        "Unsupported:",
        "",
        *(f"- `{r.name}`: {r.unsupported}" for r in accelerators if r.unsupported),
        "",
        f"{len(whole.instance_types)} instance types, {priced} of them with a list price. {len(whole.claims)} claims ({counts}; {outliers} are "
        f"outliers). {len(whole.models)} models by size.",
        "",
        "Sources, licences, and what was left out or corrected: "
        "[operator/steelyard/core/catalogue/data/README.md](../../operator/steelyard/core/catalogue/data/README.md).",
    ]
    return document(HEAD + EXAMPLE + body + "\n".join([*table(heads, rows), *tail]))


LOADS = {
    Load.SATURATED: "all it can do, waiting set aside",
    Load.CONSTRAINED: "within a latency limit of the benchmark's own",
    Load.STATIC_BATCH: "one fixed batch after the other",
    Load.LATENCY_TUNED: "one request at a time, or set up for the shortest answer",
}
KINDS = {
    Kind.SAME: "claims for the model on as many devices",
    Kind.OTHER_SIZE: "claims for the model on another number of devices, in proportion to them",
    Kind.SIMILAR_MODEL: "claims there for the model of the nearest size with the same task, in inverse proportion to the parameters",
    Kind.OTHER_ACCELERATOR: "claims for the model on other accelerators, in proportion to TFLOPS of 16 bits, for tokens to memory bandwidth",
}
