"""What training needs round it: its packages, and an Ultralytics that keeps to itself. Imports neither."""

import os
from importlib.util import find_spec
from pathlib import Path

from ..errors import BerthwatchError

_PACKAGES = ("torch", "ultralytics", "albumentations", "onnx", "safetensors")


def require_training_packages() -> None:
    """Raise BerthwatchError unless what the extra `train` brings is installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise BerthwatchError(f"{', '.join(missing)} not installed; install berthwatch with its extra train")


def keep_ultralytics_to_itself(folder: Path, *, quiet: bool = False) -> None:
    """Have Ultralytics keep its settings in `folder`, install nothing and call nobody; `quiet`: tell errors alone.

    It reads these variables when it is imported: to be called before.
    """
    home = folder.resolve() / "ultralytics"
    home.mkdir(parents=True, exist_ok=True)
    os.environ.update(YOLO_CONFIG_DIR=str(home), YOLO_AUTOINSTALL="false", YOLO_OFFLINE="true")
    if quiet:
        os.environ["YOLO_VERBOSE"] = "false"
