"""A name that is not on a page: what the page has that is near it, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.observe.near import names_on, near

PAGES = Path(__file__).parent / "pages"


def names(page: str) -> frozenset[str]:
    return names_on((PAGES / f"{page}.txt").read_bytes())


def test_a_misspelt_name_finds_the_one_that_was_meant():
    assert "the page has rest_server_requests_total" in near("rest_server_request_total", names("mlserver-1.7.1"))


def test_parts_of_a_histogram_are_told_as_one_name():
    hint = near("ovms_request_time_ms", names("ovms-2026"))
    assert "ovms_request_time_us" in hint and "_bucket" not in hint


@pytest.mark.parametrize(
    ("page", "profile"), [("sglang-main-2026", "sglang"), ("bentoml-1.4.40", "bentoml"), ("rayserve-2.60.0", "rayserve")]
)
def test_the_page_of_another_server_is_told_by_its_profile(page, profile):
    assert f"the page is like that of profile {profile}" in near("vllm:request_success_total", names(page))


def test_a_counter_that_any_server_may_have_tells_no_server():
    hint = near("requests_finished_total", {"http_requests_total", "http_request_duration_seconds_bucket"})
    assert "the page has http_requests_total" in hint and "profile infinity" not in hint


def test_a_page_without_metrics_is_another_page():
    assert "no metrics at all" in near("n_total", names_on(b"<html></html>"))
    assert "nothing near it" in near("n_total", {"go_goroutines"})


def test_names_that_are_no_text_are_no_names():
    assert names_on(b"\xff\xfe n\nok_total 1\n") == {"ok_total"}
