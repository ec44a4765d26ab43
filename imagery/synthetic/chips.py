"""Training chips: small random pictures with exact oriented boxes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .canvas import Frame, Light
from .fleet import afloat, anchored, ships_along, under_way
from .harbour import HarbourLayout
from .picture import Conditions, View, take_picture
from .plan import Plan
from .random_harbour import Stretch, coast_of, random_harbour
from .sea import random_sea
from .sensor import random_sensor, random_sky
from .ships import SyntheticShip
from .shores import breakwater, fish_farm, sand_bar
from .terminals import oil_jetty

Rng = np.random.Generator

PLACES = {"open": 0.14, "anchorage": 0.16, "harbour": 0.34, "jetty": 0.15, "boxes": 0.09, "empty": 0.12}


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


def random_chip(rng: Rng, *, gsd_m: float, size_px: int, least_visible: float = 0.35, least_px: float = 2.5) -> Chip:
    """A random chip, size_px square at gsd_m metres a pixel.

    Ships less than `least_visible` inside, shorter than `least_px`, or hidden by cloud are painted but not listed.
    """
    extent = size_px * gsd_m
    view = View(0.0, extent, size_px, size_px, gsd_m)
    light = Light(float(rng.uniform(0, 360)), float(rng.uniform(22, 75)), float(rng.uniform(0.35, 0.8)))
    sensor = random_sensor(rng, gsd_m=gsd_m)
    conditions = Conditions(random_sea(rng, gsd_m=gsd_m), light, random_sky(rng), sensor)
    layout, ships = _random_place(rng, extent, gsd_m)
    ships = afloat(ships, layout)
    rgb, clouds = take_picture(rng, view, conditions, layout, ships)
    seen = [_seen_part(view, clouds, ship) for ship in ships]
    listed = [
        (ship, part)
        for ship, (part, hidden) in zip(ships, seen, strict=True)
        if part >= least_visible and hidden < 0.55 and ship.length_m / gsd_m >= least_px
    ]
    return Chip(
        rgb,
        np.array([view.to_pixels(s.corners) for s, _ in listed]).reshape(-1, 4, 2),
        [s.kind for s, _ in listed],
        np.array([s.length_m for s, _ in listed]),
        np.array([s.beam_m for s, _ in listed]),
        np.array([part for _, part in listed]),
    )


def _random_place(rng: Rng, extent: float, gsd_m: float) -> tuple[HarbourLayout, list[SyntheticShip]]:
    """Open water, anchorage, harbour, oil jetty, container quay; or the like without ships: the hard negatives."""
    match str(rng.choice(list(PLACES), p=list(PLACES.values()))):
        case "open":
            return _obstacles(rng, extent), under_way(rng, extent, int(rng.integers(1, 5)))
        case "anchorage":
            return HarbourLayout(), anchored(rng, extent, int(rng.integers(1, 9)))
        case "jetty":
            return _jetty_at_sea(rng, extent, gsd_m)
        case "boxes":
            return _container_quay(rng, extent, gsd_m)
        case "empty" if rng.random() < 0.4:
            return _obstacles(rng, extent), []
        case place:
            middle = Frame(extent / 2, extent / 2, float(rng.uniform(0, 360)))
            coast = middle.at(0.0, float(rng.uniform(-0.42, 0.3)) * extent)
            layout = random_harbour(rng, coast, extent * 0.75, detail_m=gsd_m)
            return layout, [] if place == "empty" else _harbour_fleet(rng, layout, extent)


def _harbour_fleet(rng: Rng, layout: HarbourLayout, extent: float) -> list[SyntheticShip]:
    """Ships at the berths, and a few under way off them."""
    ships: list[SyntheticShip] = []
    occupancy = rng.uniform(0.2, 0.9)
    for mooring in layout.moorings:
        ships += ships_along(rng, mooring, occupancy=occupancy, longest_m=extent * 1.1)
    return ships + under_way(rng, extent, int(rng.integers(0, 4)))


def _jetty_at_sea(rng: Rng, extent: float, gsd_m: float) -> tuple[HarbourLayout, list[SyntheticShip]]:
    """An oil jetty well inside the chip, tankers on it or not, its coast perhaps outside."""
    longest = float(min(340, max(extent * 0.9, 70)))
    ship_m = float(np.exp(rng.uniform(np.log(60), np.log(longest))))
    berth = Frame(extent * rng.uniform(0.3, 0.7), extent * rng.uniform(0.3, 0.7), float(rng.uniform(0, 360)))
    reach = float(rng.uniform(40, 600))
    coast = berth.at(0, -reach)
    layout = random_harbour(rng, coast, extent * 0.9, detail_m=gsd_m)
    plan = oil_jetty(rng, coast, reach, ship_m)
    ships: list[SyntheticShip] = []
    for mooring in plan.moorings:
        ships += ships_along(rng, mooring, occupancy=0.9, longest_m=ship_m)
    for mooring in layout.moorings:
        ships += ships_along(rng, mooring, occupancy=0.35, longest_m=extent)
    return HarbourLayout((*layout.features, *plan.ground, *plan.standing), layout.moorings, layout.seed), ships


def _container_quay(rng: Rng, extent: float, gsd_m: float) -> tuple[HarbourLayout, list[SyntheticShip]]:
    """A quay of container cranes, most of it taken: hulls under booms, boxes on deck like the boxes ashore."""
    middle = Frame(extent / 2, extent / 2, float(rng.uniform(0, 360)))
    start = middle.at(-0.75 * extent, float(rng.uniform(-0.3, 0.3)) * extent)
    stretches = [Stretch("boxes", float(rng.uniform(0.5, 1.0)) * extent, turn_deg=float(rng.normal(0, 15)))] * 2
    soil = (150.0, 140.0, 116.0)
    plan = coast_of(rng, start, stretches, back_m=extent * 1.6, soil=soil, detail_m=gsd_m)
    layout = plan.layout(int(rng.integers(2**31)))
    ships: list[SyntheticShip] = []
    for mooring in layout.moorings:
        ships += ships_along(rng, mooring, occupancy=0.85, longest_m=max(extent * 0.9, 110))
    return layout, ships + under_way(rng, extent, int(rng.integers(0, 3)))


def _obstacles(rng: Rng, extent: float) -> HarbourLayout:
    """Things in open water that are not ships: islets, sand bars, fish farms, breakwaters, a lone jetty."""
    plan = Plan()
    for _ in range(int(rng.choice([0, 1, 2, 4], p=[0.5, 0.22, 0.18, 0.1]))):
        spot = Frame(rng.uniform(0, extent), rng.uniform(0, extent), rng.uniform(0, 360))
        what = rng.random()
        if what < 0.45:
            length = float(rng.uniform(0.03, 0.3)) * extent
            plan.add(sand_bar(rng, spot, length, length * rng.uniform(0.25, 0.9)))
        elif what < 0.65:
            plan.add(fish_farm(rng, spot))
        elif what < 0.85:
            plan.add(breakwater(rng, spot, rng.uniform(0.1, 0.5) * extent))
        else:
            plan.add(oil_jetty(rng, spot, rng.uniform(30, 120), rng.uniform(60, 250)))
    return plan.layout(int(rng.integers(2**31)))


def _seen_part(view: View, clouds: NDArray[np.float32], ship: SyntheticShip) -> tuple[float, float]:
    """(part of the hull inside the picture, mean cloud opacity over that part), from a grid of points on the hull."""
    s, t = np.meshgrid(np.linspace(-0.49, 0.49, 24) * ship.length_m, np.linspace(-0.45, 0.45, 5) * ship.beam_m)
    pixels = np.floor(view.to_pixels(ship.frame.to_world(np.column_stack([s.ravel(), t.ravel()])))).astype(int)
    inside = (pixels >= 0).all(1) & (pixels[:, 0] < view.width) & (pixels[:, 1] < view.height)
    if not inside.any():
        return 0.0, 0.0
    return float(inside.mean()), float(clouds[pixels[inside, 1], pixels[inside, 0]].mean())
