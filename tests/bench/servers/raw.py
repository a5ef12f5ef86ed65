"""The engine without a server: texts in batches, as fast as one core goes. python raw.py FOLDER SECONDS < texts, one a line; a pair
has a tab between its two."""

import json
import sys
import time

from engine import Embedder

BATCH = 8


def main(folder, seconds, texts):
    embedder = Embedder(folder)
    lengths = [len(encoded.ids) for encoded in embedder.tokenizer.encode_batch_fast(texts)]
    by_length = sorted(range(len(texts)), key=lengths.__getitem__)
    orders = {
        "none": [[text] for text in texts],
        "batches in order": [texts[at : at + BATCH] for at in range(0, len(texts), BATCH)],
        "batches of one length": [[texts[i] for i in by_length[at : at + BATCH]] for at in range(0, len(texts), BATCH)],
    }
    found = {}
    for name, batches in orders.items():
        done, times, began = 0, [], time.perf_counter()
        while time.perf_counter() - began < seconds:
            for batch in batches:
                before = time.perf_counter()
                embedder.embed(batch)
                times.append(time.perf_counter() - before)
                done += len(batch)
                # Whole rounds only: a part of one has other lengths.
        found[name] = {"rate": done / (time.perf_counter() - began), "milliseconds": sorted(1000 * t for t in times)}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    lines = sys.stdin.read().splitlines()
    main(sys.argv[1], float(sys.argv[2]), [tuple(line.split("\t")) if "\t" in line else line for line in lines])
