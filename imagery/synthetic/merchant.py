"""Decks of merchant ships, as seen from above.

What tells the kinds apart in real pictures: a tanker's open deck with a centre pipe rack and a cross-wise manifold
amidships; a bulk carrier's row of hatch covers; a container ship's coloured bays; a coaster's one or two long holds.
"""

from collections.abc import Callable

import numpy as np

from .canvas import CIRCLE, RGB
from .sprite import Sprite, jittered, mixed

Rng = np.random.Generator

WHITE: RGB = (232, 230, 222)
SHADOWED: RGB = (40, 42, 45)
# Display colours read off real scenes at 0.7, 3 and 10 m, with how often they occur.
TANKER_DECKS: list[tuple[RGB, float]] = [
    ((168, 76, 58), 0.20),  # red oxide
    ((188, 102, 72), 0.14),  # fresh orange-red
    ((128, 58, 48), 0.12),  # dull maroon
    ((120, 86, 68), 0.06),  # weathered brown
    ((92, 138, 112), 0.12),  # green
    ((138, 172, 148), 0.08),  # faded green
    ((58, 92, 78), 0.05),  # dark green
    ((126, 128, 124), 0.10),  # grey
    ((84, 88, 92), 0.05),  # dark grey
    ((196, 194, 182), 0.06),  # pale
    ((92, 118, 142), 0.02),  # blue-grey
]
BULK_DECKS: list[tuple[RGB, float]] = [
    ((160, 74, 56), 0.34),
    ((190, 100, 70), 0.14),
    ((118, 62, 52), 0.14),
    ((96, 130, 108), 0.10),
    ((130, 130, 126), 0.16),
    ((86, 90, 94), 0.12),
]
HATCHES: list[tuple[RGB, float]] = [
    ((176, 176, 166), 0.26),
    ((206, 200, 184), 0.20),
    ((160, 84, 66), 0.24),
    ((188, 150, 96), 0.08),
    ((96, 128, 110), 0.08),
    ((104, 110, 118), 0.14),
]
SIDES: list[tuple[RGB, float]] = [
    ((46, 46, 50), 0.36),
    ((120, 46, 40), 0.18),
    ((40, 62, 92), 0.14),
    ((96, 98, 98), 0.14),
    ((52, 84, 70), 0.08),
    ((196, 192, 184), 0.10),
]
BOXES: list[RGB] = [
    (168, 72, 58), (150, 60, 52), (60, 88, 132), (76, 112, 150), (196, 190, 178), (212, 208, 200),
    (74, 118, 92), (190, 120, 62), (120, 62, 54), (104, 106, 110), (186, 168, 120), (132, 140, 148),
]  # fmt: skip


def pick(rng: Rng, table: list[tuple[RGB, float]], amount: float = 14.0) -> RGB:
    """A colour from a table of (colour, frequency), jittered."""
    weights = np.array([w for _, w in table])
    return jittered(rng, table[rng.choice(len(table), p=weights / weights.sum())][0], amount)


def deckhouse(ship: Sprite, rng: Rng, s0: float, s1: float, colour: RGB | None = None) -> None:
    """Accommodation from s0 to s1: main block, bridge with wings, funnel abaft, boats, roof fittings."""
    half = ship.beam_m / 2
    length = s1 - s0
    white = colour or jittered(rng, mixed(WHITE, (190, 180, 160), rng.uniform(0, 0.6)), 10)
    height = float(np.clip(ship.beam_m * rng.uniform(0.45, 0.8), 4, 32))
    width = half * rng.uniform(0.62, 0.95)
    ship.block(s0 + length * rng.uniform(0.2, 0.4), s1, -width, width, height, white)
    wing = s1 - length * rng.uniform(0.05, 0.2)
    ship.rect(wing - max(length * 0.14, 1.5), wing, -half * 0.97, half * 0.97, mixed(white, (255, 255, 255), 0.3))
    dark = jittered(rng, (96, 98, 100), 18)
    for _ in range(int(rng.integers(2, 6))):
        s = rng.uniform(s0 + length * 0.4, s1 - length * 0.1)
        t = rng.uniform(-width, width) * 0.8
        size = rng.uniform(0.05, 0.16) * length
        ship.rect(s - size, s + size, t - size, t + size, mixed(white, dark, rng.uniform(0.2, 0.9)))
    funnel = jittered(rng, [(60, 62, 66), (180, 60, 50), (50, 80, 130), (210, 190, 120), (230, 230, 226)][rng.integers(5)])
    t = rng.uniform(-0.15, 0.15) * half
    size = half * rng.uniform(0.14, 0.26)
    ship.block(s0 + length * 0.08, s0 + length * 0.3, t - size, t + size, height * 1.15, funnel)
    ship.rect(s0 + length * 0.14, s0 + length * 0.24, t - size * 0.5, t + size * 0.5, SHADOWED)
    if rng.random() < 0.7:
        for side in (-1, 1):
            ship.rect(s0 + length * 0.3, s0 + length * 0.55, side * half * 0.8, side * half * 0.94, (214, 104, 44))


