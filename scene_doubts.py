"""What speaks against the scenes that an estimate rests on, as warnings for its report."""

from collections.abc import Iterable, Sequence

import shapely

from .configs.port import Port
from .errors import BerthwatchError
from .inference.store import SceneRecord

MOST_SCENES_NAMED = 5


def doubts_of_scenes(port: Port, records: Sequence[SceneRecord]) -> list[str]:
    """All that the scenes themselves give cause to doubt, the gravest first.

    Raises:
        BerthwatchError: none of them shows the port, so that the estimate would rest on assumptions alone.
    """
    return [
        *synthetic_scenes(records),
        *missing_the_port(port, records),
        *same_pictures(records),
        *doubtful_times(records),
    ]


def synthetic_scenes(records: Iterable[SceneRecord]) -> list[str]:
    """A warning that names the scenes whose files say that they are drawn, if any."""
    drawn = [record.scene_id for record in records if record.synthetic]
    if not drawn:
        return []
    if len(drawn) == 1:
        return [f"One scene is synthetic, not taken by a satellite ({drawn[0]}): what it shows is invented."]
    return [
        f"{len(drawn)} scenes are synthetic, not taken by a satellite ({_named(drawn)}): what they show is invented."
    ]


def missing_the_port(port: Port, records: Sequence[SceneRecord]) -> list[str]:
    """A warning that names the scenes which show nothing of the port's area, if any.

    Raises:
        BerthwatchError: all of them, so that the estimate would rest on assumptions alone.
    """
    area = shapely.box(*port.aoi)
    missing = [record.scene_id for record in records if not record.footprint.intersects(area)]
    if not missing:
        return []
    if len(missing) == len(records):
        raise BerthwatchError(
            f"{_named(missing)}: no scene shows any of {port.name} (longitude and latitude "
            f"{', '.join(map(str, port.aoi))}), so there is nothing to estimate from; check the port and the scenes"
        )
    if len(missing) == 1:
        return [f"Scene {missing[0]} shows nothing of {port.name}; it tells nothing here."]
    return [f"{len(missing)} scenes show nothing of {port.name}; they tell nothing here: {_named(missing)}."]


def same_pictures(records: Iterable[SceneRecord]) -> list[str]:
    """A warning that names the scenes which are one picture under several names, if any: each may count as a look."""
    by_files: dict[tuple[str, ...], list[str]] = {}
    for record in records:
        if record.picture_files:
            by_files.setdefault(tuple(sorted(file.sha256 for file in record.picture_files)), []).append(record.scene_id)
    same = [" and ".join(ids[:MOST_SCENES_NAMED]) for ids in by_files.values() if len(ids) > 1]
    if not same:
        return []
    what = f"Scenes {same[0]} are" if len(same) == 1 else f"{len(same)} groups of scenes ({_named(same)}) are each"
    return [
        f"{what} the same picture (equal SHA-256), which counts as several looks where its times differ; keep one, "
        "remove the others and their files in the store's folder scenes."
    ]


def doubtful_times(records: Iterable[SceneRecord]) -> list[str]:
    """A warning for each doubt about the times of scenes: a berth's history is no better than they are."""
    scenes: dict[str, list[str]] = {}
    for record in records:
        if record.time_doubt:
            scenes.setdefault(record.time_doubt, []).append(record.scene_id)
    found = []
    for doubt, ids in scenes.items():
        times = "The time of one scene is" if len(ids) == 1 else f"The times of {len(ids)} scenes are"
        found.append(f"{times} in doubt ({_named(ids)}): {doubt}. What told each stands under Provenance.")
    return found


def _named(names: Sequence[str]) -> str:
    """The first few: a store may hold thousands."""
    return ", ".join(names[:MOST_SCENES_NAMED]) + (" and others" if len(names) > MOST_SCENES_NAMED else "")
