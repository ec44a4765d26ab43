"""Harbours made up at random, and the ships that lie in them."""

import numpy as np

from .builders import (
    Plan, breakwater, bulk_yard, container_terminal, finger_pier, fish_farm, marina, oil_jetty, sand_bar, tank_farm, town,
    warehouses, wild_shore,
)  # fmt: skip
from .canvas import Frame
from .harbour import HarbourLayout, Mooring, rectangle_land
from .ships import SyntheticShip, random_beam, random_length
from .sprite import jittered

Rng = np.random.Generator

# Who lies at which kind of berth; the rest of the fleet is drawn from the last column.
BERTH_FLEETS: dict[str, dict[str, float]] = {
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
    kinds, weights = zip(*BERTH_FLEETS[fleet].items(), strict=True)
    return str(rng.choice(kinds, p=np.array(weights) / sum(weights)))


def random_ship(rng: Rng, x: float, y: float, heading_deg: float, kind: str, *, longest_m: float = 1e9) -> SyntheticShip:
    """A ship of this kind with random size and looks."""
    length = random_length(rng, kind, longest_m=longest_m)
    beam = min(random_beam(rng, kind, length), length)
    seed = int(rng.integers(2**31))
    return SyntheticShip(x, y, heading_deg, length, beam, kind, seed=seed, laden=float(rng.random()))


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
        ship = random_ship(rng, 0, 0, 0, kind, longest_m=min(mooring.length_m - s, longest_m))
        if s + ship.length_m > mooring.length_m + 10:
            s += 40
            continue
        ships += _alongside(rng, mooring, s, ship)
        s += ship.length_m + rng.uniform(6, 40)
    return ships


def _alongside(rng: Rng, mooring: Mooring, s: float, ship: SyntheticShip) -> list[SyntheticShip]:
    """The ship at s along the berth, and perhaps a bunker barge or a sister rafted outside it."""
    gap = rng.uniform(0.3, 2.5)
    turned = 180.0 if rng.random() < 0.5 else 0.0
    frame = mooring.frame.at(s + ship.length_m / 2, gap + ship.beam_m / 2, turned + rng.normal(0, 0.5))
    placed = [_at(ship, frame)]
    if rng.random() < 0.12:
        kind = str(rng.choice(["barge", "tanker", "tug-service", ship.kind]))
        other = random_ship(rng, 0, 0, 0, kind, longest_m=ship.length_m * 1.05)
        slide = rng.uniform(-0.4, 0.4) * max(ship.length_m - other.length_m, 0)
        out = gap + ship.beam_m + rng.uniform(0.5, 4) + other.beam_m / 2
        turned = 180.0 if rng.random() < 0.5 else 0.0
        placed.append(_at(other, mooring.frame.at(s + ship.length_m / 2 + slide, out, turned + rng.normal(0, 0.5))))
    return placed


def _stern_to(rng: Rng, mooring: Mooring, occupancy: float) -> list[SyntheticShip]:
    """Boats side by side, at right angles to a pontoon."""
    ships: list[SyntheticShip] = []
    s, usual = 2.0, rng.uniform(8, 15)
    while s < mooring.length_m - 4:
        boat = random_ship(rng, 0, 0, 0, random_kind(rng, "small"), longest_m=usual * 1.3)
        if rng.random() < occupancy:
            turned = 90.0 if rng.random() < 0.6 else 270.0
            frame = mooring.frame.at(s + boat.beam_m / 2, 0.6 + boat.length_m / 2, turned)
            ships.append(_at(boat, frame))
        s += boat.beam_m + rng.uniform(0.5, 2.0)
    return ships


def _at(ship: SyntheticShip, frame: Frame) -> SyntheticShip:
    return SyntheticShip(
        frame.x, frame.y, frame.heading_deg, ship.length_m, ship.beam_m, ship.kind, seed=ship.seed, laden=ship.laden
    )


def random_harbour(rng: Rng, coast: Frame, half_width_m: float, *, detail_m: float) -> HarbourLayout:
    """A coast through `coast` (water to its right), of random terminals, 2 x half_width_m long.

    detail_m is the GSD it will be seen at: nothing much smaller is built.
    """
    plan = Plan()
    back = half_width_m * 2.2
    soil = jittered(rng, [(150, 140, 116), (112, 110, 84), (86, 96, 66), (170, 152, 122)][rng.integers(4)], 10)
    plan.ground.append(rectangle_land(coast, -half_width_m * 1.5, half_width_m * 1.5, -back, -2, soil, rough=220))
    kinds = ["oil", "tanks", "boxes", "sheds", "bulk", "town", "wild", "piers", "marina", "basin"]
    weights = np.array([0.24, 0.08, 0.12, 0.14, 0.09, 0.07, 0.1, 0.08, 0.04, 0.04])
    s = -half_width_m * 1.1
    while s < half_width_m * 1.1:
        length = float(np.clip(rng.lognormal(np.log(350), 0.6), 60, 900))
        kind = str(rng.choice(kinds, p=weights))
        step = rng.choice([0.0, rng.uniform(-60, 60)], p=[0.5, 0.5])
        plan.add(_stretch(rng, kind, coast.at(s, step), length, min(rng.uniform(80, 420), back), detail_m))
        s += length
    if rng.random() < 0.3:
        plan.add(breakwater(rng, coast.at(rng.uniform(-1, 1) * half_width_m, 0), rng.uniform(100, 700)))
    if rng.random() < 0.15:
        plan.add(sand_bar(rng, coast.at(rng.uniform(-1, 1) * half_width_m, rng.uniform(60, half_width_m), rng.uniform(0, 180)), rng.uniform(30, 300), rng.uniform(8, 60)))
    if rng.random() < 0.08:
        plan.add(fish_farm(rng, coast.at(rng.uniform(-1, 1) * half_width_m, rng.uniform(60, half_width_m))))
    return HarbourLayout(tuple(plan.ground + plan.standing), tuple(plan.moorings), seed=int(rng.integers(2**31)))


def _stretch(rng: Rng, kind: str, frame: Frame, length: float, depth: float, detail_m: float) -> Plan:
    """One stretch of coast; frame at its start."""
    match kind:
        case "oil":
            plan = tank_farm(rng, frame.at(0, -rng.uniform(15, 60)), length, depth)
            shore = wild_shore(rng, frame, length, depth) if rng.random() < 0.4 else warehouses(rng, frame, length, depth)
            shore.standing, shore.moorings = [], []
            shore.add(plan)
            ship = float(np.exp(rng.uniform(np.log(70), np.log(340))))
            for s in np.arange(length / 2 if length < 2 * ship else ship * 0.6, length, ship * 1.3):
                reach = float(rng.choice([rng.uniform(12, 60), rng.uniform(60, 350)]))
                shore.add(oil_jetty(rng, frame.at(float(s), 0), reach, ship))
            return shore
        case "tanks":
            return tank_farm(rng, frame, length, depth)
        case "boxes":
            return container_terminal(rng, frame, length, depth)
        case "sheds":
            return warehouses(rng, frame, length, depth)
        case "bulk":
            return bulk_yard(rng, frame, length, depth)
        case "town":
            return town(rng, frame, length, depth, detail_m=detail_m)
        case "wild":
            return wild_shore(rng, frame, length, depth)
        case "piers":
            plan = warehouses(rng, frame, length, depth)
            plan.moorings = []
            reach, width = rng.uniform(80, 320), rng.uniform(10, 70)
            for s in np.arange(width, length, width + rng.uniform(60, 160)):
                plan.add(finger_pier(rng, frame.at(float(s), 0), reach * rng.uniform(0.8, 1.1), width))
            return plan
        case "marina":
            plan = town(rng, frame, length, depth, detail_m=detail_m)
            plan.add(marina(rng, frame.at(15, 0), rng.uniform(50, 180), max(int(min(length, 260) / 45), 1)))
            return plan
        case _:  # a mole around a basin
            plan = warehouses(rng, frame, length, depth)
            out, thick = rng.uniform(90, 260), rng.uniform(20, 50)
            plan.ground.append(rectangle_land(frame, 0, thick, -4, out, (160, 154, 142), rough=90))
            plan.ground.append(rectangle_land(frame, 0, length * 0.7, out, out + thick, (160, 154, 142), rough=90))
            plan.moorings.append(Mooring(frame.at(0, out + thick), length * 0.7, "general"))
            plan.moorings.append(Mooring(frame.at(length * 0.7, out, 180), length * 0.7 - thick, "general"))
            return plan