def fore_and_aft_gear(ship: Sprite, rng: Rng, deck: RGB, *, forecastle: float) -> None:
    """Raised forecastle with windlass, and mooring winches aft."""
    half, bow = ship.beam_m / 2, ship.length_m / 2
    tip = ship.outline[ship.outline[:, 0] > bow - ship.length_m * forecastle]
    if len(tip) >= 3 and rng.random() < 0.7:
        ship.poly(tip * (0.995, 0.94), mixed(deck, jittered(rng, (150, 140, 130), 30), rng.uniform(0.0, 0.6)))
    for _ in range(int(rng.integers(3, 8))):
        s = rng.choice([bow * rng.uniform(0.84, 0.95), -bow * rng.uniform(0.93, 0.98)])
        t = rng.uniform(-0.4, 0.4) * half
        ship.disc(s, t, rng.uniform(0.4, 1.2), mixed(deck, [(40, 42, 44), WHITE][rng.integers(2)], 0.7))


def paint_tanker(ship: Sprite, rng: Rng) -> None:
    """Open deck, centre pipe rack, manifold amidships, hose crane, catwalk, house aft."""
    length, beam, half = ship.length_m, ship.beam_m, ship.beam_m / 2
    deck = pick(rng, TANKER_DECKS)
    ship.paint_hull(pick(rng, SIDES) if rng.random() < 0.55 else mixed(deck, SHADOWED, 0.25), deck)
    house_end = -length / 2 + length * rng.uniform(0.13, 0.20) + (6 if length < 110 else 0)
    fore = length * rng.uniform(0.38, 0.44)
    paler, darker = mixed(deck, (225, 222, 210), rng.uniform(0.25, 0.6)), mixed(deck, (30, 30, 34), rng.uniform(0.3, 0.6))
    worn = mixed(deck, jittered(rng, (150, 130, 115), 20), rng.uniform(0.1, 0.4))
    for side in (-1, 1):  # walkway strips and worn paint beside the rack
        inner = half * rng.uniform(0.15, 0.4)
        ship.rect(house_end, fore, side * inner, side * half * rng.uniform(0.6, 0.9), worn, rng.uniform(0, 0.7))
    tanks = int(np.clip(round(length / rng.uniform(22, 38)), 3, 10))
    joints = np.linspace(house_end, fore, tanks + 1)
    for s in joints[1:-1]:  # transverse frames and deck lines over bulkheads
        ship.line(s, -half * 0.93, s, half * 0.93, rng.uniform(0.4, 1.1), darker, rng.uniform(0.15, 0.6))
    _pipe_rack(ship, rng, house_end, fore, paler, darker)
    _manifold(ship, rng, (house_end + fore) / 2 + length * rng.uniform(-0.05, 0.05), paler, darker)
    hatch = rng.uniform(0.6, 1.3) * (1 if length < 150 else 1.5)
    for s in (joints[:-1] + joints[1:]) / 2:  # tank hatches and vents, in pairs
        for side in (-1, 1):
            ship.disc(s + rng.normal(0, 1), side * half * rng.uniform(0.45, 0.6), hatch, [paler, darker][rng.integers(2)])
    if rng.random() < 0.25 and length > 60:  # slop tanks or a trunk before the house
        ship.block(house_end + 2, house_end + length * 0.06, -half * 0.5, half * 0.5, 3.0, worn)
    if rng.random() < 0.25 and beam > 25:
        ship.ring(length * rng.uniform(0.05, 0.25), half * 0.55, min(7.0, beam / 6), 0.8, WHITE)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.09)
    aft_line = -length / 2 + length * rng.uniform(0.02, 0.05)
    deckhouse(ship, rng, aft_line, house_end)


