"""The engine without a server: texts, pairs or images in batches, as fast as one core goes. python raw.py FOLDER SECONDS INPUTS_A_REQUEST WAITING <
inputs, one a line: a pair has a tab between its two, an image is in base64. WAITING: how many requests a full server has under way."""

import base64
import json
import sys
import time

from engine import Classifier, Embedder, is_vision
from waiting import batches_of_waiting

BATCH = 8


def main(folder, seconds, pairs, waiting, lines):
    if is_vision(folder):
        inputs, lengths = [base64.b64decode(line) for line in lines], None
        work = Classifier(folder).classify
    else:
        inputs = [tuple(line.split("\t")) if "\t" in line else line for line in lines]
        embedder = Embedder(folder)
        work, lengths = embedder.embed, [len(encoded.ids) for encoded in embedder.tokenizer.encode_batch_fast(inputs)]
    orders = {
        "none": [inputs[at : at + pairs] for at in range(0, len(inputs), pairs)],
        "batches in order": batches(inputs, range(len(inputs))),
    }
    if lengths:
        orders["batches of one length"] = batches(inputs, sorted(range(len(inputs)), key=lengths.__getitem__))
        orders["as many as may wait"] = [[inputs[place] for place in these] for these in batches_of_waiting(lengths, pairs, waiting, BATCH)]
    found = {}
    for name, order in orders.items():
        # Each shape has a price once.
        for batch in order[:: max(1, len(order) // 8)]:
            work(batch)
        done, times, began = 0, [], time.perf_counter()
        while time.perf_counter() - began < seconds:
            for batch in order:
                before = time.perf_counter()
                work(batch)
                times.append(time.perf_counter() - before)
                done += len(batch)
                # Whole rounds only: a part of one has other lengths.
        found[name] = {"rate": done / pairs / (time.perf_counter() - began), "milliseconds": sorted(1000 * t for t in times)}
    json.dump(found, sys.stdout)


def batches(inputs, order):
    return [[inputs[place] for place in order[at : at + BATCH]] for at in range(0, len(order), BATCH)]


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.stdin.read().splitlines())
