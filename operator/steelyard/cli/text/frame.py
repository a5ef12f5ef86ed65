"""A picture as high as the screen: what does not fit is cut at the bottom, and the last line says so."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Frame:
    """`more`: where the rest can be read."""

    picture: RenderableType
    more: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Whole where the height is not bounded."""
        room = options.height
        lines = console.render_lines(self.picture, options.update(height=None), pad=False)
        if room is not None and len(lines) > room:
            hidden = len(lines) - room + 1
            said = Text(
                f"{hidden} lines more: a higher screen shows them, as does {self.more}", style="reverse", no_wrap=True, overflow="ellipsis"
            )
            lines = [*lines[: room - 1], *console.render_lines(said, options.update(height=1), pad=False)]
        for line in lines:
            yield from line
            yield Segment.line()