def _pipe_rack(ship: Sprite, rng: Rng, aft: float, fore: float, paler: RGB, darker: RGB) -> None:
    """Lines along the centre, their shadow, and the catwalk."""
    half = ship.beam_m / 2
    width = half * rng.uniform(0.10, 0.28)
    ship.rect(aft, fore, -width, width, [paler, darker][int(rng.random() < 0.45)], rng.uniform(0.25, 0.8))
    for t in np.linspace(-width, width, int(rng.integers(2, 6))):
        ship.line(aft, t, fore * rng.uniform(0.7, 1.0), t, rng.uniform(0.4, 0.9), [paler, darker][rng.integers(2)], 0.85)
    walk = rng.uniform(-width, width)
    cast = ship.cast * rng.uniform(1.5, 3.0)
    ship.line(aft + cast[0], walk + cast[1], fore + cast[0], walk + cast[1], 1.2, SHADOWED, 0.5)
    ship.line(aft, walk, fore, walk, rng.uniform(0.8, 1.6), mixed(paler, WHITE, rng.uniform(0, 0.8)), 0.9)
    for s in np.arange(aft, fore, rng.uniform(8, 20)):  # pipe supports
        ship.line(s, -width * 1.2, s, width * 1.2, 0.5, darker, 0.5)


def _manifold(ship: Sprite, rng: Rng, s: float, paler: RGB, darker: RGB) -> None:
    """Crossing pipes to both rails with drip trays, and the hose cranes that serve them."""
    half = ship.beam_m / 2
    span = np.clip(ship.length_m * rng.uniform(0.03, 0.07), 3, 18)
    ship.rect(s - span / 2, s + span / 2, -half * 0.9, half * 0.9, mixed(paler, darker, rng.random()), rng.uniform(0.3, 0.8))
    for offset in np.linspace(-span / 2, span / 2, int(rng.integers(3, 7))):
        ship.line(s + offset, -half * 0.92, s + offset, half * 0.92, 0.6, [paler, darker][rng.integers(2)], 0.9)
    for side in (-1, 1):
        ship.rect(s - span / 2, s + span / 2, side * half * 0.8, side * half * 0.93, [paler, darker][rng.integers(2)])
    for side in ([-1, 1] if rng.random() < 0.6 else [int(rng.choice([-1, 1]))]):
        foot = s + rng.uniform(-1, 1) * span
        reach = np.clip(ship.length_m * rng.uniform(0.05, 0.1), 5, 22) * rng.choice([-1, 1])
        t = side * half * rng.uniform(0.25, 0.55)
        cast = ship.cast * 7.0
        ship.line(foot + cast[0], t + cast[1], foot + reach + cast[0], t + cast[1], 1.2, SHADOWED, 0.6)
        ship.line(foot, t, foot + reach, t * 0.9, 1.1, mixed(WHITE, (220, 180, 90), rng.random()))
        ship.disc(foot, t, 1.1, WHITE)


