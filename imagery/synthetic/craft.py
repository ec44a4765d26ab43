"""Decks of everything that is no merchant ship: tugs, fishing boats, yachts, ferries, barges, warships."""

import numpy as np

from .palette import BOXES, CARGO_DECKS, DARK, SIDES, WHITE, jittered, mixed, one_of, pick
from .sprite import Sprite

Rng = np.random.Generator


def paint_tug(ship: Sprite, rng: Rng) -> None:
    """Harbour tug (house amidships) or, when long, supply vessel (house forward, open deck aft)."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = one_of(rng, [(158, 72, 52), (90, 120, 100), (120, 122, 120), (70, 72, 76), (176, 120, 70)])
    ship.paint_hull((34, 34, 36) if rng.random() < 0.7 else pick(rng, SIDES), deck, bulwark_m=1.0)
    house = one_of(rng, [WHITE, WHITE, (206, 180, 130), (200, 90, 50)])
    s0, s1 = (-0.1, 0.25) if length < 45 else (0.12, 0.38)
    ship.block(length * s0, length * s1, -half * 0.62, half * 0.62, half * 0.8, house)
    ship.block(
        length * (s1 - 0.17), length * (s1 - 0.03), -half * 0.45, half * 0.45, half * 1.3, mixed(house, WHITE, 0.4)
    )
    for side in (-1, 1):
        ship.rect(length * (s0 + 0.02), length * (s0 + 0.1), side * half * 0.25, side * half * 0.5, DARK)
    ship.disc(-length * 0.25, 0, half * 0.18, DARK)
    ship.rect(
        -length * 0.45, -length * 0.15, -half * 0.6, half * 0.6, mixed(deck, (190, 170, 140), rng.uniform(0, 0.6)), 0.6
    )
    if length > 45 and rng.random() < 0.6:
        for _ in range(int(rng.integers(2, 7))):
            s, t = rng.uniform(-0.42, 0.0) * length, rng.uniform(-0.5, 0.4) * half
            ship.rect(s, s + 6, t, t + 2.5, BOXES[rng.integers(len(BOXES))])


def paint_fishing(ship: Sprite, rng: Rng) -> None:
    """Wheelhouse forward or aft, working deck, gear."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = one_of(rng, [(150, 140, 124), (100, 120, 110), (150, 80, 60), (90, 100, 112)])
    side = one_of(rng, [(220, 220, 216), (50, 80, 130), (150, 50, 44), (60, 100, 84), (50, 50, 54)])
    ship.paint_hull(side, deck, bulwark_m=max(0.5, half * 0.12))
    s = length * (0.08 if rng.random() < 0.5 else -0.3)
    ship.block(s, s + length * 0.22, -half * 0.6, half * 0.6, half * 0.9, jittered(rng, WHITE, 12))
    ship.line(-length * 0.4, 0, length * 0.42, 0, 0.5, mixed(deck, WHITE, 0.5))
    for _ in range(int(rng.integers(1, 5))):
        gear = one_of(rng, [(40, 90, 80), (200, 120, 50), (60, 60, 62), (40, 70, 120)])
        ship.disc(rng.uniform(-0.4, 0.35) * length, rng.uniform(-0.5, 0.5) * half, half * rng.uniform(0.15, 0.35), gear)


def paint_leisure(ship: Sprite, rng: Rng) -> None:
    """White hull, dark glass; sometimes a sailing boat with its mast."""
    length, half = ship.length_m, ship.beam_m / 2
    white = jittered(rng, mixed((246, 246, 244), (170, 170, 168), rng.random() ** 2), 8)
    ship.paint_hull(white if rng.random() < 0.85 else jittered(rng, (40, 60, 100), 15), white, bulwark_m=half * 0.1)
    if rng.random() < 0.45:
        deck = jittered(rng, (190, 170, 140), 15)
        ship.rect(-length * 0.45, -length * 0.12, -half * 0.55, half * 0.55, deck)
        ship.line(-length * 0.35, 0, length * 0.1, 0, 0.4, [(60, 80, 120), (230, 230, 230)][rng.integers(2)])
        ship.rect(-length * 0.08, length * 0.22, -half * 0.4, half * 0.4, mixed(white, (120, 130, 140), 0.3))
    else:
        ship.rect(-length * 0.2, length * 0.16, -half * 0.65, half * 0.65, jittered(rng, (70, 78, 88), 20))
        ship.rect(-length * 0.18, length * 0.06, -half * 0.55, half * 0.55, white)
        ship.rect(-length * 0.46, -length * 0.24, -half * 0.6, half * 0.6, jittered(rng, (180, 160, 130), 20))


