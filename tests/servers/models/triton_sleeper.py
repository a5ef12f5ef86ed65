"""Triton's Python back end: sleeper/1/model.py of a model repository."""

import time

import triton_python_backend_utils as triton

ANSWERS_WITH_AN_ERROR = -2


class TritonPythonModel:
    """One instance, which answers one request after the other."""

    def execute(self, requests):
        return [self._answer(triton.get_input_tensor_by_name(request, "ms").as_numpy()) for request in requests]

    def _answer(self, asked):
        milliseconds = int(asked[0])
        if milliseconds == ANSWERS_WITH_AN_ERROR:
            return triton.InferenceResponse(error=triton.TritonError("it was to fail"))
        if milliseconds < 0:
            raise RuntimeError("it was to fail")
        time.sleep(milliseconds / 1000)
        return triton.InferenceResponse([triton.Tensor("slept", asked)])
