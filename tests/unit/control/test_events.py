import asyncio
import re

import pytest

from steelyard.control.kube.errors import AlreadyExists, ApiError, Forbidden, NotFound, ServerError, TimedOut, TooManyRequests
from steelyard.control.kube.fence import LeadershipLost
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.core.vocabulary.reason import Reason
from unit.control.virtual_time import VirtualClock, run

ABOUT = {
    "apiVersion": "steelyard.dev/v1alpha1",
    "kind": "InferenceWorkload",
    "metadata": {"namespace": "n", "name": "w", "uid": "u", "resourceVersion": "1"},
}


class Poster:
    def __init__(self):
        self.created, self.patched, self.failure = [], [], None

    async def create(self, resource, manifest):
        if self.failure:
            raise self.failure
        self.created.append(manifest)
        return manifest

    async def patch_series(self, resource, namespace, name, patch):
        if self.failure:
            raise self.failure
        self.patched.append((name, patch["series"]["count"]))
        return {}


async def recording(poster, dropped):
    recorder = EventRecorder(poster, VirtualClock(), instance="pod-1", on_drop=dropped.append)
    running = asyncio.create_task(recorder.run())
    await asyncio.sleep(0.1)
    return recorder, running


def test_the_same_again_is_counted_and_written_as_one_series():
    async def scenario():
        poster, dropped = Poster(), []
        recorder, running = await recording(poster, dropped)
        for _ in range(50):
            recorder.record(ABOUT, EventType.WARNING, Reason.FROZEN, "same")
        await asyncio.sleep(200)
        assert len(poster.created) == 1 and dropped == []
        assert poster.patched == [(poster.created[0]["metadata"]["name"], 50)], "once, not at every flush"
        await asyncio.sleep(700)
        recorder.record(ABOUT, EventType.WARNING, Reason.FROZEN, "same")
        await asyncio.sleep(1)
        assert len(poster.created) == 2, "after ten minutes of silence it is news again"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", poster.created[0]["eventTime"])
        running.cancel()

    run(scenario())


def test_many_different_notes_become_one_and_a_talkative_object_is_silenced_without_harm_to_others():
    async def scenario():
        poster, dropped = Poster(), []
        recorder, running = await recording(poster, dropped)
        for number in range(100):
            recorder.record(ABOUT, EventType.NORMAL, Reason.SCALED, f"{number}")
        await asyncio.sleep(1)
        assert len(poster.created) == 11
        assert poster.created[-1]["note"].startswith("(combined")
        for reason in list(Reason)[:20]:
            recorder.record(ABOUT, EventType.NORMAL, reason, "x")
        await asyncio.sleep(1)
        assert "silenced" in dropped
        other = {**ABOUT, "metadata": {**ABOUT["metadata"], "uid": "other"}}
        before = len(poster.created)
        recorder.record(other, EventType.NORMAL, Reason.PLACED, "x")
        await asyncio.sleep(1)
        assert len(poster.created) == before + 1
        running.cancel()

    run(scenario())


def test_failures_are_counted_and_never_reach_the_caller_and_a_vanished_series_starts_anew():
    async def scenario():
        poster, dropped = Poster(), []
        recorder, running = await recording(poster, dropped)
        poster.failure = Forbidden("no")
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "x")
        await asyncio.sleep(1)
        assert dropped == ["failed"]
        poster.failure = None
        recorder.record(ABOUT, EventType.NORMAL, Reason.FROZEN, "y")
        await asyncio.sleep(1)
        recorder.record(ABOUT, EventType.NORMAL, Reason.FROZEN, "y")
        poster.failure = NotFound("expired")
        await recorder.flush()
        poster.failure = None
        recorder.record(ABOUT, EventType.NORMAL, Reason.FROZEN, "y")
        await asyncio.sleep(1)
        assert [event["reason"] for event in poster.created] == ["Frozen", "Frozen"]
        running.cancel()

    run(scenario())


@pytest.mark.parametrize("error", [ServerError("down"), TooManyRequests("busy"), TimedOut("no answer")])
def test_what_could_not_be_posted_just_now_is_posted_once_the_server_is_back_and_in_its_order(error: ApiError):
    async def scenario():
        poster, dropped = Poster(), []
        recorder, running = await recording(poster, dropped)
        poster.failure = error
        recorder.record(ABOUT, EventType.NORMAL, Reason.DRILLING, "x")
        recorder.record(ABOUT, EventType.NORMAL, Reason.EXIT_PROVEN, "y")
        await asyncio.sleep(2)
        poster.failure = None
        await asyncio.sleep(30)
        assert [event["reason"] for event in poster.created] == ["Drilling", "ExitProven"] and dropped == []
        poster.failure = error
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "z")
        await asyncio.sleep(600)
        assert dropped == ["failed"], "not for ever"
        running.cancel()

    run(scenario())


def test_an_event_whose_first_answer_was_lost_is_posted_and_its_series_is_counted():
    async def scenario():
        poster, dropped = Poster(), []
        recorder, running = await recording(poster, dropped)
        poster.failure = TimedOut("no answer")
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "x")
        await asyncio.sleep(0.1)
        poster.failure = AlreadyExists("it is there", status=409)
        await asyncio.sleep(5)
        poster.failure = None
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "x")
        await asyncio.sleep(200)
        assert [count for _, count in poster.patched] == [2] and dropped == [] and not poster.created
        running.cancel()

    run(scenario())


def test_a_standby_posts_nothing_and_a_deposed_leader_stops():
    async def scenario():
        poster, dropped = Poster(), []
        recorder = EventRecorder(poster, VirtualClock(), instance="x", on_drop=dropped.append)
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "x")
        assert dropped == ["idle"]
        running = asyncio.create_task(recorder.run())
        await asyncio.sleep(0.1)
        poster.failure = LeadershipLost("gone")
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "x")
        with pytest.raises(LeadershipLost):
            await running

    run(scenario())


def test_notes_are_cut_to_what_the_server_takes():
    async def scenario():
        poster = Poster()
        recorder, running = await recording(poster, [])
        recorder.record(ABOUT, EventType.NORMAL, Reason.PLACED, "é" * 2000)
        await asyncio.sleep(1)
        assert len(poster.created[0]["note"].encode()) <= 1024
        running.cancel()

    run(scenario())


def test_who_stops_waits_for_what_is_being_told_and_not_for_ever():
    class Slow(Poster):
        async def create(self, resource, manifest):
            await asyncio.sleep(1)
            return await super().create(resource, manifest)

    async def scenario():
        poster = Slow()
        recorder, running = await recording(poster, [])
        await recorder.posted(60)
        recorder.record(ABOUT, EventType.WARNING, Reason.FROZEN, "one")
        recorder.record(ABOUT, EventType.WARNING, Reason.NOT_SYNCED, "two")
        await recorder.posted(0.5)
        assert poster.created == []
        await recorder.posted(60)
        assert [e["note"] for e in poster.created] == ["one", "two"]
        running.cancel()

    run(scenario())
