"""Steelyard: run each model where one good request costs least, as measured on your own traffic."""

from os import environ

# Before numpy is imported. The matrices here have a few hundred rows at most, and threads of its linear algebra make up to ten times the work of them:
# they wait for one another by turning, on as many processors as the node has, whatever the pod may use of these.
environ.setdefault("OPENBLAS_NUM_THREADS", "1")
