"""From texts to token ids, and from token ids to the padded arrays a compiled bucket takes."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NAME = "tokenizer.json"


class TextTokenizer:
    """The model's own tokenizer, cut at the longest compiled sequence. Thread-safe; it lets go of the GIL."""

    def __init__(self, folder: Path, longest: int) -> None:
        # Otherwise a batch of texts would take a thread for every core of the node, whatever the pod was given.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from tokenizers import Tokenizer  # noqa: PLC0415  the load generator and `digest` do without

        self._tokenizer = Tokenizer.from_file(str(folder / NAME))
        # A saved tokenizer may pad everything to 128: buckets are ours.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(longest)
        self.vocabulary = int(self._tokenizer.get_vocab_size())
        self.longest = longest

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        """Return the ids of each text, and how many texts had to be cut."""
        encoded = self._tokenizer.encode_batch_fast(list(texts))
        return [item.ids for item in encoded], sum(1 for item in encoded if item.overflowing)


def pieces(texts: Sequence[str], characters: int) -> Iterator[list[str]]:
    """Cut into pieces of at most so many characters together; a longer text is a piece of its own."""
    piece: list[str] = []
    size = 0
    for text in texts:
        if piece and size + len(text) > characters:
            yield piece
            piece, size = [], 0
        piece.append(text)
        size += len(text)
    if piece:
        yield piece


def bucket_of(length: int, lengths: Sequence[int]) -> int:
    """Return the smallest of the rising `lengths` that holds `length` tokens; raises `ValueError` when none does."""
    for candidate in lengths:
        if length <= candidate:
            return candidate
    raise ValueError(f"{length} tokens are more than the longest compiled sequence, {lengths[-1]}")


def padded(rows: Sequence[Sequence[int]], length: int, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids and mask [batch, length]: each row padded with zeros, missing rows one token long (an empty row has no mean)."""
    ids = np.zeros((batch, length), dtype=np.int64)
    mask = np.zeros((batch, length), dtype=np.int64)
    mask[len(rows) :, 0] = 1
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return ids, mask
