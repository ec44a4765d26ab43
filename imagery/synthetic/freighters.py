"""Decks of dry-cargo ships: the row of hatches, the coloured bays, the one or two long holds."""

import numpy as np

from .fittings import deck_crane, deckhouse, fore_and_aft_gear
from .palette import BOXES, CARGO_DECKS, DARK, HATCHES, SIDES, WHITE, jittered, mixed, one_of, pick
from .sprite import Sprite

Rng = np.random.Generator


def paint_bulk_carrier(ship: Sprite, rng: Rng) -> None:
    """A row of five to nine hatches, with or without cranes between them, house aft."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, CARGO_DECKS)
    ship.paint_hull(pick(rng, SIDES) if rng.random() < 0.6 else mixed(deck, DARK, 0.3), deck)
    house_end = -length / 2 + length * rng.uniform(0.13, 0.19)
    fore = length * rng.uniform(0.39, 0.44)
    hatches = int(np.clip(round(length / rng.uniform(26, 36)), 4, 9))
    cover = pick(rng, HATCHES)
    if rng.random() < 0.3:
        cover = mixed(deck, (210, 200, 185), rng.uniform(0.05, 0.35))
    joints = np.linspace(house_end + length * 0.01, fore, hatches + 1)
    gap, width = rng.uniform(0.18, 0.34), half * rng.uniform(0.42, 0.68)
    hold = one_of(rng, [(45, 42, 42), (120, 52, 40), (160, 140, 100), (60, 60, 58)])
    opened = rng.random(hatches) < (0.7 if rng.random() < 0.2 else 0.03)
    cranes = rng.random() < 0.5 and length < 230
    for i in range(hatches):
        s0, s1 = (
            joints[i] + (joints[i + 1] - joints[i]) * gap / 2,
            joints[i + 1] - (joints[i + 1] - joints[i]) * gap / 2,
        )
        if opened[i]:
            ship.rect(s0, s1, -width, width, hold)
            ship.rect(s0, s1, width, min(width * 1.5, half * 0.95), cover)
            ship.rect(s0, s1, -min(width * 1.5, half * 0.95), -width, cover)
        else:
            ship.block(s0, s1, -width, width, 2.5, jittered(rng, cover, 5))
            ship.line(s0, 0, s1, 0, 0.5, mixed(cover, DARK, 0.5), 0.6)
    if cranes:
        jib = one_of(rng, [(226, 222, 210), (214, 180, 90), (196, 110, 60)])
        for i in range(1, hatches, int(rng.integers(1, 3))):
            deck_crane(ship, rng, joints[i], (joints[1] - joints[0]) * rng.uniform(0.7, 1.0), jib)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.06)
    deckhouse(ship, rng, -length / 2 + length * rng.uniform(0.02, 0.04), house_end)


def paint_container(ship: Sprite, rng: Rng) -> None:
    """Bays of coloured boxes; house aft, or ahead of the aft third on a large one."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, CARGO_DECKS)
    ship.paint_hull(pick(rng, SIDES), mixed(deck, DARK, 0.2))
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
                tone = jittered(rng, colour, 7) if rng.random() > 0.06 else mixed(cover, DARK, 0.4)
                ship.rect(s + 0.7 + h * step, s + 0.7 + (h + 1) * step - 0.3 * h, edges[i], edges[i + 1], tone)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.08)
    deckhouse(ship, rng, house0, house1)


def paint_general_cargo(ship: Sprite, rng: Rng) -> None:
    """One to three long holds, open or covered; house aft; sometimes cranes or deck cargo."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, CARGO_DECKS)
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
            cargo = one_of(rng, [(42, 42, 44), (66, 60, 56), (150, 128, 96), (92, 56, 46)])
            ship.rect(s0 + 1, s1 - 1, -width + 1, width - 1, cargo)
            ship.poly(_rim_shade(s0 + 1, s1 - 1, -width + 1, width - 1, ship.cast * 4), DARK, 0.6)
        else:
            ship.block(s0, s1, -width, width, 2.0, cover)
            for s in np.arange(s0, s1, rng.uniform(5, 12)):
                ship.line(s, -width, s, width, 0.5, mixed(cover, DARK, 0.5), 0.6)
    if rng.random() < 0.35 and length > 70:
        jib = one_of(rng, [(226, 222, 210), (214, 180, 90)])
        for s in joints[1:-1] if holds > 1 else [fore]:
            deck_crane(ship, rng, float(s), length * 0.12, jib)
    fore_and_aft_gear(ship, rng, deck, forecastle=0.1)
    deckhouse(ship, rng, -length / 2 + length * rng.uniform(0.02, 0.05), house_end)


def _rim_shade(s0: float, s1: float, t0: float, t1: float, offset: np.ndarray) -> np.ndarray:
    """The strip of a pit that its own rim shades: the L of the sunward edges, as a thin rectangle."""
    ds, dt = offset
    if abs(dt) >= abs(ds):
        near = t0 if dt > 0 else t1
        far = float(np.clip(near + dt, t0, t1))
        return np.array([(s0, near), (s1, near), (s1, far), (s0, far)])
    near = s0 if ds > 0 else s1
    far = float(np.clip(near + ds, s0, s1))
    return np.array([(near, t0), (near, t1), (far, t1), (far, t0)])
