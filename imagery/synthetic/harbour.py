"""What a harbour is made of: land, quays, jetties, tanks, buildings, yards, breakwaters, marinas.

Each feature is frozen data that can paint itself; a layout is a list of them, painted from the ground up, and the
moorings they offer. The same layout and seed paint the same harbour under any light.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from .canvas import CIRCLE, RGB, SKYLIT, Canvas, Frame, Light
from .palette import BOXES, DARK, PALE, jittered, mixed

Rng = np.random.Generator
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Mooring:
    """A straight berth: ships lie along it, port or starboard side to, on the right-hand side of `frame`.

    frame stands at the start of the berth line, looking along it; the water is to the right.
    """

    frame: Frame
    length_m: float
    kind: str  # oil | container | bulk | general | small


@dataclass(frozen=True)
class Land:
    """Ground: a world polygon (n, 2) of one colour; rough 0..255 is how strongly it is textured."""

    outline: tuple[tuple[float, float], ...]
    colour: RGB
    rough: int = 90
    edge: RGB | None = None  # rubble, beach or quay wall along the outline
    edge_m: float = 4.0

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Fill it, and draw its edge."""
        if self.edge is not None:
            canvas.line([*self.outline, self.outline[0]], self.edge_m, self.edge)
        canvas.polygon(self.outline, self.colour, rough=self.rough)


@dataclass(frozen=True)
class Building:
    """A block with a roof; frame at its first corner, looking along its length."""

    frame: Frame
    length_m: float
    width_m: float
    height_m: float
    roof: RGB

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Shadow, roof, ridge and roof joints."""
        outline = self.frame.rectangle(0, self.length_m, 0, self.width_m)
        if not canvas.sees(outline):
            return
        canvas.block(outline, self.height_m, self.roof, light)
        if self.width_m > 4 * canvas.cell_m:
            half = self.frame.rectangle(0, self.length_m, 0, self.width_m * 0.5)
            canvas.polygon(half, mixed(self.roof, DARK, 0.10))
            for s in np.arange(6, self.length_m - 4, 14):
                canvas.line(
                    self.frame.to_world([(s, 1), (s, self.width_m - 1)]), 1.0, mixed(self.roof, DARK, 0.3), alpha=0.5
                )


@dataclass(frozen=True)
class Tank:
    """A round storage tank with shell shadow, rim and (floating) roof."""

    x: float
    y: float
    radius_m: float
    height_m: float
    roof: RGB
    floating: bool

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Shadow, shell, and a fixed or a sunken floating roof."""
        outline = CIRCLE * self.radius_m + (self.x, self.y)
        if not canvas.sees(outline):
            return
        canvas.block(outline, self.height_m, mixed(self.roof, PALE, 0.5), light)
        canvas.disc(self.x, self.y, self.radius_m * 0.93, self.roof)
        if self.floating:  # the roof lies low inside: the sunward wall shades it
            dx, dy = light.shadow_per_metre * self.height_m * 0.5
            reach = np.hypot(dx, dy)
            shift = min(reach, self.radius_m) / max(reach, 1e-6)
            canvas.disc(self.x, self.y, self.radius_m * 0.92, mixed(self.roof, DARK, light.darkness))
            inner = self.radius_m * 0.9 - 0.5 * shift * reach
            canvas.disc(self.x + dx * shift / 2, self.y + dy * shift / 2, max(inner, 0.5), self.roof)
        else:
            canvas.disc(self.x, self.y, self.radius_m * 0.12, mixed(self.roof, DARK, 0.25))
            to_rim = np.deg2rad(rng.uniform(0, 360))
            rim = (self.x + self.radius_m * np.sin(to_rim), self.y + self.radius_m * np.cos(to_rim))
            canvas.line([(self.x, self.y), rim], 0.8, mixed(self.roof, DARK, 0.35))


