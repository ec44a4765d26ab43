"""Plain plots as numbers that a template draws: axes with ticks, lines, dots, whiskers, in SVG units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 460.0, 340.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 14.0, 12.0, 46.0


@dataclass(frozen=True)
class Axis:
    """Values from low to high along an axis, with the values that get a tick and how these are written."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    @classmethod
    def shares(cls) -> Axis:
        """From 0 to 1."""
        return cls(0.0, 1.0, tuple((k / 5, f"{k / 5:g}") for k in range(6)))

    @classmethod
    def from_zero(cls, highest: float) -> Axis:
        """From 0 to a round number at or above `highest`, in 2 to 4 steps of 1, 2 or 5 times a power of ten.

        316 -> steps of 100 up to 400.
        """
        rough = max(highest, 1e-9) / 4
        power = 10 ** math.floor(math.log10(rough))
        step = next(k * power for k in (1, 2, 5, 10) if k * power >= rough)
        count = max(1, math.ceil(highest / step - 1e-9))
        return cls(0.0, count * step, tuple((k * step, f"{k * step:g}") for k in range(count + 1)))

    @classmethod
    def named(cls, names: Sequence[str]) -> Axis:
        """One place for each name, at 0.5, 1.5 and so on."""
        return cls(0.0, float(len(names)), tuple((k + 0.5, name) for k, name in enumerate(names)))

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0 to 1; what lies beyond is drawn at the end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass
class Plot:
    """A plot with its marks in SVG units; roles are CSS classes.

    lines: (role, points). dots: (role, x, y, radius, tip). whiskers: (x, y_low, y_high). notes: (x, y, text).
    """

    title: str
    x_label: str
    y_label: str
    x: Axis
    y: Axis
    lines: list[tuple[str, str]] = field(default_factory=list)
    dots: list[tuple[str, float, float, float, str]] = field(default_factory=list)
    whiskers: list[tuple[float, float, float]] = field(default_factory=list)
    notes: list[tuple[float, float, str]] = field(default_factory=list)
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the area inside the axes."""
        return _LEFT, _TOP, self.width - _RIGHT, self.height - _BOTTOM

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of values lies."""
        left, top, right, bottom = self.frame
        return left + self.x.share(x) * (right - left), bottom - self.y.share(y) * (bottom - top)

    @property
    def x_ticks(self) -> list[tuple[float, str]]:
        """Ticks along x: place and label."""
        return [(self.at(value, self.y.low)[0], label) for value, label in self.x.ticks]

    @property
    def y_ticks(self) -> list[tuple[float, str]]:
        """Ticks along y: place and label."""
        return [(self.at(self.x.low, value)[1], label) for value, label in self.y.ticks]

    def line(self, points: Sequence[tuple[float, float]], role: str) -> None:
        """Join values by a line."""
        self.lines.append((role, " ".join(f"{x:.1f},{y:.1f}" for x, y in (self.at(*point) for point in points))))

    def dot(self, x: float, y: float, role: str, tip: str, radius: float = 3.5) -> None:
        """Mark one pair of values; tip is what it says when asked."""
        self.dots.append((role, *self.at(x, y), radius, tip))

    def whisker(self, x: float, low: float, high: float) -> None:
        """Mark an interval of y."""
        at, bottom = self.at(x, low)
        self.whiskers.append((at, bottom, self.at(x, high)[1]))

    def note(self, x: float, y: float, text: str) -> None:
        """Write a word above a pair of values."""
        self.notes.append((*self.at(x, y), text))
