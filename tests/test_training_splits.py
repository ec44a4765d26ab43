"""Splits without leaks: what shows the same ship or place stays on one side."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training_dataset_cases import write_picture, write_text

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")

from berthwatch.errors import BerthwatchError  # noqa: E402
from berthwatch.imagery.scene import open_scene  # noqa: E402
from berthwatch.training.datasets.picture import open_picture  # noqa: E402
from berthwatch.training.near_duplicates import near_duplicates, read_thumbnail  # noqa: E402
from berthwatch.training.splits import choose_splits, groups_of, listed_groups, same_ground  # noqa: E402


def picture(seed: int, size: tuple[int, int] = (300, 400)) -> np.ndarray:
    """A coast of its own: blotches of several sizes, grey uint8."""
    rng = np.random.default_rng(seed)
    waves = [cv2.resize(rng.normal(size=(n, n)), size[::-1], interpolation=cv2.INTER_CUBIC) for n in (4, 8, 16)]
    return cv2.normalize(sum(waves), None, 20, 230, cv2.NORM_MINMAX).astype(np.uint8)


def thumbnail_of(tmp_path, name: str, grey: np.ndarray) -> np.ndarray:
    cv2.imwrite(str(tmp_path / name), grey)
    return read_thumbnail(open_picture(tmp_path / name))


def copies(grey: np.ndarray) -> dict[str, np.ndarray]:
    noise = np.random.default_rng(9).normal(0, 8, grey.shape)
    return {
        "half.png": cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        "dark.png": (grey * 0.5).astype(np.uint8),
        "noisy.png": np.clip(grey + noise, 0, 255).astype(np.uint8),
        "again.jpg": grey,
        "turned.png": np.rot90(grey),
        "mirrored.png": grey[:, ::-1],
        "upside.png": grey[::-1],
        "both.png": np.rot90(grey)[:, ::-1],
    }


def test_altered_copies_are_found_and_other_pictures_are_not(tmp_path):
    original, others = picture(0), [picture(seed) for seed in range(1, 13)]
    named = {"original.png": original, **copies(original)}
    named |= {f"other{i}.png": grey for i, grey in enumerate(others)}

    thumbnails = np.stack([thumbnail_of(tmp_path, name, grey) for name, grey in named.items()])
    pairs = set(near_duplicates(thumbnails))

    same = len(copies(original)) + 1
    assert {(0, j) for j in range(1, same)} <= pairs
    assert all(j < same for _, j in pairs)


def test_pictures_that_show_nothing_are_like_no_other(tmp_path):
    flat = np.full((300, 400), 60, np.uint8)
    thumbnails = np.stack([thumbnail_of(tmp_path, f"{i}.png", flat) for i in range(3)])

    assert list(near_duplicates(thumbnails)) == []
    assert list(near_duplicates(np.zeros((0, 32, 32), np.uint8))) == []


def test_scenes_that_overlap_on_the_ground_are_one_place(tmp_path, write_raster):
    pixels = np.full((3, 100, 100), 70, np.uint8)
    write = [
        write_raster(pixels, name="a.tif", lonlat=(133.05, 42.74)),
        write_raster(pixels, name="b.tif", lonlat=(133.053, 42.74), crs="EPSG:3857"),
        write_raster(pixels, name="far.tif", lonlat=(134.0, 42.74)),
    ]
    scenes = [open_scene(path) for path in write]
    scenes.insert(1, open_picture(write_picture(tmp_path / "crop.png")))

    assert same_ground(scenes) == [(0, 2)]


def test_chains_of_pairs_make_one_group():
    groups = groups_of(6, [(0, 1), (1, 2), (4, 5)])

    assert groups[0] == groups[1] == groups[2]
    assert groups[4] == groups[5]
    assert len(set(groups.tolist())) == 3
    assert groups_of(3, []).tolist() == [0, 1, 2]


def test_listed_groups_name_pictures_by_path_or_by_unique_name(tmp_path):
    names = ["sea/boat1", "sea/boat2", "port/boat1", "port/quay"]
    path = write_text(tmp_path / "groups.csv", "picture,group\n# one ship\nsea/boat1,a\nboat2,a\n\nquay,b\nboat2,b\n")

    groups = groups_of(4, listed_groups(path, names))

    assert groups[0] == groups[1] == groups[3] != groups[2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("boat1,a", "'boat1': 2 pictures are called so"),
        ("boat9,a", "'boat9': no such picture"),
        ("boat2", "expected picture,group"),
        ("boat2,", "expected picture,group"),
    ],
)
def test_a_wrong_line_of_the_groups_file_is_named(tmp_path, line, reason):
    path = write_text(tmp_path / "groups.csv", f"picture,group\n{line}\n")

    with pytest.raises(BerthwatchError, match=rf"groups\.csv, line 2: .*{reason}"):
        listed_groups(path, ["sea/boat1", "sea/boat2", "port/boat1"])


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=10, max_size=40),
    val_share=st.floats(0.05, 0.5),
    seed=st.integers(0, 99),
)
def test_groups_stay_whole_and_validation_gets_about_its_share(sizes, val_share, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    names = [f"set/{i}" for i in range(len(groups))]

    splits = choose_splits(names, groups, [1.0] * len(groups), ["auto"] * len(groups), val_share=val_share, seed=seed)

    for group in range(len(sizes)):
        assert len({split for split, own in zip(splits, groups, strict=True) if own == group}) == 1
    # Within half the largest group.
    assert abs(splits.count("val") - val_share * len(groups)) <= 2.5


def test_the_split_is_the_seeds_and_the_names_alone():
    names, groups = [f"set/{i}" for i in range(60)], np.arange(60)
    backwards = list(range(59, -1, -1))

    def draw(order: list[int], seed: int) -> dict[str, str]:
        own = [names[i] for i in order]
        splits = choose_splits(own, groups, [1.0] * 60, ["auto"] * 60, val_share=0.2, seed=seed)
        return dict(zip(own, splits, strict=True))

    assert draw(list(range(60)), 1) == draw(backwards, 1)
    assert draw(list(range(60)), 1) != draw(list(range(60)), 2)


def test_a_wanted_split_takes_its_group_along_and_validation_wins():
    names = ["a/1", "b/1", "a/2", "b/2", "c/1"]
    wanted = ["val", "train", "train", "train", "auto"]

    splits = choose_splits(names, np.array([0, 0, 1, 1, 1]), [1.0] * 5, wanted, val_share=0.1, seed=0)

    assert splits == ["val", "val", "train", "train", "train"]


@given(st.lists(st.floats(1, 50), min_size=2, max_size=5), st.floats(0.01, 0.3), st.integers(0, 9))
def test_the_share_that_is_advised_for_few_groups_validates_on_one_of_them(weights, val_share, seed):
    names, groups, wanted = [f"a/{i}" for i in range(len(weights))], np.arange(len(weights)), ["auto"] * len(weights)

    def split(share: float) -> list[str]:
        return choose_splits(names, groups, weights, wanted, val_share=share, seed=seed)

    try:
        splits = split(val_share)
    except BerthwatchError as error:
        told = re.search(r"holds (\d+)% of the chips.*set val_share to ([\d.]+) to", str(error))
        assert told
        assert float(told[1]) == pytest.approx(100 * min(weights) / sum(weights), abs=0.51)
        splits = split(float(told[2]))
    assert "val" in splits
    assert "train" in splits


def test_one_place_alone_cannot_be_split():
    names, groups = ["a/1", "a/2"], np.array([0, 0])

    with pytest.raises(BerthwatchError, match=r"val_share 0\.2: all pictures show one ship or place.*another place"):
        choose_splits(names, groups, [3.0, 4.0], ["auto", "auto"], val_share=0.2, seed=0)
    with pytest.raises(BerthwatchError, match="'split: train', or like theirs; give a source 'split: val'"):
        choose_splits(names, groups, [3.0, 4.0], ["train", "auto"], val_share=0.2, seed=0)
    assert choose_splits(names, groups, [3.0, 4.0], ["auto", "auto"], val_share=0.0, seed=0) == ["train", "train"]
    assert choose_splits(names, groups, [3.0, 4.0], ["auto", "val"], val_share=0.2, seed=0) == ["val", "val"]
