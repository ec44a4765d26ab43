"""Training chips: small random pictures with exact oriented boxes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .builders import Plan, breakwater, fish_farm, oil_jetty, sand_bar
from .canvas import Frame, Light
from .harbour import HarbourLayout
from .picture import Conditions, View, take_picture
from .random_harbour import random_harbour, random_kind, random_ship, ships_along
from .sea import random_sea
from .sensor import random_sensor, random_sky
from .ships import SyntheticShip

Rng = np.random.Generator


@dataclass(frozen=True)
class Chip:
    """A picture and the ships in it.

    rgb: uint8 (h, w, 3). corners: float64 (n, 4, 2) pixel x, y (corner convention; of cut ships they lie partly
    outside). kinds: n names of `ships.KIND_SHAPES`. lengths_m, beams_m: float64 (n,). visible: float64 (n,), the
    part of each box that lies inside the picture.
    """

    rgb: NDArray[np.uint8]
    corners: NDArray[np.float64]
    kinds: list[str]
    lengths_m: NDArray[np.float64]
    beams_m: NDArray[np.float64]
    visible: NDArray[np.float64]


def random_chip(
    rng: Rng, *, gsd_m: float, size_px: int, least_visible: float = 0.35, least_px: float = 2.5
) -> Chip:
    """A random chip, size_px square at gsd_m metres a pixel.

    Ships less than `least_visible` inside, shorter than `least_px`, or hidden by cloud are painted but not listed.
    """
    view = View(0.0, size_px * gsd_m, size_px, size_px, gsd_m)
    light = Light(float(rng.uniform(0, 360)), float(rng.uniform(22, 75)), float(rng.uniform(0.35, 0.8)))
    sensor = random_sensor(rng, gsd_m=gsd_m)
    conditions = Conditions(random_sea(rng, gsd_m=gsd_m), light, random_sky(rng), sensor)
    layout, ships = _random_place(rng, size_px * gsd_m, gsd_m)
    rgb, clouds = take_picture(rng, view, conditions, layout, ships)
    return _with_truth(rgb, clouds, view, ships, least_visible, least_px)


def _random_place(rng: Rng, extent: float, gsd_m: float) -> tuple[HarbourLayout, list[SyntheticShip]]:
    """Open water, anchorage, or harbour with ships in it; now and then with none at all."""
    place = rng.choice(["open", "anchorage", "harbour", "jetty", "empty"], p=[0.16, 0.18, 0.38, 0.16, 0.12])
    if place == "open":
        return _scattered_obstacles(rng, extent), _under_way(rng, extent, int(rng.integers(1, 5)))
    if place == "anchorage":
        return HarbourLayout(), _anchored(rng, extent)
    if place == "jetty":
        return _jetty_at_sea(rng, extent)
    coast = _random_coast(rng, extent)
    if place == "empty":
        layout = random_harbour(rng, coast, extent * 0.75, detail_m=gsd_m) if rng.random() < 0.6 else _scattered_obstacles(rng, extent)
        return layout, []
    layout = random_harbour(rng, coast, extent * 0.75, detail_m=gsd_m)
    ships: list[SyntheticShip] = []
    occupancy = rng.uniform(0.2, 0.9)
    for mooring in layout.moorings:
        ships += ships_along(rng, mooring, occupancy=occupancy, longest_m=extent * 1.1)
    ships += [s for s in _under_way(rng, extent, int(rng.integers(0, 4))) if coast.to_local([(s.x, s.y)])[0, 1] > 60 + s.length_m / 2]
    return layout, _without_overlaps(ships)


def _random_coast(rng: Rng, extent: float) -> Frame:
    """A coast line that leaves some water in the picture."""
    heading = float(rng.uniform(0, 360))
    middle = Frame(extent / 2, extent / 2, heading)
    return middle.at(0.0, float(rng.uniform(-0.42, 0.3)) * extent)


def _jetty_at_sea(rng: Rng, extent: float) -> tuple[HarbourLayout, list[SyntheticShip]]:
    """An oil jetty in the middle of the chip, tankers on it or not."""
    ship_m = float(np.exp(rng.uniform(np.log(60), np.log(min(340, max(extent * 0.9, 70))))))
    berth = Frame(extent * rng.uniform(0.3, 0.7), extent * rng.uniform(0.3, 0.7), float(rng.uniform(0, 360)))
    reach = float(rng.uniform(40, 600))
    coast = berth.at(0, -reach)
    layout = random_harbour(rng, coast, extent, detail_m=max(extent / 320, 0.5))
    plan = oil_jetty(rng, coast, reach, ship_m)
    layout = HarbourLayout(layout.features + tuple(plan.ground + plan.standing), layout.moorings, layout.seed)
    ships: list[SyntheticShip] = []
    for mooring in plan.moorings:
        ships += ships_along(rng, mooring, occupancy=0.9, longest_m=ship_m)
    for mooring in layout.moorings:
        ships += ships_along(rng, mooring, occupancy=0.35, longest_m=extent)
    return layout, _without_overlaps(ships)


def _scattered_obstacles(rng: Rng, extent: float) -> HarbourLayout:
    """Things in open water that are not ships."""
    plan = Plan()
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.55, 0.2, 0.15, 0.1]))):
        spot = Frame(rng.uniform(0, extent), rng.uniform(0, extent), rng.uniform(0, 360))
        pick = rng.random()
        if pick < 0.5:
            length = float(rng.uniform(0.03, 0.3)) * extent
            plan.add(sand_bar(rng, spot, length, length * rng.uniform(0.25, 0.9)))
        elif pick < 0.7:
            plan.add(fish_farm(rng, spot))
        else:
            plan.add(breakwater(rng, spot, rng.uniform(0.1, 0.5) * extent))
    return HarbourLayout(tuple(plan.ground + plan.standing), seed=int(rng.integers(2**31)))


def _anchored(rng: Rng, extent: float) -> list[SyntheticShip]:
    """Ships swung to the same wind, or rafted side by side."""
    heading = float(rng.uniform(0, 360))
    ships: list[SyntheticShip] = []
    for _ in range(int(rng.integers(1, 9))):
        x, y = rng.uniform(0.02, 0.98, 2) * extent
        course = heading + rng.normal(0, 12)
        ship = random_ship(rng, float(x), float(y), float(course % 360), random_kind(rng, "anchorage"), longest_m=extent * 1.05)
        ships.append(ship)
        for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.8, 0.12, 0.05, 0.03]))):
            last = ships[-1]
            other = random_ship(rng, 0, 0, 0, str(rng.choice([ship.kind, "barge", "tanker"])), longest_m=ship.length_m * 1.1)
            beside = last.frame.at(rng.normal(0, 0.08) * ship.length_m, (last.beam_m + other.beam_m) / 2 + rng.uniform(0.5, 6))
            turned = beside.heading_deg + (180 if rng.random() < 0.3 else 0)
            ships.append(SyntheticShip(beside.x, beside.y, turned % 360, other.length_m, other.beam_m, other.kind, other.seed))
    return _without_overlaps(ships)


def _under_way(rng: Rng, extent: float, count: int) -> list[SyntheticShip]:
    """Ships moving or drifting anywhere, tugs beside some of them."""
    ships: list[SyntheticShip] = []
    for _ in range(count):
        kind = random_kind(rng, "anchorage" if rng.random() < 0.7 else "small")
        x, y = rng.uniform(0.02, 0.98, 2) * extent
        ship = random_ship(rng, float(x), float(y), float(rng.uniform(0, 360)), kind, longest_m=extent * 1.05)
        speed = float(rng.choice([0.0, rng.uniform(2, 11)], p=[0.4, 0.6]))
        ships.append(SyntheticShip(ship.x, ship.y, ship.heading_deg, ship.length_m, ship.beam_m, kind, ship.seed, speed, ship.laden))
        if ship.length_m > 100 and rng.random() < 0.2:
            tug = random_ship(rng, 0, 0, 0, "tug-service", longest_m=34)
            at = ship.frame.at(rng.uniform(-0.5, 0.5) * ship.length_m, rng.choice([-1, 1]) * (ship.beam_m / 2 + rng.uniform(14, 30)), rng.uniform(0, 360))
            ships.append(SyntheticShip(at.x, at.y, at.heading_deg, tug.length_m, tug.beam_m, "tug-service", tug.seed, 2.0))
    return _without_overlaps(ships)


def _without_overlaps(ships: list[SyntheticShip]) -> list[SyntheticShip]:
    """Drop every ship whose hull would cut an earlier one's (separating axes of the rectangles)."""
    kept: list[SyntheticShip] = []
    for ship in ships:
        if not any(_overlap(ship, other) for other in kept):
            kept.append(ship)
    return kept


