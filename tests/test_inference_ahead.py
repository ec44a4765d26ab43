"""The detector is fed ahead: order, errors and memory are those of doing one batch after the other."""

import threading
import time

import numpy as np
import pytest
from inference_scenes import metadata

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.tiles import TileWindow
from berthwatch.inference.ahead import detect_ahead
from berthwatch.inference.stage_times import StageTimes
from berthwatch.models.boxes import Boxes


class Uneven:
    """A `Detector` whose calls take turns in ending early and late; a box's score tells which tile it is of."""

    def __init__(self):
        self.metadata, self.description, self.saturated_tiles = metadata(), "uneven", 0
        self.running = self.most_running = self.calls = 0
        self._lock = threading.Lock()

    def detect(self, tiles):
        with self._lock:
            self.running += 1
            self.calls += 1
            self.most_running = max(self.most_running, self.running)
            wait_s = 0.02 if self.calls % 2 else 0.001
        time.sleep(wait_s)
        with self._lock:
            self.running -= 1
        return [Boxes.from_xywhr([[1, 1, 2, 1, 0]], [tile.max() / 100]) for tile in tiles]


class Concurrent(Uneven):
    calls_at_once = 3


def batches(n, *, taken=None):
    for index in range(n):
        if taken is not None:
            taken.append(index)
        yield [TileWindow(0, index, 0, 0, (0, 0, 1, 1))], np.full((1, 4, 4, 3), index, np.uint8)


@pytest.mark.parametrize("detector", [Uneven(), Concurrent()], ids=["one call", "three calls"])
def test_batches_come_back_in_their_order_with_their_own_ships(detector):
    found = list(detect_ahead(batches(12), detector, StageTimes()))

    assert [windows[0].col for windows, _, _ in found] == list(range(12))
    for windows, pixels, (boxes,) in found:
        assert pixels.max() == windows[0].col
        assert boxes.scores[0] == windows[0].col / 100


def test_only_a_detector_that_says_so_is_called_from_several_threads():
    alone, several = Uneven(), Concurrent()

    list(detect_ahead(batches(12), alone, StageTimes()))
    list(detect_ahead(batches(12), several, StageTimes()))

    assert alone.most_running == 1
    assert 1 < several.most_running <= 3


def test_no_more_batches_are_held_than_the_detector_has_use_for():
    taken = []
    results = detect_ahead(batches(50, taken=taken), Uneven(), StageTimes())

    for done in range(1, 11):
        next(results)
        assert len(taken) <= done + 2, "one with the detector, one waiting its turn"


def test_while_the_caller_works_so_does_the_detector():
    detector, times = Uneven(), StageTimes()

    for _ in detect_ahead(batches(20), detector, times):
        time.sleep(0.015)

    assert times.busy["detect"] > 0.2, "ten calls of 0.02 s"
    assert times.blocked["detect"] >= 0


def test_an_error_of_the_detector_is_raised_where_its_ships_are_asked_for():
    class Faulty(Uneven):
        def detect(self, tiles):
            if tiles.max() == 3:
                raise ZeroDivisionError
            return super().detect(tiles)

    results = detect_ahead(batches(9), Faulty(), StageTimes())

    assert [next(results)[0][0].col for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_error_of_the_reader_ends_the_run():
    def broken():
        yield from batches(2)
        raise BerthwatchError("row 7 cannot be read")

    with pytest.raises(BerthwatchError, match="row 7"):
        list(detect_ahead(broken(), Concurrent(), StageTimes()))


def test_left_early_it_leaves_no_thread_behind():
    before = threading.active_count()
    results = detect_ahead(batches(9), Concurrent(), StageTimes())
    next(results)
    results.close()

    assert threading.active_count() == before
