"""Which piece is next, and how long the rest will take. It starts nothing and reads no clock: `fulfil` does."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cluster.piece import Kind, Piece


class Schedule:
    """A plan under way. Pieces are begun in the order of the plan, each as soon as what it needs is done and nothing of its kind is under way."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces: dict[str, Piece] = {}
        for piece in pieces:
            if piece.name in self.pieces:
                raise ValueError(f"this is twice in the plan: {piece.name}")
            self.pieces[piece.name] = piece
        self._since: dict[str, float] = {}
        """The pieces under way, and when they were begun."""
        self._done: set[str] = set()
        self._measured: dict[str, float] = {}
        """The seconds that pieces took here: what the estimate learns from."""

    @property
    def count(self) -> tuple[int, int]:
        """How many pieces are done, of how many."""
        return len(self._done), len(self.pieces)

    @property
    def under_way(self) -> dict[str, float]:
        """The names of the pieces under way, and when each was begun."""
        return dict(self._since)

    def startable(self) -> list[Piece]:
        """The pieces to begin now: at most one of each kind. Empty with nothing under way means that all is done."""
        busy = {self.pieces[name].kind for name in self._since}
        next_ones = [self._next(kind, self._done, self._since) for kind in Kind if kind not in busy]
        found = [piece for piece in next_ones if piece is not None]
        if not found and not self._since and len(self._done) < len(self.pieces):
            raise ValueError(f"these pieces need each other: {', '.join(sorted(self.pieces.keys() - self._done))}")
        return found

    def begin(self, piece: Piece, now: float) -> None:
        """It is under way from now on."""
        self._since[piece.name] = now

    def end(self, piece: Piece, now: float, *, waited: bool = False) -> float:
        """It is done; returns the seconds that it took. One that has waited for another process tells nothing about this machine's speed."""
        took = now - self._since.pop(piece.name)
        self._done.add(piece.name)
        if not waited:
            self._measured[piece.name] = took
        return took

    def seconds_left(self, now: float) -> float:
        """The rest, played through in this order: each piece as long as on the reference machine, times how much slower this one was so far."""
        slower = {kind: self._slower(kind, now) for kind in Kind}
        ends = {name: max(since + self._expected(name, slower), now) for name, since in self._since.items()}
        at, done = now, set(self._done)
        while True:
            for kind in Kind:
                piece = self._next(kind, done, ends) if all(self.pieces[name].kind != kind for name in ends) else None
                if piece is not None:
                    ends[piece.name] = at + self._expected(piece.name, slower)
            if not ends:
                return at - now
            first = min(ends, key=lambda name: (ends[name], name))
            at = ends.pop(first)
            done.add(first)

    def _next(self, kind: Kind, done: Collection[str], begun: Collection[str]) -> Piece | None:
        for piece in self.pieces.values():
            open_needs = (piece.needs & self.pieces.keys()) - set(done)
            if piece.kind == kind and piece.name not in done and piece.name not in begun and not open_needs:
                return piece
        return None

    def _expected(self, name: str, slower: dict[Kind, float]) -> float:
        return self.pieces[name].seconds * slower[self.pieces[name].kind]

    def _slower(self, kind: Kind, now: float) -> float:
        """This machine's seconds for one of the reference's. A piece that takes longer than those before it let expect tells of it already."""
        ended = {name: took for name, took in self._measured.items() if self.pieces[name].kind == kind}
        so_far = self._ratio(ended)
        running = {name: now - since for name, since in self._since.items() if self.pieces[name].kind == kind}
        return self._ratio(ended | {name: spent for name, spent in running.items() if spent > self.pieces[name].seconds * so_far})

    def _ratio(self, took: dict[str, float]) -> float:
        return sum(took.values()) / sum(self.pieces[name].seconds for name in took) if took else 1.0
