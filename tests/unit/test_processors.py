"""What nobody used of the processors' time is a part of it."""

from processors import Jiffies


def test_idle_is_what_nobody_used_of_the_time_between_two_readings() -> None:
    assert Jiffies(idle=130, all=1200).idle_since(Jiffies(idle=100, all=1000)) == 0.15
    assert Jiffies(idle=1, all=1).idle_since(Jiffies(idle=1, all=1)) == 0.0, "in no time nobody was idle"


def test_a_reading_of_this_machine_only_grows() -> None:
    before = Jiffies.now()
    after = Jiffies.now()
    assert 0 < before.idle < before.all
    assert before.all <= after.all
