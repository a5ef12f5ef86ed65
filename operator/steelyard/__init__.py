"""Steelyard: run each model where one good request costs least, as measured on your own traffic."""

from os import environ

# Before numpy is imported. The matrices here have a few hundred rows at most: too few for threads of its linear algebra, of which it starts one for each
# processor of the node, whatever the pod may use of these, and which wait for one another by turning.
environ.setdefault("OPENBLAS_NUM_THREADS", "1")
