"""The reader of every format."""

from collections.abc import Callable, Iterator

from ...configs.dataset import DatasetFormat
from .airbus import read_airbus
from .coco import read_coco
from .dior import read_dior
from .dota import read_dota
from .fair1m import read_fair1m
from .hrsc2016 import read_hrsc2016
from .layout import Dataset
from .record import LabelRecord, Problem
from .scenes import read_scenes
from .shiprsimagenet import read_shiprsimagenet
from .voc import read_voc
from .xview import read_xview
from .yolo import read_yolo, read_yolo_obb

Reader = Callable[[Dataset], Iterator[LabelRecord | Problem]]

READERS: dict[DatasetFormat, Reader] = {
    "airbus": read_airbus,
    "coco": read_coco,
    "dior": read_dior,
    "dota": read_dota,
    "fair1m": read_fair1m,
    "hrsc2016": read_hrsc2016,
    "scenes": read_scenes,
    "shiprsimagenet": read_shiprsimagenet,
    "voc": read_voc,
    "xview": read_xview,
    "yolo": read_yolo,
    "yolo-obb": read_yolo_obb,
}
