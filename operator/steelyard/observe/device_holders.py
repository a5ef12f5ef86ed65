"""Which pod each device belongs to. One that several pods name is shared in time, and each of them shows all that it draws: what they draw is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.sample import Sample
from steelyard.observe.source import Answer


class DeviceHolders:
    """Remembers the pod that named a device for as long as the pod exists. Devices that are attributed (`Meters.estimated`) are the node's, and
    each pod has a part of its own."""

    def __init__(self) -> None:
        self._named: dict[str, dict[str, None]] = {}

    def apart(self, answers: Mapping[str, Answer], pods: Iterable[ObservedPod]) -> Mapping[str, Answer]:
        """The answers of one round, without the meters of pods that share a device, or hold a part of one. pods: all that exist."""
        by_uid = {pod.uid: pod for pod in pods}
        self._named = {device: found for device, uids in self._named.items() if (found := {uid: None for uid in uids if uid in by_uid})}
        for uid, answer in answers.items():
            for device in _own(answer):
                self._named.setdefault(device, {})[uid] = None
        return {uid: answer if self._is_alone(by_uid.get(uid), answer) else _bare(answer) for uid, answer in answers.items()}

    def _is_alone(self, pod: ObservedPod | None, answer: Answer) -> bool:
        own = _own(answer)
        return not own or (pod is not None and pod.resources.devices % 1 == 0 and all(len(self._named[device]) == 1 for device in own))


def _own(answer: Answer) -> Iterable[str]:
    told = answer.meters if isinstance(answer, Sample) else None
    return () if told is None or told.estimated else tuple(told.joules)


def _bare(answer: Answer) -> Answer:
    return replace(answer, meters=None) if isinstance(answer, Sample) else answer
