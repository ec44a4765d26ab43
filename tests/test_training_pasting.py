"""`pasted_share`: more training chips, with hulls of other training chips and synthetic ones on their water."""

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")

from chip_set_cases import chip_names, config, fleet, hull, write_labelled  # noqa: E402

from berthwatch.training.chip_set import make_chip_set  # noqa: E402
from berthwatch.training.chips import read_chip  # noqa: E402


def pasted_names(out):
    return {name for name in chip_names(out) if name.endswith("_pasted")}


def test_pasted_chips_come_beside_the_training_chips_alone_and_lie_on_bright_hulls(tmp_path):
    made = make_chip_set(config(fleet(tmp_path / "in"), pasted_share=1.0, synthetic_hulls_share=0.0), tmp_path / "out")

    names = pasted_names(tmp_path / "out")
    assert len(names) >= 5
    assert all(name.startswith("train/") for name in names)
    assert made.manifest["chips_with_pasted_hulls"] == len(names)
    assert made.manifest["chips_without_pixels"] == 0
    new = 0
    for name in sorted(names):
        before, after = (read_chip(tmp_path / "out", "train", name.split("/")[1].removesuffix(tail))
                         for tail in ("_pasted", ""))  # fmt: skip
        assert len(after.labels) > len(before.labels)
        np.testing.assert_allclose(after.labels.corners[: len(before.labels)], before.labels.corners, atol=1e-3)
        untouched = np.ones(after.rgb.shape[:2], np.uint8)
        for corners in after.labels.corners[len(before.labels) :]:
            new += 1
            box = np.zeros(after.rgb.shape[:2], np.uint8)
            cv2.fillConvexPoly(box, np.round(corners - 0.5).astype(np.int32), 1)
            if cv2.contourArea(corners.astype(np.float32)) > 200:
                core = cv2.erode(box, np.ones((3, 3), np.uint8)) > 0
                assert np.median(after.rgb[core]) > 140, "the hulls were white"
            untouched[cv2.dilate(box, np.ones((13, 13), np.uint8)) > 0] = 0
        # Slivers at the border are painted, but too little of a ship for a label.
        assert (after.rgb != before.rgb)[untouched > 0].mean() < 0.005
    assert new >= 8


def test_the_share_is_kept_and_nothing_is_pasted_unasked(tmp_path):
    folder = fleet(tmp_path / "in")
    plain = make_chip_set(config(folder), tmp_path / "plain")
    some = make_chip_set(config(folder, pasted_share=0.5), tmp_path / "some")

    assert not pasted_names(tmp_path / "plain")
    cut = plain.manifest["statistics"]["train"]["chips"]
    assert 1 <= some.manifest["chips_with_pasted_hulls"] <= round(0.5 * cut)
    assert chip_names(tmp_path / "plain") < chip_names(tmp_path / "some")


def test_no_validation_hull_is_pasted(tmp_path):
    """Tankers train and bulk carriers validate: no pasted hull is of a kind that only validation shows."""
    for i in range(5):
        write_labelled(tmp_path / "train", f"t{i}", [(hull(160, 140, 90, 18, 0.3 * i), "tanker")], seed=i)
        write_labelled(tmp_path / "val", f"v{i}", [(hull(160, 140, 90, 18, 0.3 * i), "bulk-carrier")], seed=50 + i)
    sources = [{"dataset": "berthwatch-dota", "root": tmp_path / name, "split": name} for name in ("train", "val")]

    make_chip_set(
        config(tmp_path, sources=sources, pasted_share=1.0, synthetic_hulls_share=0.0), tmp_path / "out"
    )  # fmt: skip

    assert pasted_names(tmp_path / "out")
    classes = [kind for name in pasted_names(tmp_path / "out")
               for kind in read_chip(tmp_path / "out", *name.split("/")).labels.classes]  # fmt: skip
    assert "tanker" in classes
    assert "cargo" not in classes


def test_synthetic_ships_need_no_labels_of_ones_own(tmp_path):
    """A sea without a single ship gets synthetic ones."""
    for i in range(6):
        write_labelled(tmp_path / "in", f"p{i}", [], seed=i)
    write_labelled(tmp_path / "in", "boat", [(hull(200, 200, 12, 4, 0.0), "leisure")], seed=9)

    made = make_chip_set(
        config(tmp_path / "in", pasted_share=1.0, synthetic_hulls_share=1.0, negatives_share=0.9, val_share=0.0),
        tmp_path / "out",
    )

    assert made.manifest["chips_with_pasted_hulls"] >= 3
    assert {"tanker", "bulk-carrier", "container"} & made.manifest["statistics"]["train"]["kinds"].keys()


def test_a_second_run_makes_nothing_anew_and_any_number_of_processes_the_same(tmp_path):
    settings = config(fleet(tmp_path / "in"), pasted_share=0.6)
    first = make_chip_set(settings, tmp_path / "one")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "one/images").rglob("*.png")}

    again = make_chip_set(settings, tmp_path / "one")
    parallel = make_chip_set(settings, tmp_path / "two", workers=2)

    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "one/images").rglob("*.png")} == times
    assert first.manifest["chips_sha256"] == again.manifest["chips_sha256"] == parallel.manifest["chips_sha256"]
    without = make_chip_set(settings.model_copy(update={"pasted_share": 0.0}), tmp_path / "one")
    assert not pasted_names(tmp_path / "one")
    assert without.manifest["chips_with_pasted_hulls"] == 0
