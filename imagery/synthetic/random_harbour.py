"""Harbours made up at random: a bending coast of terminals, perhaps an opposite bank, and obstacles in the water."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .canvas import RGB, Frame
from .harbour import HarbourLayout, Land, Mooring, as_points, rectangle_land
from .palette import one_of
from .plan import Plan
from .shores import breakwater, fish_farm, marina, sand_bar, town, wild_shore
from .terminals import bulk_yard, container_terminal, finger_pier, oil_jetty, tank_farm, warehouses

Rng = np.random.Generator

STRETCHES: dict[str, float] = {
    "oil": 0.24, "tanks": 0.06, "boxes": 0.17, "sheds": 0.11, "bulk": 0.09, "town": 0.07, "wild": 0.1, "piers": 0.08,
    "marina": 0.04, "basin": 0.04,
}  # fmt: skip
COUNTRY = 255  # roughness of ground that is not paved


@dataclass(frozen=True)
class Stretch:
    """A stretch of coast of one kind (a key of STRETCHES); its quay stands step_m out to sea, turn_deg comes after."""

    kind: str
    length_m: float
    step_m: float = 0.0
    turn_deg: float = 0.0


def random_harbour(rng: Rng, coast: Frame, half_width_m: float, *, detail_m: float) -> HarbourLayout:
    """A coast through `coast` (water to its right), about 2 x half_width_m long.

    detail_m is the GSD it will be seen at: nothing much smaller is built.
    """
    # About 40 degrees over the whole coast, in either direction: headlands and bays.
    bend = float(rng.choice([0.0, rng.normal(0, 40)], p=[0.35, 0.65])) * min(350 / half_width_m, 1.0) / 2
    plan = random_coast(rng, coast, half_width_m, bend_deg=bend, detail_m=detail_m)
    if rng.random() < 0.22:  # a channel or river: the opposite bank faces back
        apart = float(rng.uniform(0.35, 1.1)) * half_width_m + 120
        bank = coast.at(0, apart, 180 + float(rng.normal(0, 6)))
        other = random_coast(rng, bank, half_width_m, bend_deg=0.0, detail_m=detail_m)
        plan.add(other)
    if rng.random() < 0.3:
        plan.add(breakwater(rng, coast.at(rng.uniform(-1, 1) * half_width_m, 0), rng.uniform(100, 700)))
    at_sea = coast.at(rng.uniform(-1, 1) * half_width_m, rng.uniform(0.1, 1) * half_width_m + 30, rng.uniform(0, 180))
    if rng.random() < 0.15:
        plan.add(sand_bar(rng, at_sea, rng.uniform(30, 300), rng.uniform(20, 90)))
    elif rng.random() < 0.08:
        plan.add(fish_farm(rng, at_sea))
    return plan.layout(int(rng.integers(2**31)))


def random_coast(rng: Rng, coast: Frame, half_width_m: float, *, bend_deg: float, detail_m: float) -> Plan:
    """Stretches of random kind one after the other; the coast turns by about bend_deg at each joint."""
    kinds, weights = list(STRETCHES), np.array(list(STRETCHES.values()))
    start = coast.at(-half_width_m, float(rng.uniform(-20, 20)), float(-bend_deg * half_width_m / 700))
    stretches: list[Stretch] = []
    s = 0.0
    while s < 2 * half_width_m:
        length = float(np.clip(rng.lognormal(np.log(350), 0.6), 60, 900))
        step = float(rng.choice([0.0, rng.uniform(-60, 60)], p=[0.5, 0.5]))
        turn = float(np.clip(bend_deg * length / 350 + rng.normal(0, 3), -40, 40))
        stretches.append(Stretch(str(rng.choice(kinds, p=weights)), length, step, turn))
        s += length
    soil = one_of(rng, [(150, 140, 116), (112, 110, 84), (86, 96, 66), (170, 152, 122)], 10)
    return coast_of(rng, start, stretches, back_m=half_width_m * 2.2, soil=soil, detail_m=detail_m)


def coast_of(
    rng: Rng,
    start: Frame,
    stretches: Sequence[Stretch],
    *,
    back_m: float,
    soil: RGB,
    detail_m: float,
) -> Plan:
    """A coast from `start` on, one stretch after the other, with open country back_m deep behind it."""
    plan, frame = Plan(), start
    line = [start.at(-back_m / 2, 0)]
    for stretch in stretches:
        depth = float(min(rng.uniform(80, 420), back_m))
        quay = frame.at(0, stretch.step_m)
        plan.add(stretch_of_coast(rng, stretch.kind, quay, stretch.length_m, depth, detail_m=detail_m))
        line.append(frame)
        frame = frame.at(stretch.length_m, 0, stretch.turn_deg)
    line += [frame, frame.at(back_m / 2, 0)]
    edge = [point.to_world([(0, -3)])[0] for point in line]
    # A coast that bends back on itself would cross its own hinterland: let that end on the middle's side.
    behind = [line[i].to_world([(0, -back_m)])[0] for i in (-1, len(line) // 2, 0)]
    plan.ground.insert(0, Land(as_points(np.array(edge + behind)), soil, rough=COUNTRY))
    return plan


def stretch_of_coast(rng: Rng, kind: str, frame: Frame, length: float, depth: float, *, detail_m: float) -> Plan:
    """One stretch of coast; frame at its start, land to the left."""
    match kind:
        case "oil":
            return _oil_terminal(rng, frame, length, depth)
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
            plan.add(marina(rng, frame.at(15, 0), rng.uniform(50, 150), max(int(min(length, 200) / 45), 1)))
            return plan
        case _:
            return _basin(rng, frame, length, depth)


def _oil_terminal(rng: Rng, frame: Frame, length: float, depth: float) -> Plan:
    """Tanks behind the shore, jetties in front of it."""
    shore = wild_shore(rng, frame, length, depth) if rng.random() < 0.4 else warehouses(rng, frame, length, depth)
    plan = Plan(ground=shore.ground)
    plan.add(tank_farm(rng, frame.at(0, -rng.uniform(15, 60)), length, depth))
    ship = float(np.exp(rng.uniform(np.log(70), np.log(340))))
    for s in np.arange(length / 2 if length < 2 * ship else ship * 0.6, length, ship * 1.3):
        reach = float(rng.choice([rng.uniform(12, 60), rng.uniform(60, 350)]))
        plan.add(oil_jetty(rng, frame.at(float(s), 0), reach, ship))
    return plan


def _basin(rng: Rng, frame: Frame, length: float, depth: float) -> Plan:
    """A mole around a basin, berths inside and outside."""
    plan = warehouses(rng, frame, length, depth)
    out, thick = rng.uniform(90, 260), rng.uniform(20, 50)
    plan.ground.append(rectangle_land(frame, 0, thick, -4, out, (160, 154, 142), rough=90))
    plan.ground.append(rectangle_land(frame, 0, length * 0.7, out, out + thick, (160, 154, 142), rough=90))
    plan.moorings.append(Mooring(frame.at(0, out + thick), length * 0.7, "general"))
    plan.moorings.append(Mooring(frame.at(length * 0.7, out, 180), length * 0.7 - thick, "general"))
    return plan
