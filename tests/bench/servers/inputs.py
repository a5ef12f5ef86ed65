"""What the servers are asked, by task: a text, a query with documents that are made of a text, or an image that is drawn from a seed."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Sequence

from steelyard_runtime.tasks.image_classification import LOAD_SIZE, random_png
from steelyard_runtime.texts import text_of

EMBEDDINGS, CLASSIFICATION, RANKING, VISION = "embeddings", "text-classification", "text-ranking", "image-classification"
TASKS = (EMBEDDINGS, CLASSIFICATION, RANKING, VISION)
TEXTS, IMAGES = 256, 64
WORDS = (3, 100)
RANKED = (8, 40)
"""Words of a document."""
QUERY_WORDS, DOCUMENTS = 6, 8
"""Of a request to rank."""
LEAST = {EMBEDDINGS: 10, CLASSIFICATION: 1, RANKING: DOCUMENTS, VISION: 1}
"""Numbers of an answer."""


def inputs_of(task: str, chance: random.Random) -> list[str]:
    """Of which each request has one."""
    if task == VISION:
        return [str(number) for number in range(IMAGES)]
    return [text_of(chance.randint(*(RANKED if task == RANKING else WORDS)), chance) for _ in range(TEXTS)]


def ranked(text: str) -> tuple[str, list[str]]:
    """The text's first words as the query, and the text as each of the documents, from another word on."""
    words = text.split()
    return " ".join(words[:QUERY_WORDS]), [" ".join([*words[at:], *words[:at]]) for at in range(DOCUMENTS)]


@functools.cache
def image(seed: str) -> bytes:
    """A PNG of blocks of colour."""
    return random_png(*LOAD_SIZE, random.Random(seed))


def as_json(of: Callable[[str], object]) -> Callable[[str], bytes]:
    """A body of what is made of an input."""
    return lambda text: json.dumps(of(text)).encode()


def inference(task: str, rows: Callable[[str], Sequence[str]]) -> Callable[[str], bytes]:
    """A body of the Open Inference Protocol: of one tensor, `input`, in which a pair of texts is a row of two."""
    wide = 2 if task == RANKING else 1

    def tensor(text: str) -> object:
        data = rows(text)
        return {"inputs": [{"name": "input", "shape": [len(data) // wide, wide], "datatype": "BYTES", "data": data}]}

    return as_json(tensor)


def flat(text: str) -> list[str]:
    """Query and document, for each of the documents."""
    query, documents = ranked(text)
    return [each for document in documents for each in (query, document)]
