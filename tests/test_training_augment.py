"""Augmentation: what weather and sensors do to pixels, and labels that follow the pixels through all of training."""

import math
import random

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="training needs OpenCV, which comes with the 'train' extra")
A = pytest.importorskip("albumentations", reason="training needs albumentations: install the 'train' extra")

from berthwatch.training.augment import Haze, Jpeg2000, Stretch, SunGlint, ThinCloud, pixel_augmentations  # noqa: E402

OURS = [SunGlint, Haze, ThinCloud, Stretch, Jpeg2000]
NO_DATA = np.s_[:, :10]
HULL = np.s_[60:68, 50:100]


@pytest.fixture
def picture():
    """Dark water with a bright hull, land with streets on the right, no data on the left: (128, 160, 3)."""
    rng = np.random.default_rng(4)
    rgb = rng.normal(50, 3, (128, 160, 3)).clip(1, 255)
    rgb[:, 120:] = rng.uniform(90, 200, (128, 40, 1))
    rgb[HULL] = 230
    rgb[NO_DATA] = 0
    return rgb.astype(np.uint8)


def seen_through(kind, picture, seed=0):
    return A.Compose([kind(p=1.0)], seed=seed)(image=picture)["image"]


@pytest.mark.parametrize("kind", OURS)
def test_pixels_without_data_stay_so_and_the_seed_alone_decides(picture, kind):
    first, again, other = (seen_through(kind, picture, seed) for seed in (1, 1, 2))

    assert first.shape == picture.shape
    assert first.dtype == np.uint8
    assert not first[NO_DATA].any()
    assert (first[:, 10:].max(axis=2) > 0).all()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != picture).any()


@pytest.mark.parametrize("seed", range(5))
def test_haze_takes_contrast_and_a_hull_can_still_be_seen(picture, seed):
    hazy = seen_through(Haze, picture, seed).astype(float)

    def contrast(rgb):
        return rgb[HULL].mean() - rgb[80:, 20:110].mean()

    assert 0.4 * contrast(picture.astype(float)) < contrast(hazy) < 0.97 * contrast(picture.astype(float))


@pytest.mark.parametrize("seed", range(5))
def test_cloud_is_patchy_and_thin(picture, seed):
    change = seen_through(ThinCloud, picture, seed)[80:, 12:118].astype(float) - picture[80:, 12:118]
    assert change.min() >= -1
    assert np.percentile(change, 5) < 0.6 * change.max()
    assert change.max() <= 0.5 * 255 + 5


@pytest.mark.parametrize("seed", range(5))
def test_glint_only_brightens_and_only_what_is_dark(picture, seed):
    change = seen_through(SunGlint, picture, seed).astype(int) - picture
    assert change.min() >= 0
    assert change[:, 12:118].max() >= 5
    assert change[HULL].max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_stretch_keeps_the_order_of_greys_and_spreads_them(picture, seed):
    stretched = seen_through(Stretch, picture, seed)
    order = np.argsort(picture[:, 10:].ravel(), kind="stable")
    assert (np.diff(stretched[:, 10:].ravel()[order].astype(int)) >= 0).all()
    assert stretched[:, 10:].max() >= 250


def test_a_plain_sea_is_not_spread_over_all_greys():
    sea = np.random.default_rng(0).normal(60, 2, (96, 96, 3)).astype(np.uint8)
    assert seen_through(Stretch, sea).std() < 3 * sea.std()


def test_jpeg2000_keeps_the_hull_and_smooths_the_waves(picture):
    pressed = seen_through(Jpeg2000, picture).astype(float)
    assert abs(pressed[HULL].mean() - 230) < 8
    assert pressed[80:, 20:110].std() < 0.8 * picture[80:, 20:110].std()


def test_every_named_effect_is_there_and_none_moves_a_box():
    kinds = [type(transform) for transform in pixel_augmentations()]
    assert {*OURS, A.GaussianBlur, A.Downscale, A.GaussNoise, A.ImageCompression, A.RandomBrightnessContrast} <= {
        *kinds
    }
    assert all(issubclass(kind, A.ImageOnlyTransform) for kind in kinds)


def test_they_come_back_from_the_form_in_which_ultralytics_keeps_them(picture):
    kept = [A.to_dict(transform) for transform in pixel_augmentations()]
    again = [A.from_dict(transform) for transform in kept]
    assert [type(a) for a in again] == [type(a) for a in pixel_augmentations()]
    one, other = (A.Compose(given, seed=5)(image=picture)["image"] for given in (pixel_augmentations(), again))
    np.testing.assert_array_equal(one, other)


