"""What nobody used of the processors' time is a part of it."""

from processors import Jiffies


def test_idle_is_what_nobody_used_of_the_time_between_two_readings() -> None:
    before, after = Jiffies(idle=100, nice=10, all=1000), Jiffies(idle=130, nice=20, all=1200)
    assert after.idle_since(before) == 0.15
    assert after.spare_since(before) == 0.2, "and what they leave who yield"
    assert before.idle_since(before) == before.spare_since(before) == 0.0, "in no time nobody was idle"


def test_a_reading_of_this_machine_only_grows() -> None:
    before = Jiffies.now()
    after = Jiffies.now()
    assert 0 < before.idle < before.all
    assert before.all <= after.all
