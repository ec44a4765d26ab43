"""What most merchant ships carry: accommodation, forecastle, mooring gear, deck cranes."""

import numpy as np

from .canvas import RGB
from .palette import DARK, WHITE, jittered, mixed, one_of
from .sprite import Sprite

Rng = np.random.Generator


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
    funnel = one_of(rng, [(60, 62, 66), (180, 60, 50), (50, 80, 130), (210, 190, 120), (230, 230, 226)])
    t = rng.uniform(-0.15, 0.15) * half
    size = half * rng.uniform(0.14, 0.26)
    ship.block(s0 + length * 0.08, s0 + length * 0.3, t - size, t + size, height * 1.15, funnel)
    ship.rect(s0 + length * 0.14, s0 + length * 0.24, t - size * 0.5, t + size * 0.5, DARK)
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


def deck_crane(ship: Sprite, rng: Rng, s: float, reach: float, colour: RGB) -> None:
    """A deck crane on the centre line with its jib stowed or swung out."""
    swing = rng.choice([0.0, rng.uniform(-0.3, 0.3), rng.uniform(-1.2, 1.2)], p=[0.6, 0.3, 0.1]) + rng.choice(
        [0.0, np.pi]
    )
    tip = s + reach * np.cos(swing), reach * np.sin(swing)
    cast = ship.cast * 10
    ship.line(s + cast[0], cast[1], tip[0] + cast[0], tip[1] + cast[1], 1.6, DARK, 0.6)
    ship.line(s, 0, *tip, 1.5, colour)
    ship.block(s - 1.8, s + 1.8, -1.8, 1.8, 12, mixed(colour, DARK, 0.15))
