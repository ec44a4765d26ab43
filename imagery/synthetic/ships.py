"""Ships: their kinds, sizes and hull outlines, and how one is put on the canvas."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import BerthwatchError
from .canvas import Canvas, Frame, Light, swept
from .craft import paint_barge, paint_fishing, paint_leisure, paint_naval, paint_passenger, paint_tug
from .freighters import paint_bulk_carrier, paint_container, paint_general_cargo
from .palette import jittered
from .sprite import Sprite
from .tankers import paint_gas_carrier, paint_tanker

F64 = NDArray[np.float64]


@dataclass(frozen=True)
class KindShape:
    """What ships of a kind measure. Lengths in metres; beam = length / ratio.

    bow is the fraction of the length over which the hull narrows ahead, stern the width at the transom over beam.
    """

    lengths_m: tuple[float, float]
    ratio: tuple[float, float]
    bow: tuple[float, float]
    stern: tuple[float, float]
    freeboard: float  # metres of side above water for each metre of beam


KIND_SHAPES: dict[str, KindShape] = {
    "tanker": KindShape((45, 333), (5.3, 6.9), (0.09, 0.17), (0.45, 0.85), 0.22),
    "gas-carrier": KindShape((90, 300), (5.6, 6.6), (0.13, 0.22), (0.6, 0.9), 0.32),
    "bulk-carrier": KindShape((110, 300), (5.6, 6.8), (0.07, 0.14), (0.5, 0.9), 0.26),
    "container": KindShape((100, 400), (6.0, 7.6), (0.14, 0.24), (0.75, 0.98), 0.30),
    "general-cargo": KindShape((45, 150), (5.2, 7.4), (0.08, 0.18), (0.55, 0.95), 0.22),
    "passenger": KindShape((25, 330), (4.6, 8.0), (0.14, 0.26), (0.7, 0.98), 0.40),
    "naval": KindShape((40, 180), (6.5, 9.6), (0.35, 0.55), (0.6, 0.85), 0.35),
    "barge": KindShape((30, 110), (2.6, 6.0), (0.01, 0.06), (0.9, 1.0), 0.15),
    "tug-service": KindShape((18, 90), (2.6, 4.6), (0.2, 0.32), (0.7, 0.95), 0.30),
    "fishing": KindShape((12, 55), (3.0, 4.8), (0.22, 0.4), (0.65, 0.95), 0.35),
    "leisure": KindShape((6, 28), (2.7, 4.2), (0.35, 0.6), (0.6, 0.9), 0.35),
}
KINDS = tuple(KIND_SHAPES)
PAINTERS: dict[str, Callable[[Sprite, np.random.Generator], None]] = {
    "tanker": paint_tanker,
    "gas-carrier": paint_gas_carrier,
    "bulk-carrier": paint_bulk_carrier,
    "container": paint_container,
    "general-cargo": paint_general_cargo,
    "passenger": paint_passenger,
    "naval": paint_naval,
    "barge": paint_barge,
    "tug-service": paint_tug,
    "fishing": paint_fishing,
    "leisure": paint_leisure,
}
# A boat smaller than this many canvas cells shows a hull and a darker spot, nothing else.
PLAIN_BELOW_CELLS = 14
# Beam of tankers by length: B = 0.117 L^1.066, sd of ln B 0.08 (our fit to 3,557 tankers).
TANKER_BEAM = (0.117, 1.066, 0.08)


@dataclass(frozen=True)
class SyntheticShip:
    """One ship to paint, and the truth about it.

    x, y: centre of the hull's rectangle, metres in the scene's CRS (or in the chip's own frame).
    heading_deg: where the bow points, clockwise from north. length_m is LOA, both in ground metres.
    seed fixes colours and fittings, so the same ship looks the same on another date.
    speed_mps > 0 draws a wake. laden is the part of the way from ballast to full draught (0..1): freeboard.
    """

    x: float
    y: float
    heading_deg: float
    length_m: float
    beam_m: float
    kind: str
    seed: int = 0
    speed_mps: float = 0.0
    laden: float = 0.5
    name: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KIND_SHAPES:
            raise BerthwatchError(f"ship kind {self.kind!r} is not known: use one of {', '.join(KINDS)}")
        if not 0 < self.beam_m <= self.length_m:
            raise BerthwatchError(f"ship of {self.length_m} m by {self.beam_m} m: need 0 < beam_m <= length_m")

    @property
    def frame(self) -> Frame:
        """Frame at the hull's centre, forward along the bow."""
        return Frame(self.x, self.y, self.heading_deg)

    @property
    def corners(self) -> F64:
        """(4, 2) world corners of the hull's rectangle: port quarter, port bow, starboard bow, starboard quarter."""
        half, side = self.length_m / 2, self.beam_m / 2
        return self.frame.to_world([(-half, -side), (half, -side), (half, side), (-half, side)])


def random_beam(rng: np.random.Generator, kind: str, length_m: float) -> float:
    """A beam that a ship of this kind and length may have, metres."""
    if kind == "tanker":
        factor, power, scatter = TANKER_BEAM
        return float(factor * length_m**power * np.exp(scatter * np.clip(rng.standard_normal(), -2, 2)))
    low, high = KIND_SHAPES[kind].ratio
    # Within a kind the long ones are the slender ones.
    shortest, longest = KIND_SHAPES[kind].lengths_m
    size = np.clip(np.log(length_m / shortest) / np.log(longest / shortest), 0, 1)
    return float(length_m / (low + (high - low) * np.clip(0.55 * size + 0.45 * rng.random(), 0, 1)))


def random_length(rng: np.random.Generator, kind: str, *, longest_m: float = 1e9) -> float:
    """A length of this kind, evenly spread in its logarithm and no longer than longest_m (nor shorter than usual)."""
    low, high = KIND_SHAPES[kind].lengths_m
    return float(np.exp(rng.uniform(np.log(low), np.log(max(min(high, longest_m), low * 1.01)))))


def hull_outline(rng: np.random.Generator, ship: SyntheticShip) -> F64:
    """Deck-edge outline (n, 2) in ship metres (forward, starboard); it touches all four sides of the rectangle."""
    shape = KIND_SHAPES[ship.kind]
    bow, stern = rng.uniform(*shape.bow), rng.uniform(*shape.stern)
    if ship.kind in ("tanker", "bulk-carrier") and ship.length_m > 200:
        bow *= 0.8  # large full-bodied hulls have blunt bows
    # Half-breadth 1 - u^p to the power q: q = 0.5, p = 2 is the half ellipse of a full-bodied ship.
    sharp = ship.kind in ("naval", "leisure", "container", "passenger", "fishing")
    fullness = rng.uniform(0.7, 1.0) if sharp else rng.uniform(0.5, 0.75)
    u = np.sin(np.linspace(0, np.pi / 2, 14))
    ahead = np.column_stack([0.5 - bow + bow * u, 0.5 * (1 - u ** rng.uniform(1.6, 2.2)) ** fullness])
    if ship.kind == "barge":
        ahead = np.array([(0.5 - bow, 0.5), (0.5, 0.5 * rng.uniform(0.8, 1.0))])
    run = rng.uniform(0.03, 0.09)
    w = np.linspace(0, 1, 6)
    astern = np.column_stack([-0.5 + run * w, 0.5 * (stern + (1 - stern) * np.sin(w * np.pi / 2))])
    half = np.vstack([astern, ahead])
    outline = np.vstack([half, half[::-1] * (1, -1)])
    return outline * (ship.length_m, ship.beam_m)


def paint_ship(canvas: Canvas, ship: SyntheticShip, light: Light) -> None:
    """Paint the shadow it casts, then hull and deck, averaged to the canvas's cells."""
    if not canvas.sees(Frame(ship.x, ship.y, 0).rectangle(*[s * ship.length_m for s in (-1, 1, -1, 1)])):
        return
    rng = np.random.default_rng([ship.seed, KINDS.index(ship.kind)])
    outline = hull_outline(rng, ship)
    if ship.length_m < PLAIN_BELOW_CELLS * canvas.cell_m:
        _paint_plain(canvas, ship, outline, light, rng)
        return
    sprite = Sprite(ship, outline, cell_m=canvas.cell_m, light=light)
    PAINTERS[ship.kind](sprite, rng)
    freeboard_m = KIND_SHAPES[ship.kind].freeboard * ship.beam_m * (1.35 - 0.75 * ship.laden)
    cast = light.shadow_per_metre
    shaded = [swept(ship.frame.to_world(outline), cast * freeboard_m)]
    for corners, height_m in sprite.blocks:
        shaded.append(swept(ship.frame.to_world(corners), cast * (freeboard_m + height_m)))
    canvas.shade(shaded, light.darkness)
    sprite.stamp_on(canvas, rng)


def _paint_plain(canvas: Canvas, ship: SyntheticShip, outline: F64, light: Light, rng: np.random.Generator) -> None:
    hull = jittered(rng, (222, 222, 218) if ship.kind in ("leisure", "passenger") else (140, 128, 118), 20)
    canvas.shade([swept(ship.frame.to_world(outline), light.shadow_per_metre * ship.beam_m * 0.4)], light.darkness)
    canvas.polygon(ship.frame.to_world(outline), hull, rough=0)
    half, side = ship.length_m * 0.15, ship.beam_m * 0.25
    canvas.polygon(ship.frame.rectangle(-half, half, -side, side), jittered(rng, (110, 112, 116), 30), alpha=0.6)
