"""Plots: every value lies inside its axes, at the place that its ticks promise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from berthwatch.reporting.plots import Axis, Plot


@given(st.floats(1e-3, 1e6))
def test_an_axis_from_zero_ends_at_a_round_number_beyond_the_highest(highest):
    axis = Axis.from_zero(highest)

    assert axis.low == 0
    assert highest <= axis.high * (1 + 1e-8)
    assert axis.high < 2 * highest * 1.26  # not so far beyond that the values crowd in a corner
    assert 3 <= len(axis.ticks) <= 5
    assert axis.ticks[-1][0] == pytest.approx(axis.high)


def test_the_steps_of_the_example():
    assert [label for _, label in Axis.from_zero(316).ticks] == ["0", "100", "200", "300", "400"]


def test_marks_stand_where_the_ticks_say():
    plot = Plot("t", "x", "y", Axis.from_zero(400), Axis.shares())
    plot.dot(300, 0.4, "own", "")
    plot.whisker(100, 0.0, 1.0)
    plot.line([(0, 0), (500, 2)], "ideal")  # beyond both ends

    left, top, right, bottom = plot.frame
    (_, x, y, _, _), (at, low, high) = plot.dots[0], plot.whiskers[0]
    assert x == {label: place for place, label in plot.x_ticks}["300"]
    assert y == pytest.approx({label: place for place, label in plot.y_ticks}["0.4"])
    assert (at, low, high) == ({label: place for place, label in plot.x_ticks}["100"], bottom, top)
    assert plot.lines[0][1] == f"{left:.1f},{bottom:.1f} {right:.1f},{top:.1f}"
