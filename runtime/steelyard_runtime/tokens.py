"""From texts to token ids, and from token ids to the padded arrays a compiled bucket takes."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NAME = "tokenizer.json"
Text = str | tuple[str, ...]
"""A text, or two that a model reads as one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One input as the graph takes it."""

    ids: Sequence[int]
    segments: Sequence[int] = ()
    """Of each token: 0 of the first text, 1 of the second."""
    spans: Sequence[tuple[int, int] | None] = ()
    """Of each token, where it begins and ends in its text, in characters; None of one that is not in it."""

    def __len__(self) -> int:
        return len(self.ids)


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

    def rows(self, texts: Sequence[Text]) -> tuple[list[Row], int]:
        """Return each text, or pair, with its segments, and how many had to be cut: of a pair the longer text is."""
        encoded = self._tokenizer.encode_batch_fast(list(texts))
        return [Row(item.ids, item.type_ids) for item in encoded], sum(1 for item in encoded if item.overflowing)

    def spans(self, texts: Sequence[str]) -> tuple[list[Row], int]:
        """Return each text with the places of its tokens, and how many had to be cut."""
        encoded = self._tokenizer.encode_batch(list(texts))
        rows = [
            Row(
                item.ids,
                spans=[None if special else span for span, special in zip(item.offsets, item.special_tokens_mask, strict=True)],
            )
            for item in encoded
        ]
        return rows, sum(1 for item in encoded if item.overflowing)


def characters(texts: Sequence[Text]) -> int:
    """Return how many there are in all of the texts, and in both of a pair."""
    return sum(sum(map(len, text)) if isinstance(text, tuple) else len(text) for text in texts)


def pieces(texts: Sequence[Text], most: int) -> Iterator[list[Text]]:
    """Cut into pieces of at most so many characters together; a longer text is a piece of its own."""
    piece: list[Text] = []
    size = 0
    for text in texts:
        long = characters((text,))
        if piece and size + long > most:
            yield piece
            piece, size = [], 0
        piece.append(text)
        size += long
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


def segmented(rows: Sequence[Row], length: int, batch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids and mask as `padded` does, the mask with a 2 where a token is of the second text: one input fewer for every back end, and `split`
    takes them apart in the graph."""
    ids, mask = padded([row.ids for row in rows], length, batch)
    for index, row in enumerate(rows):
        if row.segments:
            mask[index, : len(row)] += np.asarray(row.segments, dtype=np.int64)
    return ids, mask
