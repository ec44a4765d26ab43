"""The stage table's last word: what the run waited for, and which option moves it."""

import pytest

from berthwatch.inference.stage_times import StageTimes


def spent(wall_s, *, busy, detector_waited_s):
    times = StageTimes(wall_s=wall_s, tiles=9)
    times.busy |= busy
    times.blocked["detect"] = detector_waited_s
    return times


@pytest.mark.parametrize(
    ("busy", "waited_s", "limit"),
    [
        ({"read": 4.0, "detect": 9.0, "merge": 0.5}, 0.5, "detect"),
        ({"read": 9.0, "detect": 4.0, "merge": 0.5}, 6.0, "read"),
        ({"read": 2.0, "detect": 3.0, "merge": 6.0}, 7.0, "merge"),
        ({"read": 1.0, "detect": 2.0, "write": 7.0}, 1.0, "write"),
    ],
    ids=["detect", "read", "merge", "write"],
)
def test_the_limit_is_the_detector_or_what_kept_it_waiting(busy, waited_s, limit):
    assert spent(10.0, busy=busy, detector_waited_s=waited_s).limit() == limit


def test_the_verdict_names_share_and_option():
    starved = spent(10.0, busy={"read": 9.0, "detect": 4.0}, detector_waited_s=6.0)
    busy = spent(10.0, busy={"read": 4.0, "detect": 9.0}, detector_waited_s=0.5)

    assert starved.verdict().startswith("reading is the limit: the detector waited 60% of the time for pixels; faster:")
    assert "--port" in starved.verdict()
    assert busy.verdict().startswith("the detector is the limit: busy 90% of the time; faster on a CPU:")
    assert all(
        option in busy.verdict() for option in ("--model berthwatch-n-int8", "--backend openvino", "--device cuda")
    )


def test_where_nothing_was_searched_nothing_is_the_limit():
    unread = StageTimes(wall_s=0.4, busy={"read": 0.3, "detect": 0.0, "merge": 0.0, "write": 0.0})

    assert unread.verdict() == "nothing was searched"
    assert StageTimes().verdict() == "nothing was searched"
