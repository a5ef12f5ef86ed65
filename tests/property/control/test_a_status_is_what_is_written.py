"""What an API server has after it merged a patch is the status that was meant, whatever stood there."""

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.status.patch import changes
from unit.control.merge import merged

FIELDS = st.sampled_from(("a", "b", "c"))
VALUES = st.recursive(
    st.booleans() | st.integers(2, 4) | st.sampled_from(("", "x")),
    lambda each: st.lists(each, max_size=2) | st.dictionaries(FIELDS, each, max_size=3),
    max_leaves=12,
)
"""No null: an API server keeps none in an object."""
STATUSES = st.dictionaries(FIELDS, VALUES, max_size=3)


@effort(500)
@given(STATUSES, STATUSES)
def test_what_is_written_becomes_what_was_meant(old, new):
    meant = {field: value for field, value in new.items() if value not in ("", [], {}, False) or field in old}
    patch = changes(old, new)
    assert (old if patch is None else merged(old, patch)) == meant
    assert patch is not None or old == meant, "nothing is written only where nothing differs"


@effort(200)
@given(STATUSES)
def test_what_stands_there_is_not_written_again(status):
    assert changes(status, status) is None