def _overlap(a: SyntheticShip, b: SyntheticShip) -> bool:
    if np.hypot(a.x - b.x, a.y - b.y) > (np.hypot(a.length_m, a.beam_m) + np.hypot(b.length_m, b.beam_m)) / 2:
        return False
    corners_a, corners_b = a.corners, b.corners
    for axis in np.vstack([a.frame.axes, b.frame.axes]):
        on_a, on_b = corners_a @ axis, corners_b @ axis
        if on_a.max() <= on_b.min() or on_b.max() <= on_a.min():
            return False
    return True


def _with_truth(
    rgb: NDArray[np.uint8], clouds: NDArray[np.float32], view: View, ships: list[SyntheticShip], least_visible: float, least_px: float
) -> Chip:
    listed, parts = [], []
    for ship in ships:
        part, hidden = _seen_part(view, clouds, ship)
        if part >= least_visible and hidden < 0.55 and ship.length_m / view.gsd_m >= least_px:
            listed.append(ship)
            parts.append(part)
    corners = np.array([view.to_pixels(s.corners) for s in listed]).reshape(-1, 4, 2)
    return Chip(
        rgb,
        corners,
        [s.kind for s in listed],
        np.array([s.length_m for s in listed]),
        np.array([s.beam_m for s in listed]),
        np.array(parts),
    )


def _seen_part(view: View, clouds: NDArray[np.float32], ship: SyntheticShip) -> tuple[float, float]:
    """(part of the hull inside the picture, mean cloud opacity over that part), from a grid of points on the hull."""
    s, t = np.meshgrid(np.linspace(-0.49, 0.49, 24) * ship.length_m, np.linspace(-0.45, 0.45, 5) * ship.beam_m)
    pixels = np.floor(view.to_pixels(ship.frame.to_world(np.column_stack([s.ravel(), t.ravel()])))).astype(int)
    inside = (pixels >= 0).all(1) & (pixels[:, 0] < view.width) & (pixels[:, 1] < view.height)
    if not inside.any():
        return 0.0, 0.0
    return float(inside.mean()), float(clouds[pixels[inside, 1], pixels[inside, 0]].mean())
