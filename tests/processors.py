"""How busy this machine's processors are, by what the kernel counts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Jiffies:
    """Time of all processors since the machine started, in ticks: proc(5), the first line of /proc/stat, of which fields 4 and 5 are idle. `nice`: used by
    processes of a low priority (field 2), that anybody else may have."""

    idle: int
    nice: int
    all: int

    @classmethod
    def now(cls) -> Jiffies:
        """As counted until now."""
        fields = [int(word) for word in _STAT.read_text().splitlines()[0].split()[1:9]]
        return cls(sum(fields[3:5]), fields[1], sum(fields))

    def idle_since(self, before: Jiffies) -> float:
        """The part of all processors' time from `before` until this that nobody used."""
        return (self.idle - before.idle) / max(1, self.all - before.all)

    def spare_since(self, before: Jiffies) -> float:
        """The part that nobody used, or that was used by whoever leaves it to others."""
        return (self.idle + self.nice - before.idle - before.nice) / max(1, self.all - before.all)
