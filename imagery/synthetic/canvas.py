"""A picture of the ground, painted in metres and averaged down to the sensor's pixels."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from .noise import Field

RGB = tuple[float, float, float]

SKYLIT = (6, 9, 14)  # full shade: skylight still reaches it, and it is blue
_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])  # (20, 2), radius one


@dataclass(frozen=True)
class Light:
    """Where the sun stands. Angles in degrees, azimuth clockwise from north; darkness 0 (no shadows) to 1 (black)."""

    azimuth_deg: float = 150.0
    elevation_deg: float = 45.0
    darkness: float = 0.6

    @property
    def shadow_per_metre(self) -> NDArray[np.float64]:
        """(east, north) metres by which a point one metre up casts its shadow away from the sun."""
        azimuth = np.deg2rad(self.azimuth_deg)
        return -np.array([np.sin(azimuth), np.cos(azimuth)]) / np.tan(np.deg2rad(self.elevation_deg))


@dataclass(frozen=True)
class Frame:
    """A place and a direction: local (forward, right) metres <-> world (east, north) metres."""

    x: float
    y: float
    heading_deg: float

    @property
    def axes(self) -> NDArray[np.float64]:
        """(2, 2): rows are the unit vectors forward and right, in (east, north)."""
        heading = np.deg2rad(self.heading_deg)
        return np.array([[np.sin(heading), np.cos(heading)], [np.cos(heading), -np.sin(heading)]])

    def to_world(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) local metres -> (n, 2) world metres."""
        return np.asarray(points, float) @ self.axes + (self.x, self.y)

    def to_local(self, points: ArrayLike) -> NDArray[np.float64]:
        """(n, 2) world metres -> (n, 2) local metres."""
        return (np.asarray(points, float) - (self.x, self.y)) @ self.axes.T

    def rectangle(self, s0: float, s1: float, t0: float, t1: float) -> NDArray[np.float64]:
        """World corners (4, 2) of the local rectangle s0..s1 forward, t0..t1 to the right."""
        return self.to_world([(s0, t0), (s1, t0), (s1, t1), (s0, t1)])

    def at(self, s: float, t: float, turn_deg: float = 0.0) -> "Frame":
        """The frame at local (s, t), turned clockwise."""
        x, y = self.to_world([(s, t)])[0]
        return Frame(float(x), float(y), (self.heading_deg + turn_deg) % 360)


def swept(footprint: ArrayLike, offset: ArrayLike) -> NDArray[np.float64]:
    """Outline of a convex footprint (n, 2) moved along `offset`: the ground a block of that footprint shades.

    An edge that faces the way of the offset is moved, one that faces back stays; where the facing changes, the
    vertex is there twice, before and after the move.
    """
    points = np.asarray(footprint, float).tolist()
    dx, dy = float(offset[0]), float(offset[1])  # type: ignore[index]
    following = points[1:] + points[:1]
    edges = list(zip(points, following, strict=True))
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges)
    ahead = [((y1 - y0) * dx - (x1 - x0) * dy) * area > 0 for (x0, y0), (x1, y1) in edges]
    outline: list[tuple[float, float]] = []
    for (x, y), before, after in zip(points, ahead[-1:] + ahead[:-1], ahead, strict=True):
        if before or after:
            moved = (x + dx, y + dy)
            outline += [moved] if before and after else [(x, y), moved] if after else [moved, (x, y)]
        else:
            outline.append((x, y))
    return np.array(outline)


