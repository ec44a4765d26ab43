"""The labels of a time axis never overlap."""

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from berthwatch.reporting.axes import TimeAxis


@given(st.floats(0, 4000), st.floats(0.5, 4000), st.booleans())
def test_date_labels_do_not_overlap_and_stay_inside_the_chart(begin, days, narrow):
    start = datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=begin)
    x_left, x_right, n = (10.0, 340.0, 4) if narrow else (170.0, 990.0, 10)
    axis = TimeAxis.spanning([start, start + timedelta(days=days)], x_left, x_right)

    ticks = axis.ticks(n)

    spans = [tick.span() for tick in ticks if tick.label]
    assert all(right < left for (_, right), (left, _) in pairwise(spans))
    assert all(left >= 0 and right <= x_right + 10 for left, right in spans)
    if axis.end - axis.start > timedelta(days=2) and ticks:
        assert any(re.search(r"\b\d{4}$", tick.label) for tick in ticks)
