"""Port terminals, built in the coast's own frame: s runs along the coast, t out to sea, land is at t < 0."""

import numpy as np

from .canvas import Frame
from .harbour import BoxYard, Building, Deck, Mooring, Path, QuayCrane, Tank, as_points, rectangle_land
from .palette import CONCRETE, DARK, PALE, ROOFS, jittered, mixed, one_of
from .plan import Plan

Rng = np.random.Generator


def oil_jetty(rng: Rng, shore: Frame, reach_m: float, ship_m: float) -> Plan:
    """T-jetty: pipe trestle out to a loading platform, breasting and mooring dolphins with catwalks.

    shore: on the coast where the trestle starts, looking along the coast. The berth line is parallel to it,
    reach_m out, for ships up to ship_m.
    """
    plan = Plan()
    tone = jittered(rng, mixed(CONCRETE[rng.integers(len(CONCRETE))], PALE, rng.uniform(0, 0.4)), 8)
    pipes = mixed(tone, [DARK, PALE][rng.integers(2)], rng.uniform(0.3, 0.8))
    deep, wide = rng.uniform(9, 20), float(np.clip(ship_m * rng.uniform(0.12, 0.3), 12, 60))
    road = rng.uniform(4, 10)
    trestle = shore.to_world([(0, -15), (0, reach_m - deep * 0.5)])
    plan.standing.append(
        Path(as_points(trestle), road, tone, height_m=5, stripe=pipes, stripes=int(rng.integers(1, 5)))
    )
    platform = shore.at(-wide / 2, reach_m - deep)
    plan.standing.append(
        Deck(platform, wide, deep, tone, height_m=5, clutter=int(rng.integers(4, 12)), tower_m=rng.uniform(0, 14))
    )
    size = rng.uniform(4, 8)
    spread = ship_m * rng.uniform(0.16, 0.22)
    ends = ship_m * rng.uniform(0.42, 0.58)
    back = rng.uniform(8, 30)
    spots = [(-spread, reach_m - size), (spread, reach_m - size)]
    spots += [(-ends, reach_m - size - back), (ends, reach_m - size - back)]
    if rng.random() < 0.7:
        spots += [(-ends * 0.7, reach_m - size - back), (ends * 0.7, reach_m - size - back)]
    walk = mixed(tone, PALE, 0.4)
    for s, t in spots:
        plan.standing.append(Deck(shore.at(s - size / 2, t), size, size, tone, height_m=4))
    if rng.random() < 0.75:
        for side in (-1, 1):
            line = [
                (side * wide / 2, reach_m - deep / 2),
                (side * spread, reach_m - size),
                (side * ends, reach_m - back - size / 2),
            ]
            plan.standing.append(Path(as_points(shore.to_world(line)), 1.6, walk, height_m=4))
    plan.moorings.append(Mooring(shore.at(-ship_m * 0.55, reach_m + 1.5), ship_m * 1.1, "oil"))
    if reach_m > 120 and rng.random() < 0.3:
        inner = shore.at(ship_m * 0.55, reach_m - deep - 1.5, 180)
        plan.moorings.append(Mooring(inner, ship_m * 1.1, "oil"))
    return plan


def finger_pier(rng: Rng, shore: Frame, reach_m: float, width_m: float) -> Plan:
    """A solid or piled pier straight out, berths along both sides, perhaps a shed on it."""
    plan = Plan()
    plan.standing.append(
        Deck(
            shore.at(-width_m / 2, -6),
            width_m,
            reach_m + 6,
            one_of(rng, CONCRETE, 10),
            height_m=4,
            clutter=int(rng.integers(0, 14)),
        )
    )
    if width_m > 28 and rng.random() < 0.6:
        shed = width_m * rng.uniform(0.4, 0.6)
        start, length = rng.uniform(10, 25), reach_m * rng.uniform(0.5, 0.85)
        frame = shore.at(shed / 2, start, 90)
        plan.standing.append(Building(frame, length, shed, 10, one_of(rng, ROOFS, 10)))
    # Out to sea along the side where that leaves water to the right, and back along the other.
    plan.moorings.append(Mooring(shore.at(-width_m / 2, 4, 90), reach_m - 4, "general"))
    plan.moorings.append(Mooring(shore.at(width_m / 2, reach_m, -90), reach_m - 4, "general"))
    return plan


def tank_farm(rng: Rng, frame: Frame, length_m: float, depth_m: float) -> Plan:
    """Rows of round tanks inside bunds, with pipe runs; frame at the seaward corner looking along the coast."""
    plan = Plan()
    earth = jittered(rng, mixed(CONCRETE[rng.integers(len(CONCRETE))], (150, 140, 110), rng.uniform(0, 0.7)), 8)
    plan.ground.append(rectangle_land(frame, 0, length_m, -depth_m, 0, earth, rough=120))
    radius = float(np.clip(rng.choice([6, 10, 16, 24, 38]) * rng.uniform(0.8, 1.2), 5, min(length_m, depth_m) / 2.6))
    pitch = radius * rng.uniform(2.5, 3.4)
    white = rng.random()
    for s in np.arange(pitch / 2, length_m - pitch / 2 + 1, pitch):
        for t in np.arange(pitch / 2, depth_m - pitch / 2 + 1, pitch):
            if rng.random() < 0.12:
                continue
            floating = rng.random() < 0.35
            roof = jittered(
                rng,
                PALE if rng.random() < white else [(150, 152, 150), (176, 160, 130), (110, 112, 112)][rng.integers(3)],
                8,
            )
            x, y = frame.to_world([(s, -t)])[0]
            plan.standing.append(
                Tank(float(x), float(y), radius * rng.uniform(0.75, 1.0), rng.uniform(9, 18), roof, floating)
            )
        wall = frame.to_world([(s - pitch / 2, -2), (s - pitch / 2, -depth_m + 2)])
        plan.ground.append(Path(as_points(wall), 3.0, mixed(earth, PALE, 0.3)))
    rack = frame.to_world([(0, -3), (length_m, -3)])
    plan.ground.append(Path(as_points(rack), rng.uniform(4, 9), mixed(earth, DARK, 0.25), stripe=PALE, stripes=3))
    return plan