class Canvas:
    """Paints metres on a super-sampled picture.

    World coordinates are metres east and north; `left`, `top` is the outer corner of the picture's first pixel.
    """

    def __init__(self, ground: Field, *, left: float, top: float, gsd_m: float, supersample: int) -> None:
        """ground: float32 (h, w, 3), display values 0..255, the water everything else is painted on."""
        self.height, self.width = ground.shape[:2]
        self.left, self.top, self.gsd_m, self.supersample = left, top, gsd_m, supersample
        self._origin = np.array([left, top])
        self._scale = np.array([1.0, -1.0]) / self.cell_m
        size = (self.width * supersample, self.height * supersample)
        pixels = np.clip(ground, 0, 255).astype(np.uint8)
        self.image = Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST)
        self.rough = Image.new("L", size)  # strength of ground texture: 0 on water and ships
        self._draw = ImageDraw.Draw(self.image, "RGBA")
        self._draw_rough = ImageDraw.Draw(self.rough)

    @property
    def cell_m(self) -> float:
        """Metres of one super-sampled pixel."""
        return self.gsd_m / self.supersample

    def to_cells(self, points: ArrayLike) -> NDArray[np.float64]:
        """World (n, 2) -> super-sampled (column, row), corner convention."""
        return (np.asarray(points, float) - self._origin) * self._scale

    def sees(self, points: ArrayLike) -> bool:
        """Whether the bounding box of world points touches the picture."""
        cells = self.to_cells(points)
        low, high = cells.min(0), cells.max(0)
        return bool(high[0] > 0 and high[1] > 0 and low[0] < self.image.width and low[1] < self.image.height)

    def polygon(self, points: ArrayLike, colour: RGB, *, alpha: float = 1.0, rough: int | None = None) -> None:
        """Fill a world polygon; `rough` (0..255) also sets how much ground texture it will carry."""
        cells = self._pillow_cells(points)
        if cells is None:
            return
        self._draw.polygon(cells, fill=_rgba(colour, alpha))
        if rough is not None:
            self._draw_rough.polygon(cells, fill=rough)

    def disc(self, x: float, y: float, radius_m: float, colour: RGB, *, alpha: float = 1.0) -> None:
        """Fill a circle."""
        self.polygon(CIRCLE * radius_m + (x, y), colour, alpha=alpha)

    def line(self, points: ArrayLike, width_m: float, colour: RGB, *, alpha: float = 1.0) -> None:
        """Stroke a world polyline; one thinner than a cell becomes fainter, as it would for the sensor."""
        if not self.sees(points):
            return
        cells = self.to_cells(points) - 0.5
        width = width_m / self.cell_m
        ink = _rgba(colour, alpha * min(1.0, width))
        self._draw.line([(float(x), float(y)) for x, y in cells], fill=ink, width=max(1, round(width)))

    def shade(self, outlines: Iterable[ArrayLike], darkness: float) -> None:
        """Darken the union of world polygons once, however many overlap."""
        cells = [c for c in (self._pillow_cells(o) for o in outlines) if c is not None]
        if not cells or darkness <= 0:
            return
        if len(cells) == 1:
            self._draw.polygon(cells[0], fill=_rgba(SKYLIT, darkness))
            return
        points = np.array([p for polygon in cells for p in polygon])
        x0, y0 = np.maximum(points.min(0) - 1, 0).astype(int)
        x1, y1 = np.minimum(points.max(0) + 2, (self.image.width, self.image.height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        mask = Image.new("L", (x1 - x0, y1 - y0))
        draw = ImageDraw.Draw(mask)
        for polygon in cells:
            draw.polygon([(x - x0, y - y0) for x, y in polygon], fill=round(255 * darkness))
        self.image.paste(SKYLIT, (x0, y0, x1, y1), mask)

    def block(
        self, footprint: ArrayLike, height_m: float, colour: RGB, light: Light, *, rough: int | None = None
    ) -> None:
        """A convex building or tank: its cast shadow, then its roof."""
        shaded = swept(footprint, light.shadow_per_metre * height_m)
        if not self.sees(shaded):
            return
        self.shade([shaded], light.darkness)
        self.polygon(footprint, colour, rough=rough)

    def patch(self, texture: NDArray[np.uint8], frame: Frame, length_m: float, width_m: float) -> None:
        """Lay a texture (rows, cols, 3|4) over the rectangle ahead and to the right of `frame`.

        Columns run forward over length_m, rows run right over width_m; a fourth channel is opacity.
        """
        stamp = Image.fromarray(texture)
        corners = self.to_cells(frame.rectangle(0, length_m, 0, width_m))
        self.stamp(stamp, corners[0], corners[1], corners[3], Image.Resampling.NEAREST)

    def stamp(
        self,
        stamp: Image.Image,
        origin: NDArray[np.float64],
        end_of_columns: NDArray[np.float64],
        end_of_rows: NDArray[np.float64],
        resample: Image.Resampling = Image.Resampling.BILINEAR,
    ) -> None:
        """Warp a picture onto the parallelogram given by three of its corners in cells."""
        corners = np.array([origin, end_of_columns, end_of_rows, end_of_columns + end_of_rows - origin])
        x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(corners.max(0)), (self.image.width, self.image.height)).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        # stamp px -> cells: cell = origin + M @ (px, py); Pillow wants the inverse, cells of the box -> stamp px.
        forward = np.column_stack([(end_of_columns - origin) / stamp.width, (end_of_rows - origin) / stamp.height])
        inverse = np.linalg.inv(forward)
        shift = inverse @ (np.array([x0, y0]) - origin)
        (a, b), (d, e) = inverse
        size = (int(x1 - x0), int(y1 - y0))
        opaque = stamp if stamp.mode == "RGBA" else stamp.convert("RGBA")
        warped = opaque.transform(size, Image.Transform.AFFINE, (a, b, shift[0], d, e, shift[1]), resample)
        alpha = warped.getchannel("A")
        self.image.paste(warped.convert("RGB"), (int(x0), int(y0)), alpha)
        self.rough.paste(0, (int(x0), int(y0), int(x1), int(y1)), alpha)

    def develop(self) -> tuple[Field, Field]:
        """Area-average to the sensor's pixels: float32 (h, w, 3) in 0..255 and ground roughness (h, w) in 0..1."""
        rgb = np.asarray(self.image.reduce(self.supersample), np.float32)
        rough = np.asarray(self.rough.reduce(self.supersample), np.float32) / np.float32(255)
        return rgb, rough

    def _pillow_cells(self, points: ArrayLike) -> list[tuple[int, int]] | None:
        """Cells for Pillow's polygon, which truncates to integers and fills both ends: shrink by half a cell."""
        cells = self.to_cells(points)
        low, high = cells.min(0), cells.max(0)
        if high[0] <= 0 or high[1] <= 0 or low[0] >= self.image.width or low[1] >= self.image.height:
            return None
        middle = (low + high) / 2
        size = np.maximum(high - low, 1.0)
        cells = np.round(middle + (cells - middle) * (1 - 1 / size) - 0.5).astype(int)
        return [(x, y) for x, y in cells.tolist()]


def _rgba(colour: RGB, alpha: float) -> tuple[int, int, int, int]:
    r, g, b = (int(min(max(c, 0), 255)) for c in colour)
    return r, g, b, round(255 * min(max(alpha, 0.0), 1.0))
