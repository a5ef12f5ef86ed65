"""A failure that says whose it is, what it is called and what to do about it."""

from enum import StrEnum


class FailureClass(StrEnum):
    """Who has to act; the operator's retry policy hangs on it."""

    USER = "User"
    """The request cannot succeed as it stands: never retried."""
    OUT_OF_MEMORY = "OutOfMemory"
    """Retried with more memory."""
    INFRASTRUCTURE = "Infrastructure"
    """Retried with capped exponential back-off."""


class Reason(StrEnum):
    """Every word a failed compile or start can carry."""

    INVALID_SPEC = "InvalidSpec"
    """The specification handed over in the environment cannot be read."""
    UNSUPPORTED_TARGET = "UnsupportedTarget"
    """No toolchain in this image builds for, or runs on, that target."""
    UNSUPPORTED_OPTION = "UnsupportedOption"
    """The back end cannot honour a dtype, quantisation, flag or task of the request."""
    TOOLCHAIN_MISMATCH = "ToolchainMismatch"
    """What is installed is not what the compile key was made from."""
    TOOLCHAIN_PLACEHOLDER = "ToolchainPlaceholder"
    """A package of the right name is installed, but it is an empty placeholder."""
    MODEL_NOT_FOUND = "ModelNotFound"
    """There is nothing at the model's address."""
    SOURCE_REFUSED = "SourceRefused"
    """The platform team's configuration does not let a model come from there."""
    MODEL_TOO_LARGE = "ModelTooLarge"
    """The model is larger than the disk of the pod."""
    MODEL_DIGEST_MISMATCH = "ModelDigestMismatch"
    """The files at the model's address are not the ones that were asked for."""
    PICKLE_REFUSED = "PickleRefused"
    """The model carries weights whose loading can run code."""
    MODEL_UNREADABLE = "ModelUnreadable"
    """The model's files are not a model this runtime can load."""
    COMPILE_FAILED = "CompileFailed"
    """The back end refused or failed to compile the model."""
    ACCURACY_TOO_LOW = "AccuracyTooLow"
    """The compiled model's answers differ too much from the reference's."""
    ARTIFACT_NOT_FOUND = "ArtifactNotFound"
    """There is no manifest at the artifact's address."""
    ARTIFACT_CORRUPT = "ArtifactCorrupt"
    """The manifest or one of its files does not have the digest it must have."""
    SIGNATURE_REFUSED = "SignatureRefused"
    """No key that is trusted has signed the artifact."""
    OUT_OF_MEMORY = "OutOfMemory"
    """There was not enough memory."""
    STORE_UNAVAILABLE = "StoreUnavailable"
    """The object store or the volume did not answer."""
    INTERRUPTED = "Interrupted"
    """The process was told to stop before it was done."""
    UNEXPECTED = "Unexpected"
    """An error nobody foresaw; the log tail has it."""


class Failure(Exception):  # noqa: N818  it is the word of the domain, and a result as much as an error
    """Ends a compile or a start. `message` says what was seen and what to do next."""

    def __init__(self, kind: FailureClass, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message


def user_failure(reason: Reason, message: str) -> Failure:
    """Build a failure that only the person who asked can lift."""
    return Failure(FailureClass.USER, reason, message)


def infrastructure_failure(reason: Reason, message: str) -> Failure:
    """Build a failure that may go away by itself."""
    return Failure(FailureClass.INFRASTRUCTURE, reason, message)