def rectangle(cx, cy, length, beam, angle):
    cos, sin = math.cos(angle), math.sin(angle)
    box = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [length / 2, beam / 2]
    return box @ np.array([[cos, sin], [-sin, cos]]) + [cx, cy]


def painted(corners):
    """A bright hull on water, (320, 320, 3), its edges as exact as pixels can show them."""
    fine = np.full((2560, 2560, 3), 40, np.uint8)
    cv2.fillPoly(fine, [np.round(corners * 8 - 0.5).astype(np.int32)], (250, 240, 245))
    return cv2.resize(fine, (320, 320), interpolation=cv2.INTER_AREA)


def test_corners_follow_the_painted_hull_through_the_whole_of_training(tmp_path, monkeypatch):
    """Chips on disk -> Ultralytics' reader, turns, mirrors, shifts, zooms, our pixel augmentations -> batch tensors."""
    torch = pytest.importorskip("torch", reason="training needs torch: install the 'train' extra")
    pytest.importorskip("ultralytics", reason="training needs ultralytics: install the 'train' extra")
    from berthwatch.configs.training_run import TrainingRun
    from berthwatch.training.chips import write_chips, write_dataset_file
    from berthwatch.training.crops import Chip
    from berthwatch.training.labels import ShipLabels
    from berthwatch.training.train import ShipTrainer, ultralytics_arguments

    random.seed(7)
    torch.manual_seed(7)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    rng = np.random.default_rng(11)
    for i in range(24):
        corners = rectangle(*rng.uniform(110, 210, 2), rng.uniform(60, 110), rng.uniform(14, 24), rng.uniform(0, np.pi))
        chip = Chip(painted(corners), ShipLabels(corners[None], ("tanker",), np.zeros(1, bool)))
        for split in ("train", "val"):
            write_chips(tmp_path / "chips", split, [(f"{i:02d}", chip)])
    write_dataset_file(tmp_path / "chips")
    run = TrainingRun(chips=tmp_path / "chips", start="yolo26n-obb.yaml", run_dir=tmp_path / "run", cache="no")
    trainer = ShipTrainer(overrides=ultralytics_arguments(run, resume_from=None))
    trainer.setup_model()
    batches = trainer.build_dataset(trainer.data["train"], batch=1)

    gaps, turned = [], []
    for sample in (batches[i % 24] for i in range(72)):
        if not len(sample["bboxes"]):
            continue
        cx, cy, w, h, angle = sample["bboxes"][0].tolist()
        label = rectangle(cx * 320, cy * 320, w * 320, h * 320, angle)
        if label.min() < 4 or label.max() > 316:
            continue
        seen = hull_around(sample["img"].numpy().transpose(1, 2, 0), label)
        gap = min(np.linalg.norm(label - np.roll(seen, turn, axis=0), axis=1).max() for turn in range(4))
        gaps.append(gap)
        turned.append(angle)
    assert len(gaps) >= 36
    assert np.median(gaps) < 0.3
    assert np.quantile(gaps, 0.85) < 1.0  # a cloud's edge, a coarse stretch or heavy compression spoils the measuring
    assert np.std(turned) > 0.3


def hull_around(rgb, label):
    """Corners (4, 2) of the bright hull near a box: the rectangle of the same centre, spread and direction."""
    grey = rgb.astype(np.float32).mean(axis=2)
    box = np.zeros(grey.shape, np.uint8)
    cv2.fillConvexPoly(box, np.round(label).astype(np.int32), 1)
    near, core = cv2.dilate(box, np.ones((13, 13), np.uint8)) > 0, cv2.erode(box, np.ones((5, 5), np.uint8)) > 0
    water, hull = np.median(grey[near & (box == 0)]), np.median(grey[core])
    weight = np.clip((grey - water) / (hull - water), 0, 1) * near
    weight[weight < 0.35] = 0  # noise, wisps of cloud
    rows, cols = np.mgrid[: grey.shape[0], : grey.shape[1]] + 0.5
    centre = np.array([(weight * cols).sum(), (weight * rows).sum()]) / weight.sum()
    offset = np.stack([cols - centre[0], rows - centre[1]]).reshape(2, -1)
    spread, axes = np.linalg.eigh(offset * weight.ravel() @ offset.T / weight.sum())
    beam, length = np.sqrt(12 * spread)
    return rectangle(*centre, length, beam, math.atan2(axes[1, 1], axes[0, 1]))
