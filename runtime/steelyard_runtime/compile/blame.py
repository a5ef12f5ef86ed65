"""Whose it is when a library cannot read a model: the model's, unless the machine failed, or the process was told to stop."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from steelyard_runtime.compile.memory import out_of_memory
from steelyard_runtime.failure import Failure, Reason, user_failure

MACHINES = frozenset(
    {
        *(errno.EIO, errno.ENXIO, errno.ENODEV),
        *(errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE),
        *(errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EREMOTEIO, errno.EHOSTDOWN),
    }
)
"""Errors of disks, of limits, and of file systems on a network. A file that is absent, or a folder, is a fault of the model."""
RUST = re.compile(r"\(os error (\d+)\)")
"""How std::io::Error ends: tokenizers and safetensors tell it as text alone."""


@contextmanager
def blame_the_model(sentence: str) -> Iterator[None]:
    """Make a `Failure` of the user's out of whatever a library throws at a model; the machine's, and a `Failure`, go on as they are.

    Also where the library has made an error of its own of them: transformers turns every Exception into an OSError without a number.
    """
    try:
        yield
    except Exception as error:
        if (other := not_the_models(error)) is not None:
            raise other  # noqa: B904  it keeps its own cause
        raise user_failure(Reason.MODEL_UNREADABLE, f"{sentence}: {str(error)[:800]}") from error


def not_the_models(error: BaseException) -> BaseException | None:
    """What is behind an error that no model is to blame for; None where the model may be."""
    return next((e for e in _behind(error) if isinstance(e, Failure) or out_of_memory(e) or _number(e) in MACHINES), None)


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    told = RUST.search(str(error))
    return int(told[1]) if told else None