def paint_gas_carrier(ship: Sprite, rng: Rng) -> None:
    """Spheres in a row, or a long raised trunk, or cylinders on a small one."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, TANKER_DECKS)
    ship.paint_hull(pick(rng, SIDES), deck)
    house_end = -length / 2 + length * rng.uniform(0.15, 0.2)
    fore = length * 0.38
    tank = jittered(rng, mixed(WHITE, deck, rng.choice([0.0, 0.15, 0.7])), 10)
    count = int(rng.integers(3, 6))
    if rng.random() < 0.45 and length > 120:
        step = (fore - house_end) / count
        for i in range(count):
            s, radius = house_end + step * (i + 0.5), min(step, 2 * half) * 0.47
            ship.shade(CIRCLE * radius + (s, 0), radius * 0.7)
            ship.disc(s, 0, radius, mixed(tank, SHADOWED, 0.25))
            lit = -ship.cast / max(np.hypot(*ship.cast), 1e-6) * radius * 0.25
            ship.disc(s + lit[0], lit[1], radius * 0.72, tank)
            ship.blocks.append((CIRCLE * radius + (s, 0), radius * 0.7))
    else:
        ship.block(house_end, fore, -half * 0.7, half * 0.7, min(6.0, half * 0.4), tank)
        for s in np.linspace(house_end, fore, count + 1)[1:-1]:
            ship.line(s, -half * 0.7, s, half * 0.7, 0.8, mixed(tank, SHADOWED, 0.5))
            ship.rect(s - 3, s + 3, -half * 0.15, half * 0.15, mixed(tank, SHADOWED, 0.3))
    ship.line(house_end, 0, fore, 0, 1.4, mixed(tank, SHADOWED, 0.4))
    _manifold(ship, rng, (house_end + fore) / 2, mixed(deck, WHITE, 0.4), mixed(deck, SHADOWED, 0.4))
    deckhouse(ship, rng, -length / 2 + length * 0.03, house_end)


def paint_bulk_carrier(ship: Sprite, rng: Rng) -> None:
    """A row of five to nine hatches, with or without cranes between them, house aft."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, BULK_DECKS)
    ship.paint_hull(pick(rng, SIDES) if rng.random() < 0.6 else mixed(deck, SHADOWED, 0.3), deck)
    house_end = -length / 2 + length * rng.uniform(0.13, 0.19)
    fore = length * rng.uniform(0.39, 0.44)
    hatches = int(np.clip(round(length / rng.uniform(26, 36)), 4, 9))
    cover = pick(rng, HATCHES)
    if rng.random() < 0.3:
        cover = mixed(deck, (210, 200, 185), rng.uniform(0.05, 0.35))
    joints = np.linspace(house_end + length * 0.01, fore, hatches + 1)
    gap, width = rng.uniform(0.18, 0.34), half * rng.uniform(0.42, 0.68)
    hold = jittered(rng, [(45, 42, 42), (120, 52, 40), (160, 140, 100), (60, 60, 58)][rng.integers(4)])
    opened = rng.random(hatches) < (0.7 if rng.random() < 0.2 else 0.03)
    cranes = rng.random() < 0.5 and length < 230
    for i in range(hatches):
        s0, s1 = joints[i] + (joints[i + 1] - joints[i]) * gap / 2, joints[i + 1] - (joints[i + 1] - joints[i]) * gap / 2
        if opened[i]:
            ship.rect(s0, s1, -width, width, hold)
            ship.rect(s0, s1, width, min(width * 1.5, half * 0.95), cover)
            ship.rect(s0, s1, -min(width * 1.5, half * 0.95), -width, cover)
        else:
            ship.block(s0, s1, -width, width, 2.5, jittered(rng, cover, 5))
            ship.line(s0, 0, s1, 0, 0.5, mixed(cover, SHADOWED, 0.5), 0.6)
    if cranes:
        jib = jittered(rng, [(226, 222, 210), (214, 180, 90), (196, 110, 60)][rng.integers(3)])
        for i in range(1, hatches, int(rng.integers(1, 3))):
            _crane(ship, rng, joints[i], (joints[1] - joints[0]) * rng.uniform(0.7, 1.0), jib)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.06)
    deckhouse(ship, rng, -length / 2 + length * rng.uniform(0.02, 0.04), house_end)


def _crane(ship: Sprite, rng: Rng, s: float, reach: float, colour: RGB) -> None:
    """A deck crane on the centre line with its jib stowed or swung out."""
    swing = rng.choice([0.0, rng.uniform(-0.3, 0.3), rng.uniform(-1.2, 1.2)], p=[0.6, 0.3, 0.1]) + rng.choice([0.0, np.pi])
    tip = s + reach * np.cos(swing), reach * np.sin(swing)
    cast = ship.cast * 10
    ship.line(s + cast[0], cast[1], tip[0] + cast[0], tip[1] + cast[1], 1.6, SHADOWED, 0.6)
    ship.line(s, 0, *tip, 1.5, colour)
    ship.block(s - 1.8, s + 1.8, -1.8, 1.8, 12, mixed(colour, SHADOWED, 0.15))


