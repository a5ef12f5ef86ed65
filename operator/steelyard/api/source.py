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
            "oci://REGISTRY/REPOSITORY. No other scheme is read. With oci:// the compile pod connects to the registry named here, if the "
            "operator's configuration allows it, and to private addresses only where that lists the host.",
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
            "The digest that the weights must have, checked on every download. Needed for s3://, pvc:// and oci://; for oci:// it is the "
            "digest of the image manifest, else of the sorted list of files with their digests. With hf:// it may be left out: then the files "
            "are held only against the hashes that the hub, or its mirror, names for the commit, so that whoever runs it decides what they are.",
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
            f"{'; '.join(f'{task.value} ({task.meaning})' for task in Task)}; and vllm text-generation. For other servers it only says which "
            "claims speak of the model.",
            example="feature-extraction",
        ),
    ] = None
    secret_name: Annotated[
        ObjectName | None,
        says(
            "A Secret of the same namespace with the credentials for the download. Only the pods that fetch the model mount it; the "
            "operator itself never reads it. Leave it out for public models and for clouds that give pods an identity.",
            example="hub-token",
        ),
    ] = None
