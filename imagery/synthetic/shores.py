"""What else lines a coast or stands in the water; frames as in `terminals`."""

import numpy as np

from .canvas import Frame
from .harbour import Building, Deck, Grove, Land, Mooring, Path, as_points
from .palette import DARK, PALE, ROOFS, jittered, mixed, one_of
from .plan import Plan

Rng = np.random.Generator


def town(rng: Rng, frame: Frame, length_m: float, depth_m: float, *, detail_m: float) -> Plan:
    """Streets of small roofs and trees. detail_m: nothing smaller than this is built."""
    plan = Plan()
    green = one_of(rng, [(84, 96, 62), (64, 82, 56), (110, 108, 80), (140, 130, 104)], 10)
    outline = as_points(frame.rectangle(0, length_m, -depth_m, 0))
    plan.ground.append(Land(outline, green, rough=170, edge=(170, 160, 140), edge_m=5))
    pitch = float(max(rng.uniform(22, 45), 6 * detail_m, np.sqrt(length_m * depth_m / (260 if detail_m < 4 else 110))))
    roofs = [ROOFS[i] for i in rng.integers(0, len(ROOFS), 4)]
    for t in np.arange(pitch * 0.6, depth_m - pitch * 0.5, pitch):
        street = frame.to_world([(0, -t + pitch * 0.42), (length_m, -t + pitch * 0.42)])
        plan.ground.append(Path(as_points(street), max(6.0, pitch * 0.14), (122, 120, 116)))
        for s in np.arange(pitch * 0.2, length_m - pitch * 0.8, pitch):
            if rng.random() < 0.3:
                continue
            size = pitch * rng.uniform(0.35, 0.75, 2)
            spot = frame.at(float(s), float(-t - size[1] / 2), float(rng.normal(0, 2)))
            roof = jittered(rng, roofs[rng.integers(4)], 16)
            plan.standing.append(Building(spot, float(size[0]), float(size[1]), rng.uniform(4, 14), roof))
    return plan


def wild_shore(rng: Rng, frame: Frame, length_m: float, depth_m: float) -> Plan:
    """Scrub or wood behind a ragged rocky or sandy shore."""
    plan = Plan()
    green = one_of(rng, [(58, 74, 48), (84, 92, 60), (120, 112, 82), (44, 58, 42), (150, 132, 98)], 10)
    beach = one_of(rng, [(206, 192, 160), (226, 212, 184), (150, 140, 122), (110, 104, 96)], 10)
    s = np.linspace(0, length_m, max(int(length_m / 25), 4))
    wander = np.cumsum(rng.normal(0, 9, len(s)))
    wander -= np.linspace(wander[0], wander[-1], len(s))
    edge = np.column_stack([s, wander])
    strip = rng.uniform(6, 30)
    back = [(length_m, -depth_m), (0, -depth_m)]
    plan.ground.append(Land(as_points(frame.to_world(np.vstack([edge, back]))), beach, rough=110))
    inner = edge - (0, strip) + rng.normal(0, 3, edge.shape)
    plan.ground.append(Land(as_points(frame.to_world(np.vstack([inner, back]))), green, rough=255))
    if rng.random() < 0.6:
        rocks = mixed(beach, DARK, rng.uniform(0.2, 0.6))
        plan.standing.append(Grove(frame.at(0, -4), length_m, 22, rocks, int(length_m / 14), (1.0, 4.5), 2.0))
    trees = int(np.clip(length_m * depth_m / 900, 0, 150))
    plan.standing.append(
        Grove(frame.at(0, -depth_m), length_m, depth_m - strip - 8, mixed(green, DARK, 0.25), trees, (2.5, 7.0))
    )
    road = frame.to_world(np.column_stack([s, wander * 0.5 - strip - rng.uniform(20, 60)]))
    plan.ground.append(Path(as_points(road), rng.uniform(5, 9), (140, 136, 128)))
    return plan


def marina(rng: Rng, shore: Frame, reach_m: float, fingers: int) -> Plan:
    """Pontoons out from the shore, boats stern-to on both sides of each."""
    plan = Plan()
    tone = jittered(rng, (176, 172, 164), 14)
    pitch = rng.uniform(34, 52)
    for i in range(fingers):
        s = i * pitch
        plan.standing.append(Deck(shore.at(s - 1.2, -4), 2.4, reach_m + 4, tone, height_m=0.8))
        plan.moorings.append(Mooring(shore.at(s - 1.4, 8, 90), reach_m - 8, "small"))
        plan.moorings.append(Mooring(shore.at(s + 1.4, reach_m, -90), reach_m - 8, "small"))
    return plan


def breakwater(rng: Rng, shore: Frame, reach_m: float) -> Plan:
    """Rubble mound, bent once or twice, sometimes with a roadway and a light at its head."""
    tone = one_of(rng, [(150, 146, 138), (190, 180, 162), (120, 116, 110), (96, 92, 88)], 12)
    points, turn = [(0.0, -10.0)], rng.uniform(-0.5, 0.5)
    for part in rng.dirichlet([3, 3, 3]) * reach_m:
        s, t = points[-1]
        points.append((s + part * np.sin(turn), t + part * np.cos(turn)))
        turn += rng.uniform(-0.7, 0.7)
    width = rng.uniform(7, 24)
    stripe = PALE if rng.random() < 0.5 else None
    plan = Plan(standing=[Path(as_points(shore.to_world(points)), width, tone, height_m=3, stripe=stripe)])
    head = shore.at(points[-1][0] - 5, points[-1][1] - 5)
    plan.standing.append(Deck(head, 10, 10, mixed(tone, PALE, 0.5), height_m=4, tower_m=10))
    return plan


def sand_bar(rng: Rng, centre: Frame, length_m: float, width_m: float) -> Plan:
    """Islet, rock, reef or sand bar: a long pale or dark blob that is no ship."""
    turn = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    ragged = 1 + 0.3 * np.interp(
        turn, np.linspace(0, 2 * np.pi, 9), np.append(wobble := rng.normal(0, 1, 8), wobble[0])
    )
    ragged = np.clip(ragged + rng.normal(0, 0.12, len(turn)), 0.2, 2)
    outline = np.column_stack([np.cos(turn) * length_m / 2, np.sin(turn) * width_m / 2]) * ragged[:, None]
    tone = one_of(rng, [(204, 190, 158), (120, 108, 92), (84, 80, 74), (92, 104, 70), (160, 150, 120)], 12)
    plan = Plan(ground=[Land(as_points(centre.to_world(outline)), tone, rough=180)])
    if rng.random() < 0.5 and width_m > 20:
        plan.ground.append(Land(as_points(centre.to_world(outline * 0.6)), jittered(rng, (70, 84, 54), 10), rough=235))
    return plan


def fish_farm(rng: Rng, centre: Frame) -> Plan:
    """Rows of round or square cages."""
    plan = Plan()
    radius, pitch = rng.uniform(5, 16), rng.uniform(1.3, 2.2)
    tone = one_of(rng, [(60, 64, 66), (150, 150, 146), (90, 84, 70)], 10)
    for i in range(int(rng.integers(2, 7))):
        for j in range(int(rng.integers(1, 4))):
            frame = centre.at(i * radius * 2 * pitch, j * radius * 2 * pitch)
            ring = frame.to_world(
                np.column_stack([f(np.linspace(0, 2 * np.pi, 17)) * radius for f in (np.cos, np.sin)])
            )
            plan.standing.append(Path(as_points(ring), 1.6, tone))
    return plan