def paint_container(ship: Sprite, rng: Rng) -> None:
    """Bays of coloured boxes; house aft, or ahead of the aft third on a large one."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, BULK_DECKS)
    ship.paint_hull(pick(rng, SIDES), mixed(deck, SHADOWED, 0.2))
    forward_house = length > 150 and rng.random() < 0.5
    house0 = length * (rng.uniform(-0.3, -0.15) if forward_house else rng.uniform(-0.47, -0.38))
    house1 = house0 + max(length * rng.uniform(0.035, 0.06), 8)
    bay = rng.uniform(13.2, 15.0) if length > 110 else rng.uniform(6.6, 13.5)
    loaded = rng.uniform(0.15, 1.0) if rng.random() < 0.5 else 1.0
    livery = [BOXES[i] for i in rng.choice(len(BOXES), int(rng.integers(2, 9)), replace=False)]
    cover = jittered(rng, mixed(deck, (120, 120, 118), 0.6), 8)
    taper = np.interp
    for s in np.arange(-length * 0.47, length * 0.41, bay):
        if s < house1 + 1 and s + bay > house0 - 1:
            continue
        width = half * float(taper((s + bay) / length, [0.25, 0.43], [0.95, 0.6]))
        if rng.random() > loaded:
            ship.rect(s + 0.8, s + bay - 0.8, -width, width, cover)
            continue
        rows = max(int(2 * width / 2.5), 2)
        edges = np.linspace(-width, width, rows + 1)
        tall = rng.uniform(4, 5 + 0.45 * ship.beam_m)
        ship.shade([(s + 0.8, -width), (s + bay - 0.8, -width), (s + bay - 0.8, width), (s + 0.8, width)], tall * 0.4)
        ship.blocks.append((np.array([(s, -width), (s + bay, -width), (s + bay, width), (s, width)]), tall))
        run = int(rng.integers(1, 7))
        colour = livery[rng.integers(len(livery))]
        for i in range(rows):
            if i % run == 0 or rng.random() < 0.3:
                colour = livery[rng.integers(len(livery))]
            halves = 2 if rng.random() < 0.15 and bay > 11 else 1
            for h in range(halves):
                step = (bay - 1.4) / halves
                tone = jittered(rng, colour, 7) if rng.random() > 0.06 else mixed(cover, SHADOWED, 0.4)
                ship.rect(s + 0.7 + h * step, s + 0.7 + (h + 1) * step - 0.3 * h, edges[i], edges[i + 1], tone)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.08)
    deckhouse(ship, rng, house0, house1)


def paint_general_cargo(ship: Sprite, rng: Rng) -> None:
    """One to three long holds, open or covered; house aft; sometimes cranes or deck cargo."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, BULK_DECKS)
    ship.paint_hull(pick(rng, SIDES), deck)
    house_end = -length / 2 + length * rng.uniform(0.15, 0.24)
    fore = length * rng.uniform(0.36, 0.42)
    holds = int(rng.choice([1, 1, 2, 2, 3]))
    joints = np.linspace(house_end + length * 0.02, fore, holds + 1)
    width = half * rng.uniform(0.6, 0.82)
    cover = pick(rng, HATCHES)
    for i in range(holds):
        s0, s1 = joints[i] + length * 0.012, joints[i + 1] - length * 0.012
        if rng.random() < 0.45:  # open hold: coaming, shadow inside, perhaps cargo
            ship.rect(s0, s1, -width, width, mixed(deck, WHITE, 0.25))
            cargo = jittered(rng, [(42, 42, 44), (66, 60, 56), (150, 128, 96), (92, 56, 46)][rng.integers(4)])
            ship.rect(s0 + 1, s1 - 1, -width + 1, width - 1, cargo)
            ship.poly(swept_inside(s0 + 1, s1 - 1, -width + 1, width - 1, ship.cast * 4), SHADOWED, 0.6)
        else:
            ship.block(s0, s1, -width, width, 2.0, cover)
            for s in np.arange(s0, s1, rng.uniform(5, 12)):
                ship.line(s, -width, s, width, 0.5, mixed(cover, SHADOWED, 0.5), 0.6)
    if rng.random() < 0.35 and length > 70:
        jib = jittered(rng, [(226, 222, 210), (214, 180, 90)][rng.integers(2)])
        for s in joints[1:-1] if holds > 1 else [fore]:
            _crane(ship, rng, float(s), length * 0.12, jib)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.1)
    deckhouse(ship, rng, -length / 2 + length * rng.uniform(0.02, 0.05), house_end)


def swept_inside(s0: float, s1: float, t0: float, t1: float, offset: np.ndarray) -> np.ndarray:
    """The strip of a pit that its own rim shades: the L of the sunward edges, as a thin rectangle."""
    ds, dt = offset
    if abs(dt) >= abs(ds):
        near = t0 if dt > 0 else t1
        far = float(np.clip(near + dt, t0, t1))
        return np.array([(s0, near), (s1, near), (s1, far), (s0, far)])
    near = s0 if ds > 0 else s1
    far = float(np.clip(near + ds, s0, s1))
    return np.array([(near, t0), (near, t1), (far, t1), (far, t0)])


MERCHANT_PAINTERS: dict[str, Callable[[Sprite, Rng], None]] = {
    "tanker": paint_tanker,
    "gas-carrier": paint_gas_carrier,
    "bulk-carrier": paint_bulk_carrier,
    "container": paint_container,
    "general-cargo": paint_general_cargo,
}
