"""What the tests of dataset readers share: a small dataset on disk, read whole."""

from pathlib import Path

import numpy as np
import rasterio

from berthwatch.configs.dataset import DatasetConfig
from berthwatch.training.datasets.layout import open_dataset
from berthwatch.training.datasets.read import LabelledImage, read_dataset
from berthwatch.training.datasets.report import ReadReport


def write_picture(path: Path, *, width: int = 120, height: int = 80) -> Path:
    """A grey picture in the format of its suffix, without georeference."""
    path.parent.mkdir(parents=True, exist_ok=True)
    driver = {".png": "PNG", ".jpg": "JPEG", ".bmp": "BMP", ".tif": "GTiff"}[path.suffix]
    pixels = np.full((3, height, width), 60, np.uint8)
    with rasterio.open(path, "w", driver=driver, width=width, height=height, count=3, dtype="uint8") as file:
        file.write(pixels)
    return path


def write_text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def description(format_name: str, **fields: object) -> DatasetConfig:
    """A dataset's description with the least that it needs."""
    required = {"name": "small", "licence": "CC0", "source": "a test", "classes": {"ship": "ship"}}
    return DatasetConfig.model_validate({**required, "format": format_name, **fields})


def read_whole(
    config: DatasetConfig | str, root: Path, *, strict: bool = False
) -> tuple[list[LabelledImage], ReadReport]:
    """All pictures of a dataset and the report; every object is accounted for, whatever the test is about."""
    report = ReadReport(strict=strict)
    images = list(read_dataset(open_dataset(config, root), report))
    assert report.objects == report.ships + report.left_out.total() + report.object_problems
    assert report.ships == sum(len(image.labels) for image in images)
    assert report.images == len(images)
    return images, report


def sides(image: LabelledImage) -> np.ndarray:
    """Long and short side of every ship, rounded to a thousandth of a pixel."""
    return np.round(image.labels.sides, 3)
