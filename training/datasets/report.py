"""What was read out of a dataset, counted: every object is a ship, left out by name, or a problem."""

from collections import Counter
from dataclasses import dataclass, field

from ...errors import BerthwatchError
from .record import Problem


@dataclass
class ReadReport:
    """Counts of one dataset, filled while it is read.

    images: pictures handed on. objects: labelled objects in them; each is a ship (`kinds`), left out by its class
    name (`left_out`), or one of the `problems`. unmapped: class names that the dataset's YAML does not know.
    unlabelled: pictures that no label file speaks of; they are not handed on. strict: stop at the first problem.
    """

    dataset: str = ""
    strict: bool = False
    images: int = 0
    objects: int = 0
    difficult: int = 0
    upright: int = 0
    unlabelled: int = 0
    object_problems: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    @property
    def ships(self) -> int:
        """Ships handed on."""
        return self.kinds.total()

    def add_problem(self, problem: Problem, *, of_object: bool = False) -> None:
        """List a problem; `of_object` where it costs exactly one object.

        Raises:
            BerthwatchError: the report is strict.
        """
        if self.strict:
            raise BerthwatchError(str(problem))
        self.problems.append(problem)
        if of_object:
            self.objects += 1
            self.object_problems += 1

    def summary(self) -> dict[str, object]:
        """The counts, as JSON can hold them; of the problems only their number."""
        return {
            "dataset": self.dataset,
            "images": self.images,
            "objects": self.objects,
            "ships": self.ships,
            "kinds": dict(sorted(self.kinds.items())),
            "difficult": self.difficult,
            "upright": self.upright,
            "left_out": dict(sorted(self.left_out.items())),
            "unmapped": dict(sorted(self.unmapped.items())),
            "unlabelled_pictures": self.unlabelled,
            "problems": len(self.problems),
        }
