"""Which pictures train and which validate: whatever shows the same ship or place stays on one side."""

import csv
import hashlib
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import BerthwatchError
from ..imagery.scene import Scene
from .datasets.picture import is_georeferenced

Split = Literal["train", "val"]
WantedSplit = Literal["auto", "train", "val"]


def groups_of(count: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """A group number for each of `count` pictures, (count,): those that a chain of pairs connects share one."""
    links = np.array(list(pairs), np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def same_ground(scenes: Sequence[Scene]) -> list[tuple[int, int]]:
    """Pairs of georeferenced scenes whose footprints touch; pictures without a place are in none."""
    placed = [index for index, scene in enumerate(scenes) if is_georeferenced(scene)]
    if not placed:
        return []
    footprints = np.array([scenes[index].footprint() for index in placed])
    first, second = shapely.STRtree(footprints).query(footprints, predicate="intersects")
    return [(placed[i], placed[j]) for i, j in zip(first, second, strict=True) if i < j]


def listed_groups(path: Path, names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of pictures that a CSV of `picture,group` lines puts together.

    A picture is named as `dataset/path` without suffix, or by the last part of that where it is unique. A picture may
    be in several groups; blank lines and lines that begin with # are passed over.

    Raises:
        BerthwatchError: the file cannot be read, a line is not of this form, or it names no picture, or several.
    """
    by_name: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        for key in {name, name.rsplit("/", 1)[-1]}:
            by_name.setdefault(key, []).append(index)
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BerthwatchError(f"groups file {path} cannot be read ({error})") from error
    first_of_group: dict[str, int] = {}
    pairs = []
    for line, row in enumerate(rows, start=1):
        fields = [field.strip() for field in row]
        if not any(fields) or fields[0].startswith("#") or (line == 1 and fields == ["picture", "group"]):
            continue
        if len(fields) != 2 or not all(fields):
            raise BerthwatchError(f"{path}, line {line}: expected picture,group, got {','.join(row)!r}")
        found = by_name.get(fields[0], [])
        if len(found) != 1:
            reason = f"{len(found)} pictures are called so; name dataset and path" if found else "no such picture"
            raise BerthwatchError(f"{path}, line {line}: {fields[0]!r}: {reason}")
        pairs.append((first_of_group.setdefault(fields[1], found[0]), found[0]))
    return pairs


def choose_splits(
    names: Sequence[str],
    groups: NDArray[np.int64],
    weights: Sequence[float],
    wanted: Sequence[WantedSplit],
    *,
    val_share: float,
    seed: int,
) -> list[Split]:
    """A split for each picture, whole groups together.

    weights: chips of each picture. wanted: a group with a "val" picture is for validation (a leak is worse than a
    lost training picture), else one with a "train" picture is for training; the others are drawn, in an order that
    the seed and the names alone decide, until validation has its share of the chips.

    Raises:
        BerthwatchError: validation is to have a share, and no group is small enough to be drawn for it.
    """
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(index)
    weight_of = {group: sum(weights[i] for i in indices) for group, indices in members.items()}
    told = {group: {wanted[i] for i in indices} - {"auto"} for group, indices in members.items()}
    val = {group for group, splits in told.items() if "val" in splits}
    free = [group for group, splits in told.items() if not splits and weight_of[group]]
    free.sort(key=lambda group: _draw(seed, min(names[i] for i in members[group])))
    missing = val_share * sum(weight_of.values()) - sum(weight_of[group] for group in val)
    short_of_one = missing > 0 and not val
    for group in free:
        # Half over the share is as near to it as half under.
        if weight_of[group] <= 2 * missing:
            val.add(group)
            missing -= weight_of[group]
    if short_of_one and not val:
        why = _why_none_validates([weight_of[group] for group in free], sum(weight_of.values()))
        raise BerthwatchError(f"val_share {val_share:g}: {why}")
    return ["val" if group in val else "train" for group in groups.tolist()]


def _why_none_validates(free: Sequence[float], total: float) -> str:
    """Why no group could be drawn for validation, and what to do; free: chips of those that might have been."""
    if not free:
        return "all pictures are of sources with 'split: train', or like theirs; give a source 'split: val' or 'auto'"
    if min(free) >= total:
        return (
            "all pictures show one ship or place, so none can validate what is learnt from the others; add pictures of "
            "another place, or a source with 'split: val'"
        )
    share = min(free) / total
    return (
        f"the smallest group of pictures of one ship or place holds {share:.0%} of the chips, more than twice as many; "
        f"set val_share to {math.ceil(50 * share) / 100:g} to validate on it, or add pictures, or a source with "
        "'split: val'"
    )


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
