"""What Triton's Python backend runs: all requests of one of its batches in one batch. It is `1/model.py` of a model's folder."""

import os
import sys

import numpy as np
import triton_python_backend_utils as triton

# The interpreter inside of Triton does not read it.
sys.path += os.environ["PYTHONPATH"].split(os.pathsep)

from engine import is_vision, work_of


class TritonPythonModel:
    """Its protocol: initialize, execute. An input is a row of one text, a pair of them, or the bytes of an image."""

    def initialize(self, args):
        folder = os.environ["STEELYARD_BENCH_FOLDER"]
        self.work, self.vision = work_of(folder), is_vision(folder)

    def execute(self, requests):
        asked = [triton.get_input_tensor_by_name(request, "input").as_numpy() for request in requests]
        found = self.work([self.taken(row) for rows in asked for row in rows])
        parts = np.split(found, np.cumsum([len(rows) for rows in asked])[:-1])
        return [triton.InferenceResponse([triton.Tensor("output", part)]) for part in parts]

    def taken(self, row):
        if self.vision:
            return row[0]
        return row[0].decode() if len(row) == 1 else tuple(each.decode() for each in row)
