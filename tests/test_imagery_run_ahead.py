"""Work in a thread of its own, ahead of whoever asks for it."""

import threading
import time
from collections.abc import Generator

import pytest

from berthwatch.imagery.run_ahead import ReadTimes, RunAhead


def counting(until: int, made: list[int] | None = None) -> Generator[int, None, None]:
    for number in range(until):
        if made is not None:
            made.append(number)
        yield number


def test_items_come_in_order_and_end():
    with RunAhead(counting(100), room=3) as numbers:
        assert list(numbers) == list(range(100))
        assert next(numbers, None) is None  # and is still at its end when asked again


def test_no_more_is_made_than_there_is_room_for():
    made: list[int] = []

    with RunAhead(counting(100, made), room=3) as numbers:
        next(numbers)
        give_up_at = time.monotonic() + 10
        while len(made) < 5 and time.monotonic() < give_up_at:
            time.sleep(0.01)
        time.sleep(0.1)

        assert made == [0, 1, 2, 3, 4]  # one taken, three that wait, one in the making


def test_a_fault_is_raised_where_its_item_would_have_come():
    def faulty() -> Generator[int, None, None]:
        yield 1
        raise ValueError("the second is damaged")

    with RunAhead(faulty(), room=2) as numbers:
        assert next(numbers) == 1
        with pytest.raises(ValueError, match="the second is damaged"):
            next(numbers)


def test_leaving_early_ends_the_thread_and_closes_the_generator_in_it():
    closed_in: list[str] = []

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                yield 1
        finally:
            closed_in.append(threading.current_thread().name)

    with RunAhead(endless(), room=1) as numbers:
        next(numbers)

    assert closed_in == ["berthwatch-read"]
    assert "berthwatch-read" not in [thread.name for thread in threading.enumerate()]


def test_leaving_makes_nothing_more():
    made: list[int] = []

    with RunAhead(counting(100, made), room=1) as numbers:
        next(numbers)
        give_up_at = time.monotonic() + 10
        while len(made) < 3 and time.monotonic() < give_up_at:
            time.sleep(0.01)
        time.sleep(0.1)

    assert made == [0, 1, 2]


def test_one_may_feed_another_and_both_end_when_the_second_is_left():
    def doubled(numbers: RunAhead[int]) -> Generator[int, None, None]:
        for number in numbers:
            yield 2 * number

    with RunAhead(counting(1000), room=1) as numbers, RunAhead(doubled(numbers), room=1) as doubles:
        assert [next(doubles), next(doubles)] == [0, 2]

    assert "berthwatch-read" not in [thread.name for thread in threading.enumerate()]


def test_a_fault_of_the_first_reaches_who_takes_from_the_second():
    def damaged() -> Generator[int, None, None]:
        yield 1
        raise ValueError("damaged")

    def same(numbers: RunAhead[int]) -> Generator[int, None, None]:
        yield from numbers

    with RunAhead(damaged(), room=1) as numbers, RunAhead(same(numbers), room=1) as passed_on:
        assert next(passed_on) == 1
        with pytest.raises(ValueError, match="damaged"):
            next(passed_on)


def test_seconds_of_work_and_of_waiting_are_told_apart():
    def slow() -> Generator[int, None, None]:
        for number in range(4):
            time.sleep(0.02)
            yield number

    times = ReadTimes()
    with RunAhead(slow(), room=1, times=times) as numbers:
        for _ in numbers:
            time.sleep(0.3)

    assert times.busy_s >= 0.08
    assert times.blocked_s >= 0.1
