"""The top view of one ship, drawn bow to the right on its own finer grid before it is turned onto the canvas."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from .canvas import CIRCLE, RGB, SKYLIT, Canvas, Light, _rgba, swept
from .noise import smooth_field

if TYPE_CHECKING:
    from .ships import SyntheticShip

MARGIN = 3  # empty cells around the hull, so that interpolation fades out


class Sprite:
    """Drawing surface in ship metres: s forward of midships, t to starboard."""

    def __init__(self, ship: "SyntheticShip", outline: NDArray[np.float64], *, cell_m: float, light: Light) -> None:
        self.length_m, self.beam_m = ship.length_m, ship.beam_m
        self.frame = ship.frame
        self.light = light
        # Half a canvas cell keeps small ships exact; large ones are exact enough at the canvas's own grid.
        self.cell_m = min(cell_m / (2 if ship.length_m / cell_m < 500 else 1), ship.beam_m / 6)
        self.cols = max(round(self.length_m / self.cell_m), 12)
        self.rows = max(round(self.beam_m / self.cell_m), 4)
        self._scale = np.array([self.cols / self.length_m, self.rows / self.beam_m])
        self._middle = np.array([self.cols, self.rows]) / 2 + MARGIN
        size = (self.cols + 2 * MARGIN, self.rows + 2 * MARGIN)
        self.image = Image.new("RGB", size, (90, 90, 90))
        self.mask = Image.new("L", size)
        self._draw = ImageDraw.Draw(self.image, "RGBA")
        self.outline = outline
        ImageDraw.Draw(self.mask).polygon(self._cells(outline), fill=255)
        cast = self.frame.axes @ light.shadow_per_metre
        self.cast = np.array([cast[0], cast[1]])  # metres of deck shadow per metre of height, in ship axes
        self.blocks: list[tuple[NDArray[np.float64], float]] = []  # (corners (n, 2), height above deck)

    def paint_hull(self, side: RGB, deck: RGB, *, bulwark_m: float = 0.7) -> None:
        """Side paint seen as a rim around the deck."""
        self.image.paste(tuple(int(c) for c in side), (0, 0, *self.image.size))
        inset = 1 - 2 * np.array([bulwark_m / self.length_m, bulwark_m / self.beam_m])
        self.poly(self.outline * np.clip(inset, 0.6, 1.0), deck)

    def poly(self, points: ArrayLike, colour: RGB, alpha: float = 1.0) -> None:
        """Fill a polygon of ship metres."""
        self._draw.polygon(self._cells(np.asarray(points, float)), fill=_rgba(colour, alpha))

    def rect(self, s0: float, s1: float, t0: float, t1: float, colour: RGB, alpha: float = 1.0) -> None:
        """Fill a rectangle; one narrower than a cell becomes fainter instead of fatter."""
        for size in (abs(s1 - s0), abs(t1 - t0)):
            alpha *= min(1.0, size / self.cell_m)
        self.poly([(s0, t0), (s1, t0), (s1, t1), (s0, t1)], colour, alpha)

    def line(self, s0: float, t0: float, s1: float, t1: float, width_m: float, colour: RGB, alpha: float = 1.0) -> None:
        """A straight pipe, boom or walkway."""
        width = width_m / self.cell_m
        ends = self._to_cells(np.array([(s0, t0), (s1, t1)])) - 0.5
        ink = _rgba(colour, alpha * min(1.0, width))
        self._draw.line([(float(x), float(y)) for x, y in ends], fill=ink, width=max(1, round(width)))

    def disc(self, s: float, t: float, radius_m: float, colour: RGB, alpha: float = 1.0) -> None:
        """Fill a circle."""
        if radius_m < self.cell_m:
            self.rect(s - radius_m, s + radius_m, t - radius_m, t + radius_m, colour, alpha * 0.8)
            return
        self.poly(CIRCLE * radius_m + (s, t), colour, alpha)

    def ring(self, s: float, t: float, radius_m: float, width_m: float, colour: RGB) -> None:
        """A painted circle, such as a helicopter mark."""
        turn = np.linspace(0, 2 * np.pi, 25)
        points = np.column_stack([s + radius_m * np.cos(turn), t + radius_m * np.sin(turn)])
        for (s0, t0), (s1, t1) in pairwise(points.tolist()):
            self.line(s0, t0, s1, t1, width_m, colour)

    def block(self, s0: float, s1: float, t0: float, t1: float, height_m: float, roof: RGB) -> None:
        """A raised box: its shadow on the deck, and on the water when it is stamped."""
        corners = np.array([(s0, t0), (s1, t0), (s1, t1), (s0, t1)], float)
        self.shade(corners, height_m)
        self.rect(s0, s1, t0, t1, roof)
        self.blocks.append((corners, height_m))

    def shade(self, corners: ArrayLike, height_m: float) -> None:
        """The shadow a raised footprint casts on the deck."""
        self.poly(swept(corners, self.cast * height_m), SKYLIT, self.light.darkness)

    def weather(self, rng: np.random.Generator, strength: float) -> None:
        """Mottle, rust and wear, streaked across the deck as camber drains it."""
        shape = (self.image.height, self.image.width)
        fine = np.float32(0.7 * min(1.0, 0.6 / self.cell_m))
        wear = smooth_field(rng, shape, max(6.0 / self.cell_m, 1.5)) + fine * smooth_field(
            rng, shape, max(1.2 / self.cell_m, 1.0)
        )
        strength *= min(1.0, 1.5 / self.cell_m)
        pixels = np.asarray(self.image, np.float32) * (1 + np.float32(strength) * wear[..., None])
        self.image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        self._draw = ImageDraw.Draw(self.image, "RGBA")

    def stamp_on(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Turn and place the ship on the canvas."""
        self.weather(rng, float(rng.uniform(0.01, 0.06)))
        self.image.putalpha(self.mask)
        # Stamp px (col, row) = MARGIN + ((s + L/2), (t + B/2)) / cell, with cells stretched to fit L and B exactly.
        dx, dy = MARGIN * self.length_m / self.cols, MARGIN * self.beam_m / self.rows
        s, t = self.length_m / 2 + dx, self.beam_m / 2 + dy
        corners = canvas.to_cells(self.frame.to_world([(-s, -t), (s, -t), (-s, t)]))
        canvas.stamp(self.image, corners[0], corners[1], corners[2])

    def _to_cells(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return points * self._scale + self._middle

    def _cells(self, points: NDArray[np.float64]) -> list[tuple[int, int]]:
        cells = self._to_cells(points)
        low, high = cells.min(0), cells.max(0)
        middle, size = (low + high) / 2, np.maximum(high - low, 1.0)
        # Pillow fills both end pixels of a span: shrink by half a cell, then round.
        cells = np.round(middle + (cells - middle) * (1 - 1 / size) - 0.5).astype(int)
        return [(x, y) for x, y in cells.tolist()]