def container_terminal(rng: Rng, frame: Frame, length_m: float, depth_m: float) -> Plan:
    """Quay apron with gantry cranes, stacks behind."""
    plan = Plan()
    pave = one_of(rng, CONCRETE, 10)
    plan.ground.append(rectangle_land(frame, 0, length_m, -depth_m, 0, pave, rough=70))
    apron = rng.uniform(35, 60)
    if depth_m > apron + 30:
        yard = frame.at(4, -depth_m + 6)
        plan.standing.append(
            BoxYard(yard, length_m - 8, depth_m - apron - 6, rng.uniform(0.35, 0.95), mixed(pave, DARK, 0.2))
        )
    plan.standing.append(
        Path(as_points(frame.to_world([(0, -apron + 6), (length_m, -apron + 6)])), 7, mixed(pave, DARK, 0.35))
    )
    colour = one_of(rng, [(96, 130, 170), (206, 200, 190), (190, 80, 60), (70, 110, 90), (220, 190, 90), DARK])
    # Idle ones stand anywhere; those at work crowd over one ship, all booms down.
    spots = [(float(s), bool(rng.random() < 0.5)) for s in rng.uniform(15, length_m - 15, int(length_m / 250))]
    at_work, first = float(rng.uniform(26, 70)), float(rng.uniform(15, 80))
    while first < length_m - 40:
        raised = bool(rng.random() < 0.25)
        spots += [(s, raised) for s in np.arange(first, length_m - 15, at_work)[: rng.integers(2, 8)].tolist()]
        first = spots[-1][0] + float(rng.uniform(80, 500))
    plan.standing.extend(QuayCrane(frame.at(s, -4, 90), colour, raised) for s, raised in sorted(spots))
    plan.moorings.append(Mooring(frame, length_m, "container"))
    return plan


def warehouses(rng: Rng, frame: Frame, length_m: float, depth_m: float) -> Plan:
    """Apron, then rows of long sheds: from far they look like ships, which is what they are here for."""
    plan = Plan()
    pave = one_of(rng, CONCRETE, 10)
    plan.ground.append(rectangle_land(frame, 0, length_m, -depth_m, 0, pave, rough=100))
    t = rng.uniform(12, 35)
    while t < depth_m - 20:
        width = rng.uniform(14, 45)
        s = rng.uniform(4, 20)
        roof = ROOFS[rng.integers(len(ROOFS))]
        while s < length_m - 20:
            length = min(rng.uniform(30, 160), length_m - s - 4)
            if rng.random() < 0.75:
                spot = frame.at(s, -t - width)
                plan.standing.append(Building(spot, length, width, rng.uniform(7, 14), jittered(rng, roof, 12)))
            s += length + rng.uniform(6, 25)
        t += width + rng.uniform(10, 35)
        road = frame.to_world([(0, -t + 5), (length_m, -t + 5)])
        plan.ground.append(Path(as_points(road), rng.uniform(5, 9), mixed(pave, DARK, rng.uniform(0.2, 0.5))))
    for _ in range(int(rng.integers(0, 3))):
        s = rng.uniform(0, length_m)
        plan.standing.append(QuayCrane(frame.at(float(s), -6, 90), (200, 180, 120), True))
    plan.moorings.append(Mooring(frame, length_m, "general"))
    return plan


def bulk_yard(rng: Rng, frame: Frame, length_m: float, depth_m: float) -> Plan:
    """Ore, coal or grain: long piles parallel to the quay, a conveyor and a ship loader."""
    plan = Plan()
    dust = one_of(rng, [(120, 70, 50), (70, 68, 66), (150, 130, 100), (168, 100, 64)], 10)
    plan.ground.append(
        rectangle_land(frame, 0, length_m, -depth_m, 0, mixed(one_of(rng, CONCRETE, 10), dust, 0.5), rough=140)
    )
    t = rng.uniform(28, 50)
    while t < depth_m - 30:
        width, s = rng.uniform(22, 40), rng.uniform(5, 30)
        while s < length_m - 30:
            length = min(rng.uniform(40, 220), length_m - s - 5)
            outline = frame.at(s, -t - width)
            pile = jittered(rng, dust, 12)
            plan.standing.append(Building(outline, length, width, 8, mixed(pile, DARK, 0.15)))
            plan.standing.append(
                Path(as_points(outline.to_world([(4, width / 2), (length - 4, width / 2)])), 5, mixed(pile, PALE, 0.15))
            )
            s += length + rng.uniform(8, 30)
        belt = frame.to_world([(0, -t + 6), (length_m, -t + 6)])
        plan.standing.append(Path(as_points(belt), 4, (150, 150, 148), height_m=6))
        t += width + rng.uniform(14, 24)
    s = float(rng.uniform(0.2, 0.8) * length_m)
    plan.standing.append(Path(as_points(frame.to_world([(s, -30), (s, 18)])), 5, (170, 150, 110), height_m=20))
    plan.moorings.append(Mooring(frame, length_m, "bulk"))
    return plan
