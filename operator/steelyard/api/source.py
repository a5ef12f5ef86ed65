"""Where a model's weights come from, pinned so that they cannot change unseen."""

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Pattern, Rule
from steelyard.api.task import Task
from steelyard.api.text import Digest, ObjectName, Revision40

HUB = "hf://"
STORED = ("s3://", "pvc://", "oci://")

ModelUri = Annotated[
    str,
    Field(max_length=512),
    Pattern(
        "^(hf|s3|pvc|oci)://[A-Za-z0-9][A-Za-z0-9._:/-]*$",
        "must start with hf://, s3://, pvc:// or oci:// and go on with letters, digits and . _ : / - only; other schemes and URLs are refused",
    ),
    Rule(
        "!self.contains('..')",
        'must not contain "..": name the path in full, from the root of the bucket, claim or repository',
        lambda uri: ".." not in uri,
        reason="FieldValueForbidden",
    ),
]


class ModelSource(SpecModel):
    """One model: where it is, exactly which version, what it does."""

    RULES = (
        Rule(
            "!self.uri.startsWith('hf://') || has(self.revision)",
            "must give revision, the commit of 40 hex digits, when uri starts with hf://",
            lambda m: not m.uri.startswith(HUB) or m.revision is not None,
            field="revision",
            reason="FieldValueRequired",
        ),
        Rule(
            "!self.uri.matches('^(s3|pvc|oci)://') || (has(self.digest) && !has(self.revision))",
            'must give digest, "sha256:" and 64 hex digits, and no revision when uri starts with s3://, pvc:// or oci://',
            lambda m: not m.uri.startswith(STORED) or (m.digest is not None and m.revision is None),
            field="digest",
            reason="FieldValueRequired",
        ),
    )

    uri: Annotated[
        ModelUri,
        says(
            "Where the weights are: hf://ORG/NAME on the model hub, s3://BUCKET/PREFIX, pvc://CLAIM/PATH in this namespace, or "
            "oci://REGISTRY/REPOSITORY, if the operator's configuration allows that registry, and lists its host where its "
            "addresses are private.",
            example="hf://sentence-transformers/all-MiniLM-L6-v2",
        ),
    ]
    revision: Annotated[
        Revision40 | None,
        says(
            "The commit of the model hub to use, in full. Needed for hf:// and only there; branches and tags move, so they are not accepted.",
            example="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        ),
    ] = None
    digest: Annotated[
        Digest | None,
        says(
            "The digest that the weights must have, checked on every download. Needed but for hf://: of the sorted list of files "
            "with their digests, for oci:// of the image manifest. With hf:// it may be left out; then whoever runs the hub, or its"
            " mirror, decides what the files of a commit are.",
            example="sha256:9f86 and so on, 64 hex digits",
        ),
    ] = None
    task: Annotated[
        Annotated[
            str,
            Field(max_length=64),
            Pattern("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", 'must be a task in lower case with hyphens, such as "text-classification"'),
        ]
        | None,
        says(
            "What the model does, by the model hub's name. Steelyard's own server takes "
            f"{'; '.join(f'{task.value} ({task.meaning})' for task in Task)}. vllm takes text-generation, which it does where nothing is said, "
            "feature-extraction, sentence-similarity, text-classification and text-ranking. For other servers it only says which claims speak of the "
            "model.",
            example="feature-extraction",
        ),
    ] = None
    secret_name: Annotated[
        ObjectName | None,
        says(
            "A Secret of the same namespace with the credentials for the download. Only pods that fetch the model mount it. Leave "
            "it out for public models and where pods have an identity of the cloud.",
            example="hub-token",
        ),
    ] = None
