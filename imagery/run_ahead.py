"""A generator run in a thread of its own, so many items ahead of whoever takes them."""

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Generic, TypeVar

Item = TypeVar("Item")
_END = object()


@dataclass
class ReadTimes:
    """Seconds that the last thread of reading worked or waited for another, and that it waited for room."""

    busy_s: float = 0.0
    blocked_s: float = 0.0


class RunAhead(Generic[Item]):
    """The items of a generator, in order, made in a thread of its own: an iterator and a context manager.

    What the generator raises is raised where the item is asked for. Leaving the context ends the thread, whatever it
    was about to make.
    """

    def __init__(self, items: Generator[Item, None, None], *, room: int, times: ReadTimes | None = None) -> None:
        """`room`: finished items that may wait, besides the one in the making. `times` is added to as items come."""
        self._items, self._times = items, times or ReadTimes()
        self._made: queue.Queue[object] = queue.Queue(room)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="berthwatch-read", daemon=True)

    def __enter__(self) -> "RunAhead[Item]":
        try:
            self._thread.start()
        except BaseException:  # Ctrl-C: nobody will leave what was not entered
            self._stop.set()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():  # it may be waiting for room
            with suppress(queue.Empty):
                self._made.get(timeout=0.02)
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self._made.get()
        if item is _END or isinstance(item, _Raised):
            self._made.put(item)  # for whoever asks again
            raise item.error if isinstance(item, _Raised) else StopIteration
        return item  # pyright: ignore[reportReturnType]

    def _run(self) -> None:
        start = perf_counter()
        try:
            with closing(self._items):  # in this thread, to which GDAL's settings and handles belong
                for item in self._items:
                    made = perf_counter()
                    self._made.put(item)
                    self._times.busy_s += made - start
                    start = perf_counter()
                    self._times.blocked_s += start - made
                    if self._stop.is_set():
                        return
            self._times.busy_s += perf_counter() - start
            self._made.put(_END)
        except Exception as error:  # raised again where the item is asked for
            self._made.put(_Raised(error))


@dataclass(frozen=True)
class _Raised:
    error: Exception
