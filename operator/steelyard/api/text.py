"""The kinds of string that the API accepts, each with its length, its pattern and the sentence that says how to write it."""

from typing import Annotated

from pydantic import Field

from steelyard.api.rule import Pattern

WORKLOAD_NAME_MAX = 32
POOL_NAME_MAX = 20
TRIAL_NAME_MAX = 40
VARIANT_NAME_MAX = 10
COMPILED_MODEL_NAME_MAX = 52
"""A Job's name is its CompiledModel's name plus `-<attempt>`; the label `job-name` holds at most 63 characters."""

LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?"
"""An RFC 1035 label: what a Service may be called, and so what everything that names a Service may be called."""

WorkloadName = Annotated[
    str,
    Field(max_length=WORKLOAD_NAME_MAX),
    Pattern(f"^{LABEL}$", 'must be the name of an InferenceWorkload: lower case letters, digits and "-", such as "embedder"'),
]

PoolName = Annotated[
    str,
    Field(max_length=POOL_NAME_MAX),
    Pattern(f"^{LABEL}$", 'must be the name of an AcceleratorPool: lower case letters, digits and "-", such as "inf2-xlarge"'),
]

VariantName = Annotated[
    str,
    Field(max_length=VARIANT_NAME_MAX),
    Pattern(f"^{LABEL}$", 'must be lower case letters, digits and "-", such as "int8"'),
]

PlaceName = Annotated[
    str,
    Field(max_length=POOL_NAME_MAX + 1 + VARIANT_NAME_MAX),
    Pattern(
        f"^{LABEL}([.]{LABEL})?$",
        'must be the name of an AcceleratorPool, or POOL.VARIANT for a variant of spec.compile, such as "inf2-xlarge" or "inf2-xlarge.int8"',
    ),
]

FamilyName = Annotated[
    str,
    Field(max_length=32),
    Pattern(
        "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
        'must be an accelerator family in lower case, such as "cpu", "nvidia" or "neuron-inf2"',
    ),
]

ObjectName = Annotated[
    str,
    Field(max_length=253),
    Pattern(
        "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        "must be the name of an object in the same namespace, in lower case",
    ),
]

QueueName = Annotated[
    str,
    Field(max_length=63),
    Pattern(
        "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        'must be the name of a LocalQueue in the same namespace: at most 63 lower case letters, digits, "-" and ".", such as "team-a"',
    ),
]
"""As an object's name, and short enough for the label that it becomes."""

Revision40 = Annotated[
    str,
    Field(max_length=40),
    Pattern("^[0-9a-f]{40}$", "must be a full commit of 40 lower case hex digits: a branch or a tag moves, and its measurements with it"),
]

Digest = Annotated[
    str,
    Field(max_length=71),
    Pattern("^sha256:[0-9a-f]{64}$", 'must be "sha256:" followed by 64 lower case hex digits'),
]

HashedRevision = Annotated[str, Field(max_length=8, pattern="^[0-9a-f]{8}$")]
"""The short hash of what makes a replica behave, the last part of its Deployment's name. Written by the operator only."""

Reason = Annotated[str, Field(min_length=1, max_length=64, pattern="^[A-Z][A-Za-z0-9]*$")]
"""A CamelCase reason from the documented vocabulary. Written by the operator only."""

Message = Annotated[str, Field(max_length=1024)]
"""One or two sentences for people. Written by the operator only."""

DataKey = Annotated[
    str,
    Field(max_length=253),
    Pattern("^[A-Za-z0-9._-]+$", "must be a key of the Secret or ConfigMap: letters, digits and . _ - only"),
]
