"""Which ships there are, and how they lie: alongside, rafted, at anchor, under way."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from .canvas import Frame
from .harbour import HarbourLayout, Mooring
from .ships import SyntheticShip, random_beam, random_length

Rng = np.random.Generator

# Who lies at which kind of berth, at anchor, or in a marina. Tankers are what the detector must tell apart.
FLEETS: dict[str, dict[str, float]] = {
    "oil": {"tanker": 0.86, "gas-carrier": 0.06, "barge": 0.08},
    "container": {"container": 0.86, "general-cargo": 0.14},
    "bulk": {"bulk-carrier": 0.78, "general-cargo": 0.18, "barge": 0.04},
    "general": {
        "tanker": 0.22, "bulk-carrier": 0.16, "general-cargo": 0.24, "container": 0.06, "passenger": 0.06,
        "tug-service": 0.09, "fishing": 0.05, "naval": 0.05, "barge": 0.07,
    },
    "anchorage": {
        "tanker": 0.44, "bulk-carrier": 0.2, "general-cargo": 0.12, "container": 0.09, "gas-carrier": 0.03,
        "passenger": 0.02, "naval": 0.02, "barge": 0.03, "tug-service": 0.03, "fishing": 0.02,
    },
    "small": {"leisure": 0.85, "fishing": 0.15},
}  # fmt: skip


def random_kind(rng: Rng, fleet: str) -> str:
    """A ship kind out of one of the fleets above."""
    kinds, weights = zip(*FLEETS[fleet].items(), strict=True)
    return str(rng.choice(kinds, p=np.array(weights) / sum(weights)))


def random_ship(rng: Rng, frame: Frame, kind: str, *, longest_m: float = 1e9) -> SyntheticShip:
    """A ship of this kind with random size and looks, centred on the frame and heading along it."""
    length = random_length(rng, kind, longest_m=longest_m)
    beam = min(random_beam(rng, kind, length), length)
    looks = {"seed": int(rng.integers(2**31)), "laden": float(rng.random())}
    return SyntheticShip(frame.x, frame.y, frame.heading_deg, length, beam, kind, **looks)


def moved_to(ship: SyntheticShip, frame: Frame) -> SyntheticShip:
    """The same ship centred on another frame, heading along it."""
    return replace(ship, x=frame.x, y=frame.y, heading_deg=frame.heading_deg % 360)


def alongside(
    mooring: Mooring, ship: SyntheticShip, *, at_m: float | None = None, gap_m: float = 1.5, reversed_: bool = False
) -> SyntheticShip:
    """The ship moored at `mooring`, its middle at_m along the berth (default: half-way), gap_m off the fenders.

    reversed_: bow against the berth's direction.
    """
    middle = mooring.length_m / 2 if at_m is None else at_m
    return moved_to(ship, mooring.frame.at(middle, gap_m + ship.beam_m / 2, 180.0 if reversed_ else 0.0))


def ships_along(rng: Rng, mooring: Mooring, *, occupancy: float, longest_m: float = 1e9) -> list[SyntheticShip]:
    """Fill a berth line: ships one behind the other with gaps, either end first, a few with another outside."""
    if mooring.kind == "small":
        return _stern_to(rng, mooring, occupancy)
    ships: list[SyntheticShip] = []
    s = rng.uniform(2, 30)
    while s < mooring.length_m - 15:
        if rng.random() > occupancy:
            s += rng.uniform(30, 150)
            continue
        kind = random_kind(rng, mooring.kind)
        ship = random_ship(rng, mooring.frame, kind, longest_m=min(mooring.length_m - s, longest_m))
        if s + ship.length_m > mooring.length_m + 10:
            s += 40
            continue
        ships += _with_a_neighbour_outside(rng, mooring, s + ship.length_m / 2, ship)
        s += ship.length_m + rng.uniform(6, 40)
    return ships


def _with_a_neighbour_outside(rng: Rng, mooring: Mooring, middle: float, ship: SyntheticShip) -> list[SyntheticShip]:
    """The ship alongside, and perhaps a bunker barge or a sister rafted outside it."""
    gap = rng.uniform(0.3, 2.5)
    placed = [_askew(rng, alongside(mooring, ship, at_m=middle, gap_m=gap, reversed_=rng.random() < 0.5))]
    if rng.random() < 0.12:
        kind = str(rng.choice(["barge", "tanker", "tug-service", ship.kind]))
        other = random_ship(rng, mooring.frame, kind, longest_m=ship.length_m * 1.05)
        slide = rng.uniform(-0.4, 0.4) * max(ship.length_m - other.length_m, 0)
        outside = gap + ship.beam_m + rng.uniform(0.5, 4)
        placed.append(
            _askew(rng, alongside(mooring, other, at_m=middle + slide, gap_m=outside, reversed_=rng.random() < 0.5))
        )
    return placed


def _askew(rng: Rng, ship: SyntheticShip) -> SyntheticShip:
    """No ship lies quite parallel to its berth."""
    return replace(ship, heading_deg=float(ship.heading_deg + rng.normal(0, 0.4)) % 360)


def _stern_to(rng: Rng, mooring: Mooring, occupancy: float) -> list[SyntheticShip]:
    """Boats side by side, at right angles to a pontoon."""
    ships: list[SyntheticShip] = []
    s, usual = 2.0, rng.uniform(8, 15)
    while s < mooring.length_m - 4:
        boat = random_ship(rng, mooring.frame, random_kind(rng, "small"), longest_m=usual * 1.3)
        if rng.random() < occupancy:
            turned = 90.0 if rng.random() < 0.6 else 270.0
            ships.append(moved_to(boat, mooring.frame.at(s + boat.beam_m / 2, 0.6 + boat.length_m / 2, turned)))
        s += boat.beam_m + rng.uniform(0.5, 2.0)
    return ships


def anchored(rng: Rng, extent: float, count: int) -> list[SyntheticShip]:
    """Ships swung to the same wind, some with others rafted to their side, on the square 0..extent."""
    wind = float(rng.uniform(0, 360))
    ships: list[SyntheticShip] = []
    for _ in range(count):
        x, y = rng.uniform(0.02, 0.98, 2) * extent
        frame = Frame(float(x), float(y), float(wind + rng.normal(0, 12)) % 360)
        ship = random_ship(rng, frame, random_kind(rng, "anchorage"), longest_m=extent * 1.05)
        ships.append(ship)
        for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.8, 0.12, 0.05, 0.03]))):
            inner = ships[-1]
            kind = str(rng.choice([ship.kind, "barge", "tanker"]))
            outer = random_ship(rng, frame, kind, longest_m=ship.length_m * 1.1)
            off = (inner.beam_m + outer.beam_m) / 2 + rng.uniform(0.5, 6)
            beside = inner.frame.at(rng.normal(0, 0.08) * ship.length_m, off, 180 if rng.random() < 0.3 else 0)
            ships.append(moved_to(outer, beside))
    return ships


def under_way(rng: Rng, extent: float, count: int) -> list[SyntheticShip]:
    """Ships moving or drifting anywhere on the square 0..extent, tugs beside some of them."""
    ships: list[SyntheticShip] = []
    for _ in range(count):
        kind = random_kind(rng, "anchorage" if rng.random() < 0.7 else "small")
        x, y = rng.uniform(0.02, 0.98, 2) * extent
        ship = random_ship(rng, Frame(float(x), float(y), float(rng.uniform(0, 360))), kind, longest_m=extent * 1.05)
        ships.append(replace(ship, speed_mps=float(rng.choice([0.0, rng.uniform(2, 11)], p=[0.4, 0.6]))))
        if ship.length_m > 100 and rng.random() < 0.2:
            off = rng.choice([-1, 1]) * (ship.beam_m / 2 + rng.uniform(14, 30))
            beside = ship.frame.at(rng.uniform(-0.5, 0.5) * ship.length_m, off, rng.uniform(0, 360))
            ships.append(replace(random_ship(rng, beside, "tug-service", longest_m=34), speed_mps=2.0))
    return ships


def afloat(ships: Sequence[SyntheticShip], layout: HarbourLayout) -> list[SyntheticShip]:
    """Those ships that neither cut an earlier one nor lie on ground or decks (more than 4 % of their hull)."""
    hulls = np.array([shapely.Polygon(ship.corners) for ship in ships], dtype=object)
    solids = layout.solids()
    aground = np.zeros(len(ships))
    if len(solids) and len(ships):
        hull, solid = shapely.STRtree(solids).query(hulls, predicate="intersects")
        np.add.at(aground, hull, shapely.area(shapely.intersection(hulls[hull], solids[solid])))
    kept: list[int] = []
    tree = shapely.STRtree(hulls)
    for i in np.flatnonzero(aground <= 0.04 * shapely.area(hulls)) if len(ships) else []:
        if not set(tree.query(hulls[i], predicate="intersects").tolist()) & set(kept):
            kept.append(int(i))
    return [ships[i] for i in kept]
