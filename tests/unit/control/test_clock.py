from datetime import UTC, datetime, timedelta

from steelyard.control.clock import AnchoredClock, stopwatch


class Times:
    def __init__(self):
        self.wall = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.watch = 100.0

    def pass_(self, seconds):
        self.wall += timedelta(seconds=seconds)
        self.watch += seconds

    def clock(self):
        return AnchoredClock(wall=lambda: self.wall, stopwatch=lambda: self.watch)


def test_now_is_the_servers_time_moved_on_by_the_stopwatch():
    times = Times()
    clock = times.clock()
    clock.anchor(datetime(2026, 1, 1, 13, tzinfo=UTC), 100.0, 102.0)
    times.pass_(11)
    assert clock.now() == datetime(2026, 1, 1, 13, 0, 10, 500000, tzinfo=UTC)


def test_a_step_of_the_wall_clock_does_not_move_now_and_is_suspect():
    times = Times()
    clock = times.clock()
    clock.anchor(times.wall, 100.0, 100.0)
    before = clock.now()
    times.wall += timedelta(hours=1)
    assert clock.now() == before
    assert clock.suspect()
    times.wall -= timedelta(hours=1)
    assert not clock.suspect()


def test_a_later_date_header_does_not_move_now_but_a_large_disagreement_is_suspect():
    times = Times()
    clock = times.clock()
    clock.anchor(times.wall, 100.0, 100.0)
    before = clock.now()
    clock.anchor(times.wall + timedelta(seconds=90), 100.0, 100.0)
    assert clock.now() == before
    assert clock.disagreement() == timedelta(seconds=90)
    assert clock.suspect()


def test_the_stopwatch_runs_forwards():
    assert stopwatch() <= stopwatch()