@dataclass(frozen=True)
class Path:
    """A road, pipeline, trestle, breakwater or floating boom: a stroked world polyline, with a shadow if raised."""

    points: tuple[tuple[float, float], ...]
    width_m: float
    colour: RGB
    height_m: float = 0.0
    stripe: RGB | None = None  # pipes or lane marking along it
    stripes: int = 1

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Shadow if raised, the way itself, and its stripes."""
        points = np.asarray(self.points, float)
        if not canvas.sees(points):
            return
        if self.height_m > 0:
            shift = light.shadow_per_metre * self.height_m
            canvas.line(points + shift, self.width_m, SKYLIT, alpha=light.darkness)
        canvas.line(points, self.width_m, self.colour)
        if self.stripe is not None:
            along = np.diff(points, axis=0)
            normal = np.vstack([along, along[-1:]]) @ np.array([[0, -1], [1, 0]])
            normal = normal / np.maximum(np.hypot(normal[:, 0], normal[:, 1])[:, None], 1e-9)
            for offset in np.linspace(-0.3, 0.3, self.stripes) if self.stripes > 1 else [0.0]:
                canvas.line(points + normal * self.width_m * offset, 0.8, self.stripe, alpha=0.8)


@dataclass(frozen=True)
class Deck:
    """A raised platform over water or ground: loading platform, dolphin, pier deck, pontoon. A world rectangle."""

    frame: Frame
    length_m: float
    width_m: float
    colour: RGB
    height_m: float = 5.0
    clutter: int = 0  # small things standing on it
    tower_m: float = 0.0

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Shadow, deck, and what stands on it."""
        outline = self.frame.rectangle(0, self.length_m, 0, self.width_m)
        if not canvas.sees(outline):
            return
        canvas.block(outline, self.height_m, self.colour, light, rough=70)
        for _ in range(self.clutter if canvas.cell_m < 1.8 else 0):
            size = rng.uniform(1.0, 3.5)
            s, t = rng.uniform(0, self.length_m - size), rng.uniform(0, self.width_m - size)
            tone = jittered(rng, mixed(self.colour, [DARK, PALE][rng.integers(2)], rng.uniform(0.3, 0.9)), 12)
            canvas.block(self.frame.rectangle(s, s + size * 1.5, t, t + size), rng.uniform(1, 4), tone, light)
        if self.tower_m:
            s, t = self.length_m / 2, self.width_m / 2
            canvas.block(self.frame.rectangle(s - 2, s + 2, t - 2, t + 2), self.tower_m, PALE, light)


@dataclass(frozen=True)
class BoxYard:
    """Container stacks in rows, with lanes between them. frame at a corner, columns along."""

    frame: Frame
    length_m: float
    width_m: float
    fill: float = 0.8
    ground: RGB = (140, 136, 128)

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Stacks as a texture of twenty-foot cells."""
        if not canvas.sees(self.frame.rectangle(0, self.length_m, 0, self.width_m)):
            return
        # One cell of texture is 6.2 m by 2.6 m, a twenty-foot box; blocks of some rows, then a lane of three.
        cols, rows = max(int(self.length_m / 6.2), 1), max(int(self.width_m / 2.6), 1)
        palette = np.array([mixed(BOXES[i], self.ground, 0.3) for i in rng.integers(0, len(BOXES), 7)])
        stacks = palette[np.repeat(rng.integers(0, 7, (rows, cols // 2 + 1)), 2, axis=1)[:, :cols]]
        stacks = stacks * rng.uniform(0.7, 1.05, (rows, cols, 1))
        row, col = np.arange(rows)[:, None], np.arange(cols)[None]
        block = int(rng.integers(3, 9))
        lane = (row % (block + 3) >= block) | (col % 14 == 13)
        shade = (row % (block + 3) == block) & (col % 14 != 13)
        # A yard fills in clumps: bays of seven boxes are full, half full or empty together.
        clumps = rng.beta(1.5 * self.fill, 1.5 * (1 - self.fill) + 0.05, (rows // (block + 3) + 1, cols // 7 + 1))
        present = (rng.random((rows, cols)) < clumps[row // (block + 3), col // 7]) & ~lane
        ground = np.array(self.ground) * np.where(shade, 1 - light.darkness * 0.9, 1.0)[..., None]
        texture = np.clip(np.where(present[..., None], stacks, ground), 0, 255).astype(np.uint8)
        canvas.patch(texture, self.frame, self.length_m, self.width_m)


@dataclass(frozen=True)
class QuayCrane:
    """Ship-to-shore gantry: frame at the quay edge, looking over the water."""

    frame: Frame
    colour: RGB
    raised: bool

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Legs, boom and the shadow of the boom."""
        reach = 4.0 if self.raised else float(rng.uniform(38, 66))
        if not canvas.sees(self.frame.rectangle(-45, 70, -15, 15)):
            return
        beam = self.frame.to_world([(-40, 0), (reach, 0)])
        shift = light.shadow_per_metre * 34
        canvas.line(beam + shift, 5.0, SKYLIT, alpha=light.darkness)
        for s in (-26, -4):
            canvas.line(self.frame.to_world([(s, -11), (s, 11)]), 2.2, self.colour)
        canvas.line(beam, 4.5, self.colour)
        canvas.polygon(self.frame.rectangle(-22, -12, -4, 4), mixed(self.colour, PALE, 0.5))


