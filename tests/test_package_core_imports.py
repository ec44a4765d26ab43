"""The core runs where neither torch nor ultralytics nor OpenCV is installed, and help comes at once."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import berthwatch

ROOT = Path(berthwatch.__file__).parent
TRAINING_ONLY = (
    "torch",
    "torchvision",
    "ultralytics",
    "cv2",
    "albumentations",
    "onnx",
    "onnxslim",
    "safetensors",
    "ray",
)
NEEDS_TORCH = {
    f"berthwatch.models.{name}" for name in ("checkpoint", "cuda_lane", "export", "network", "torch_backend")
}
CORE_FOLDERS = ("configs", "imagery", "models", "inference", "estimation", "reporting")
CORE = sorted(
    {
        "berthwatch." + ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for folder in CORE_FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    - NEEDS_TORCH
    | {"berthwatch.cli", "berthwatch.watch", "berthwatch.demo"}
)

BLOCKER = """
import importlib, importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (blocked by the test)", name=name)

sys.meta_path.insert(0, Absent())
"""


def run_python(code: str, *, blocked: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter in which the blocked packages cannot be imported."""
    program = BLOCKER.format(blocked=blocked) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_core_imports_without_the_training_packages() -> None:
    result = run_python(f"for name in {CORE!r}: importlib.import_module(name)", blocked=TRAINING_ONLY)

    assert result.returncode == 0, result.stderr


def test_the_blocker_blocks() -> None:
    assert "blocked by the test" in run_python("import cv2", blocked=TRAINING_ONLY).stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["watch", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    heavy = ("numpy", "rasterio", "shapely", "geopandas", "pandas", "scipy", "matplotlib", "onnxruntime")

    result = run_python(f"from berthwatch.cli import main; main({arguments!r})", blocked=(*heavy, *TRAINING_ONLY))

    assert result.returncode == 0, result.stderr
    assert result.stdout
