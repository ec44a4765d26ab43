"""xView: one GeoJSON for all pictures; pixel boxes in `bounds_imcoords`, class numbers in `type_id`."""

from collections import defaultdict
from collections.abc import Iterator

import pyogrio
from pyogrio.errors import DataSourceError, FeatureError

from ...errors import BerthwatchError
from .layout import Dataset
from .record import LabelError, LabelledObject, LabelRecord, Problem, number, upright_corners

_FIELDS = ["image_id", "type_id", "bounds_imcoords"]


def read_xview(dataset: Dataset) -> Iterator[LabelRecord | Problem]:
    """A record a picture that has labels; the class name is the number in `type_id`.

    The file has some 600,000 features, so GDAL streams it and their geometry is left unread.

    Raises:
        BerthwatchError: the file lacks one of the three attributes.
    """
    path = dataset.labels
    try:
        table = pyogrio.read_dataframe(path, columns=_FIELDS, read_geometry=False)
    except (DataSourceError, FeatureError) as error:
        yield Problem(path, "", f"cannot be read as GeoJSON ({error})")
        return
    if missing := [field for field in _FIELDS if field not in table]:
        raise BerthwatchError(f"{path}: features have no {missing[0]!r}; is this xView_train.geojson?")
    of_image: dict[str, list[LabelledObject | Problem]] = defaultdict(list)
    columns = (table[field].astype(object).where(table[field].notna(), None) for field in _FIELDS)
    for index, (image_id, type_id, bounds) in enumerate(zip(*columns, strict=True)):
        where = f"features[{index}]"
        if image_id is None:
            yield Problem(path, where, "has no image_id")
            continue
        try:
            found = _read_feature(type_id, bounds, where)
        except LabelError as fault:
            found = Problem(path, where, str(fault))
        of_image[str(image_id)].append(found)
    for image_id, objects in of_image.items():
        yield LabelRecord(image_id, path, lambda _, objects=objects: iter(objects))


def _read_feature(type_id: object, bounds: object, where: str) -> LabelledObject:
    class_number = int(number(type_id, "type_id"))
    parts = str(bounds or "").split(",")
    if len(parts) != 4:
        raise LabelError(f"bounds_imcoords is {bounds!r}; expected xmin,ymin,xmax,ymax")
    corners = upright_corners(*(number(part, "bounds_imcoords") for part in parts))
    return LabelledObject(str(class_number), corners, where, upright=True)
