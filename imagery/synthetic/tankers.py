"""Decks of tankers and gas carriers, as seen from above.

A tanker is told by its open deck with a pipe rack along the centre line and a manifold across it amidships.
"""

import numpy as np
from numpy.typing import NDArray

from .canvas import CIRCLE, RGB
from .fittings import deckhouse, fore_and_aft_gear
from .palette import DARK, SIDES, TANKER_DECKS, WHITE, jittered, mixed, pick
from .sprite import Sprite

Rng = np.random.Generator


def paint_tanker(ship: Sprite, rng: Rng) -> None:
    """Open deck, centre pipe rack, manifold amidships, hose crane, catwalk, house aft."""
    length, beam, half = ship.length_m, ship.beam_m, ship.beam_m / 2
    deck = pick(rng, TANKER_DECKS)
    ship.paint_hull(pick(rng, SIDES) if rng.random() < 0.55 else mixed(deck, DARK, 0.25), deck)
    house_end = -length / 2 + length * rng.uniform(0.13, 0.20) + (6 if length < 110 else 0)
    fore = length * rng.uniform(0.38, 0.44)
    paler, darker = (
        mixed(deck, (225, 222, 210), rng.uniform(0.25, 0.6)),
        mixed(deck, (30, 30, 34), rng.uniform(0.3, 0.6)),
    )
    worn = mixed(deck, jittered(rng, (150, 130, 115), 20), rng.uniform(0.1, 0.4))
    for side in (-1, 1):  # walkway strips and worn paint beside the rack
        inner = half * rng.uniform(0.15, 0.4)
        ship.rect(house_end, fore, side * inner, side * half * rng.uniform(0.6, 0.9), worn, rng.uniform(0, 0.7))
    tanks = int(np.clip(round(length / rng.uniform(22, 38)), 3, 10))
    joints = np.linspace(house_end, fore, tanks + 1)
    for s in joints[1:-1]:  # transverse frames and deck lines over bulkheads
        ship.line(s, -half * 0.93, s, half * 0.93, rng.uniform(0.4, 1.1), darker, rng.uniform(0.15, 0.6))
    if length > 60 and rng.random() < 0.4:
        _outside_frames(ship, rng, house_end, fore, paler, darker)
    _pipe_rack(ship, rng, house_end, fore, paler, darker)
    if rng.random() < 0.3:
        _deck_boxes(ship, rng, joints, mixed(deck, [paler, darker, WHITE][rng.integers(3)], rng.uniform(0.3, 1.0)))
    _manifold(ship, rng, (house_end + fore) / 2 + length * rng.uniform(-0.05, 0.05), paler, darker)
    hatch = rng.uniform(0.6, 1.3) * (1 if length < 150 else 1.5)
    for s in (joints[:-1] + joints[1:]) / 2:  # tank hatches and vents, in pairs
        for side in (-1, 1):
            ship.disc(
                s + rng.normal(0, 1), side * half * rng.uniform(0.45, 0.6), hatch, [paler, darker][rng.integers(2)]
            )
    if rng.random() < 0.25 and length > 60:  # slop tanks or a trunk before the house
        ship.block(house_end + 2, house_end + length * 0.06, -half * 0.5, half * 0.5, 3.0, worn)
    if rng.random() < 0.35:  # where a helicopter may winch
        spot = (length * rng.uniform(-0.2, 0.35), half * rng.choice([-1, 1]) * rng.uniform(0.4, 0.7))
        ship.disc(*spot, min(5.0, beam / 8), [(236, 200, 70), (226, 222, 210), (90, 150, 90)][rng.integers(3)])
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
        ship.line(
            aft, t, fore * rng.uniform(0.7, 1.0), t, rng.uniform(0.4, 0.9), [paler, darker][rng.integers(2)], 0.85
        )
    walk = rng.uniform(-width, width)
    cast = ship.cast * rng.uniform(1.5, 3.0)
    ship.line(aft + cast[0], walk + cast[1], fore + cast[0], walk + cast[1], 1.2, DARK, 0.5)
    ship.line(aft, walk, fore, walk, rng.uniform(0.8, 1.6), mixed(paler, WHITE, rng.uniform(0, 0.8)), 0.9)
    for s in np.arange(aft, fore, rng.uniform(8, 20)):  # pipe supports
        ship.line(s, -width * 1.2, s, width * 1.2, 0.5, darker, 0.5)