@dataclass(frozen=True)
class Grove:
    """Trees, rocks or bushes: discs scattered over a world rectangle."""

    frame: Frame
    length_m: float
    width_m: float
    colour: RGB
    count: int
    radius_m: tuple[float, float]
    height_m: float = 5.0

    def paint(self, canvas: Canvas, light: Light, rng: Rng) -> None:
        """Each disc with its shadow."""
        if self.radius_m[1] < canvas.cell_m or not canvas.sees(self.frame.rectangle(0, self.length_m, 0, self.width_m)):
            return
        s, t = rng.uniform(0, self.length_m, self.count), rng.uniform(0, self.width_m, self.count)
        points = self.frame.to_world(np.column_stack([s, t]))
        radii = rng.uniform(*self.radius_m, self.count)
        tones = [jittered(rng, self.colour, 12) for _ in range(self.count)]
        dx, dy = light.shadow_per_metre * self.height_m * 0.6
        for (x, y), radius, tone in zip(points, radii, tones, strict=True):
            canvas.disc(x + dx, y + dy, radius, SKYLIT, alpha=light.darkness * 0.7)
            canvas.disc(x, y, radius, tone)


Feature = Land | Building | Tank | Path | Deck | BoxYard | QuayCrane | Grove


@dataclass(frozen=True)
class HarbourLayout:
    """Features in painting order and the berths they offer. `seed` fixes every random detail of their looks."""

    features: tuple[Feature, ...] = ()
    moorings: tuple[Mooring, ...] = ()
    seed: int = 0

    def solids(self) -> NDArray[np.object_]:
        """Shapely polygons of the ground and decks that no ship can float on."""
        outlines = [f.outline for f in self.features if isinstance(f, Land)]
        outlines += [f.frame.rectangle(0, f.length_m, 0, f.width_m) for f in self.features if isinstance(f, Deck)]
        polygons = [shapely.Polygon(outline) for outline in outlines]
        return shapely.make_valid(np.array(polygons, dtype=object)) if polygons else np.array([], dtype=object)

    def paint(self, canvas: Canvas, light: Light, *, overhead: bool) -> None:
        """Paint the features below ships, or those that reach over them: cranes, ship loaders.

        Each has its own random stream: one more feature leaves the looks of the others as they are.
        """
        for i, feature in enumerate(self.features):
            if _reaches_over_ships(feature) == overhead:
                feature.paint(canvas, light, np.random.default_rng([self.seed, i]))


def _reaches_over_ships(feature: Feature) -> bool:
    return isinstance(feature, QuayCrane) or (isinstance(feature, Path) and feature.height_m > 15)


def rectangle_land(frame: Frame, s0: float, s1: float, t0: float, t1: float, colour: RGB, *, rough: int) -> Land:
    """Land over a local rectangle."""
    return Land(as_points(frame.rectangle(s0, s1, t0, t1)), colour, rough)


def as_points(array: ArrayLike) -> tuple[tuple[float, float], ...]:
    """(n, 2) world metres as the tuples that frozen features hold."""
    return tuple((float(x), float(y)) for x, y in np.asarray(array, float))
