"""Packages that only some commands need, and the extra that brings each of them."""

from __future__ import annotations

EXTRAS = {
    "aiohttp": "operator",
    "kopf": "operator",
    "matplotlib": "simulate",
    "prometheus_client": "operator",
    "pyarrow": "bill",
    "uvloop": "operator",
}


def remedy(package: str) -> str:
    """The command that installs what is missing. A package of no extra belongs to steelyard's own: the installation is not complete."""
    extra = f"[{EXTRAS[package]}]" if package in EXTRAS else ""
    return f"pip install 'steelyard{extra}' (in a checkout: pip install '.{extra}')"