def paint_passenger(ship: Sprite, rng: Rng) -> None:
    """Ferry or cruise ship: white decks over most of the length, boats along the sides."""
    length, half = ship.length_m, ship.beam_m / 2
    white = jittered(rng, WHITE, 8)
    ship.paint_hull(
        white if rng.random() < 0.6 else pick(rng, SIDES), mixed(white, (120, 130, 120), rng.uniform(0, 0.5))
    )
    s0, s1 = -length * rng.uniform(0.38, 0.47), length * rng.uniform(0.2, 0.36)
    ship.block(s0, s1, -half * 0.9, half * 0.9, half * 0.6, mixed(white, (200, 205, 210), 0.5))
    ship.block(s0 * 0.85, s1 * 0.9, -half * 0.7, half * 0.7, half * 0.9, white)
    for s in np.arange(s0 * 0.8, s1 * 0.8, max(length * 0.09, 5)):
        tone = one_of(rng, [(90, 130, 160), (170, 150, 120), (120, 126, 130), (210, 210, 206)])
        ship.rect(s, s + length * rng.uniform(0.02, 0.06), -half * 0.4, half * rng.uniform(0.0, 0.45), tone)
    if length > 70:
        for s in np.arange(s0 * 0.8, s1 * 0.8, 13):
            for side in (-1, 1):
                ship.rect(s, s + 9, side * half * 0.84, side * half * 0.97, (222, 118, 52))
    colour = one_of(rng, [(40, 70, 130), (190, 50, 44), (230, 200, 80), (60, 60, 64)])
    f = -length * rng.uniform(0.12, 0.3)
    ship.block(f, f + length * 0.06, -half * 0.25, half * 0.25, half * 1.3, colour)
    ship.rect(s1 * 0.85, s1, -half * 0.97, half * 0.97, white)


def paint_barge(ship: Sprite, rng: Rng) -> None:
    """A box: flat deck, open hopper, tank barge with pipes, or boxes on deck."""
    length, half = ship.length_m, ship.beam_m / 2
    deck = pick(rng, [*CARGO_DECKS, ((140, 124, 104), 0.3)])
    ship.paint_hull(mixed(deck, DARK, 0.4), deck)
    style = rng.choice(["flat", "hopper", "tank", "boxes", "crane"], p=[0.3, 0.3, 0.15, 0.1, 0.15])
    if style == "hopper":
        cargo = one_of(rng, [(48, 46, 46), (170, 150, 110), (120, 110, 98), (100, 60, 48)], 14)
        ship.rect(-length * 0.43, length * 0.43, -half * 0.8, half * 0.8, cargo)
        for s in np.linspace(-0.43, 0.43, int(rng.integers(2, 6))) * length:
            ship.line(s, -half * 0.8, s, half * 0.8, 0.8, mixed(deck, WHITE, 0.2))
    elif style == "tank":
        ship.line(-length * 0.45, 0, length * 0.45, 0, 1.2, mixed(deck, WHITE, 0.4))
        ship.rect(-2, 2, -half * 0.9, half * 0.9, mixed(deck, WHITE, 0.3))
        for s in np.linspace(-0.38, 0.38, 6) * length:
            for side in (-1, 1):
                ship.disc(s, side * half * 0.5, 0.9, mixed(deck, DARK, 0.5))
    elif style == "boxes":
        for s in np.arange(-length * 0.42, length * 0.36, 6.8):
            for t in np.arange(-half * 0.85, half * 0.7, 2.6):
                ship.rect(s, s + 6.2, t, t + 2.4, BOXES[rng.integers(len(BOXES))])
    elif style == "crane":
        ship.block(-length * 0.35, -length * 0.1, -half * 0.5, half * 0.5, 6, jittered(rng, (190, 170, 90), 20))
        ship.line(-length * 0.2, 0, length * 0.44, rng.uniform(-0.4, 0.4) * half, 1.8, (206, 160, 70))
    else:
        for _ in range(int(rng.integers(1, 8))):
            s, t = rng.uniform(-0.42, 0.32) * length, rng.uniform(-0.8, 0.4) * half
            tone = jittered(rng, (130, 120, 106), 34)
            ship.rect(s, s + rng.uniform(2, length * 0.1), t, t + rng.uniform(1, half * 0.4), tone)


def paint_naval(ship: Sprite, rng: Rng) -> None:
    """Grey, slender, superstructure amidships, gun forward, flight deck aft."""
    length, half = ship.length_m, ship.beam_m / 2
    grey = jittered(rng, (128, 134, 138), 22)
    ship.paint_hull(mixed(grey, DARK, 0.3), grey)
    paler = mixed(grey, WHITE, rng.uniform(0.15, 0.5))
    ship.block(length * 0.02, length * rng.uniform(0.15, 0.24), -half * 0.75, half * 0.75, half * 1.3, paler)
    ship.block(-length * 0.2, -length * 0.03, -half * 0.7, half * 0.7, half * 0.9, jittered(rng, paler, 8))
    for s in rng.uniform(-0.15, 0.15, int(rng.integers(2, 5))) * length:
        ship.rect(s, s + length * 0.03, -half * 0.25, half * 0.25, mixed(grey, DARK, rng.uniform(0.3, 0.8)))
    ship.disc(length * 0.31, 0, half * 0.28, mixed(paler, WHITE, 0.2))
    ship.line(length * 0.31, 0, length * 0.37, 0, 0.8, DARK)
    ship.rect(-length * 0.45, -length * 0.24, -half * 0.75, half * 0.75, mixed(grey, DARK, 0.25))
    if rng.random() < 0.6:
        ship.ring(-length * 0.34, 0, half * 0.45, 0.6, WHITE)
