"""Tiles to try a runtime on: few, of a picture that shows something, and none where the search is over sooner."""

from pathlib import Path

import numpy as np
import pytest
from inference_scenes import metadata, north_up, write

from berthwatch.inference.sample import LEAST_TILES, SAMPLE_TILES, sample_tiles

UTM = "EPSG:32653"
CARD = metadata()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A scene of 16 tiles, each of them bright somewhere."""
    pixels = np.random.default_rng(0).integers(50, 90, (3, 700, 700)).astype(np.uint8)
    return write(tmp_path / "a.tif", pixels, crs=UTM, transform=north_up(UTM, 133.05, 42.74, (3.0, 3.0)))


def test_a_search_of_few_tiles_is_not_worth_a_trial(picture: Path) -> None:
    assert len(sample_tiles([picture] * (LEAST_TILES // 16), CARD)) == 0


def test_of_a_long_search_six_tiles_are_tried_of_the_first_scene_that_can_be_read(picture: Path) -> None:
    tiles = sample_tiles([picture.with_name("missing.tif"), *[picture] * (LEAST_TILES // 16)], CARD)

    assert 0 < len(tiles) <= SAMPLE_TILES
    assert tiles.shape[1:] == (CARD.tile_px, CARD.tile_px, 3)
    assert all(tile.max() >= 50 for tile in tiles)