def _outside_frames(ship: Sprite, rng: Rng, aft: float, fore: float, paler: RGB, darker: RGB) -> None:
    """Stiffeners on top of the deck, as chemical and product tankers have them: ladders along both sides."""
    half = ship.beam_m / 2
    pitch = float(rng.choice([rng.uniform(2.6, 4.5), rng.uniform(4.5, 9.0)]))
    inner, outer = half * rng.uniform(0.12, 0.35), half * rng.uniform(0.75, 0.95)
    shadow, lit = rng.uniform(0.3, 0.95), rng.uniform(0.1, 0.7)
    for s in np.arange(aft + pitch, fore, pitch):
        for side in (-1, 1):
            ship.rect(s, s + pitch * 0.45, side * inner, side * outer, darker, shadow)
            ship.rect(s + pitch * 0.45, s + pitch * 0.65, side * inner, side * outer, paler, lit)


def _deck_boxes(ship: Sprite, rng: Rng, joints: NDArray[np.float64], colour: RGB) -> None:
    """Deck tanks, lockers and vapour gear beside the rack: a few, or one pair a tank."""
    half = ship.beam_m / 2
    pitch = joints[1] - joints[0]
    few = rng.random() < 0.5
    near, wide = half * rng.uniform(0.22, 0.4), half * rng.uniform(0.12, 0.4)
    long = pitch * rng.uniform(0.2, 0.6)
    for s in (joints[:-1] + joints[1:]) / 2:
        for side in (-1, 1):
            if few and rng.random() < 0.65:
                continue
            t0, t1 = sorted((side * near, side * min(near + wide, half * 0.85)))
            ship.block(s - long / 2, s + long / 2, t0, t1, rng.uniform(1.5, 3.5), jittered(rng, colour, 6))


def _manifold(ship: Sprite, rng: Rng, s: float, paler: RGB, darker: RGB) -> None:
    """Crossing pipes to both rails with drip trays, and the hose cranes that serve them."""
    half = ship.beam_m / 2
    span = np.clip(ship.length_m * rng.uniform(0.03, 0.07), 3, 18)
    ship.rect(
        s - span / 2, s + span / 2, -half * 0.9, half * 0.9, mixed(paler, darker, rng.random()), rng.uniform(0.3, 0.8)
    )
    for offset in np.linspace(-span / 2, span / 2, int(rng.integers(3, 7))):
        ship.line(s + offset, -half * 0.92, s + offset, half * 0.92, 0.6, [paler, darker][rng.integers(2)], 0.9)
    for side in (-1, 1):
        ship.rect(s - span / 2, s + span / 2, side * half * 0.8, side * half * 0.93, [paler, darker][rng.integers(2)])
    for side in [-1, 1] if rng.random() < 0.6 else [int(rng.choice([-1, 1]))]:
        foot = s + rng.uniform(-1, 1) * span
        reach = np.clip(ship.length_m * rng.uniform(0.05, 0.14), 5, 32) * rng.choice([-1, 1])
        t = side * half * rng.uniform(0.25, 0.55)
        cast = ship.cast * 7.0
        ship.line(foot + cast[0], t + cast[1], foot + reach + cast[0], t + cast[1], 1.2, DARK, 0.6)
        swung = t * rng.choice([0.9, rng.uniform(-0.5, 1.2)])  # stowed along the deck, or on its way to the hoses
        ship.line(foot, t, foot + reach, swung, rng.uniform(1.0, 2.0), mixed(WHITE, (220, 180, 90), rng.random()))
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
            ship.disc(s, 0, radius, mixed(tank, DARK, 0.25))
            lit = -ship.cast / max(np.hypot(*ship.cast), 1e-6) * radius * 0.25
            ship.disc(s + lit[0], lit[1], radius * 0.72, tank)
            ship.blocks.append((CIRCLE * radius + (s, 0), radius * 0.7))
    else:
        ship.block(house_end, fore, -half * 0.7, half * 0.7, min(6.0, half * 0.4), tank)
        for s in np.linspace(house_end, fore, count + 1)[1:-1]:
            ship.line(s, -half * 0.7, s, half * 0.7, 0.8, mixed(tank, DARK, 0.5))
            ship.rect(s - 3, s + 3, -half * 0.15, half * 0.15, mixed(tank, DARK, 0.3))
    ship.line(house_end, 0, fore, 0, 1.4, mixed(tank, DARK, 0.4))
    _manifold(ship, rng, (house_end + fore) / 2, mixed(deck, WHITE, 0.4), mixed(deck, DARK, 0.4))
    deckhouse(ship, rng, -length / 2 + length * 0.03, house_end)
