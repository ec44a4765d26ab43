"""Display colours read off real scenes at 0.7, 3 and 10 m, and how they vary."""

from collections.abc import Sequence

import numpy as np

from .canvas import RGB

Rng = np.random.Generator
WeightedColours = Sequence[tuple[RGB, float]]

WHITE: RGB = (232, 230, 222)
PALE: RGB = (226, 222, 212)
DARK: RGB = (40, 42, 44)

# Ships: (colour, how often it occurs).
TANKER_DECKS: WeightedColours = (
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
)
CARGO_DECKS: WeightedColours = (
    ((160, 74, 56), 0.34),
    ((190, 100, 70), 0.14),
    ((118, 62, 52), 0.14),
    ((96, 130, 108), 0.10),
    ((130, 130, 126), 0.16),
    ((86, 90, 94), 0.12),
)
HATCHES: WeightedColours = (
    ((176, 176, 166), 0.26),
    ((206, 200, 184), 0.20),
    ((160, 84, 66), 0.24),
    ((188, 150, 96), 0.08),
    ((96, 128, 110), 0.08),
    ((104, 110, 118), 0.14),
)
SIDES: WeightedColours = (
    ((46, 46, 50), 0.36),
    ((120, 46, 40), 0.18),
    ((40, 62, 92), 0.14),
    ((96, 98, 98), 0.14),
    ((52, 84, 70), 0.08),
    ((196, 192, 184), 0.10),
)
BOXES: tuple[RGB, ...] = (
    (168, 72, 58), (150, 60, 52), (60, 88, 132), (76, 112, 150), (196, 190, 178), (212, 208, 200),
    (74, 118, 92), (190, 120, 62), (120, 62, 54), (104, 106, 110), (186, 168, 120), (132, 140, 148),
)  # fmt: skip

# Ground.
CONCRETE: tuple[RGB, ...] = (
    (186, 176, 158), (168, 162, 150), (150, 146, 138), (204, 192, 170), (132, 128, 120), (176, 158, 136),
)  # fmt: skip
ROOFS: tuple[RGB, ...] = (
    (244, 242, 236), (214, 212, 206), (190, 190, 188), (150, 154, 158), (120, 122, 126), (172, 92, 72),
    (140, 84, 70), (104, 128, 150), (92, 112, 104), (200, 186, 160), (84, 82, 82), (232, 232, 232),
)  # fmt: skip


def mixed(colour: RGB, other: RGB, part: float) -> RGB:
    """`colour` with `part` (0..1) of `other` in it."""
    (r, g, b), (r1, g1, b1) = colour, other
    return r + (r1 - r) * part, g + (g1 - g) * part, b + (b1 - b) * part


def jittered(rng: Rng, colour: RGB, amount: float = 12.0) -> RGB:
    """The colour, a little lighter or darker and of slightly different hue; `amount` is the sd in display levels."""
    shared, *own = (rng.standard_normal(4) * (amount, amount / 3, amount / 3, amount / 3)).tolist()
    r, g, b = (min(max(c + shared + d, 0.0), 255.0) for c, d in zip(colour, own, strict=True))
    return r, g, b


def one_of(rng: Rng, colours: Sequence[RGB], amount: float = 12.0) -> RGB:
    """One of the colours, jittered."""
    return jittered(rng, colours[int(rng.integers(len(colours)))], amount)


def pick(rng: Rng, colours: WeightedColours, amount: float = 14.0) -> RGB:
    """One of the weighted colours, jittered."""
    weights = np.array([weight for _, weight in colours])
    return jittered(rng, colours[rng.choice(len(colours), p=weights / weights.sum())][0], amount)
