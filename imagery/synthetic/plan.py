"""A harbour in the making."""

from dataclasses import dataclass, field

from .harbour import Feature, HarbourLayout, Mooring


@dataclass
class Plan:
    """A layout in the making: ground first, things standing on it after."""

    ground: list[Feature] = field(default_factory=list)
    standing: list[Feature] = field(default_factory=list)
    moorings: list[Mooring] = field(default_factory=list)

    def add(self, other: "Plan") -> None:
        """Append another plan's features and berths."""
        self.ground += other.ground
        self.standing += other.standing
        self.moorings += other.moorings

    def layout(self, seed: int) -> HarbourLayout:
        """The finished harbour."""
        return HarbourLayout((*self.ground, *self.standing), tuple(self.moorings), seed)
