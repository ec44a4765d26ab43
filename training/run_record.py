"""What a training run was started with, kept as `run.json` beside its weights."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ..configs.training_run import TrainingRun
from ..errors import BerthwatchError
from .chip_cutting import write_atomically

_HASHED = {"dataset_sha256": "dataset.yaml", "manifest_sha256": "manifest.json"}  # files of the chips


def check_unchanged(run: TrainingRun) -> None:
    """Raise BerthwatchError if the chips are not those that the run in `run_dir` was started on.

    A run without a record cannot be checked, and passes.
    """
    path = _path(run)
    if not path.exists():
        return
    try:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        before = {field: recorded[field] for field in _HASHED}
    except (OSError, ValueError, KeyError, TypeError):
        raise BerthwatchError(
            f"{path}: is no record of a training run; move it away, or give another run_dir to train anew"
        ) from None
    changed = [str(run.chips / _HASHED[field]) for field, digest in _hashes(run).items() if digest != before[field]]
    if changed:
        raise BerthwatchError(
            f"{' and '.join(changed)} changed since the run in {run.run_dir} was started; give another run_dir to "
            "train on the new chips, or restore the old ones to go on"
        )


def keep_record(run: TrainingRun) -> None:
    """Write the settings and the hashes of the chips; the file appears whole or not at all."""
    record = {"run": run.model_dump(mode="json"), **_hashes(run)}
    write_atomically(_path(run), json.dumps(record, indent=2))


def has_record(run: TrainingRun) -> bool:
    """Whether `run_dir` holds the record of a run."""
    return _path(run).exists()


def _path(run: TrainingRun) -> Path:
    return run.run_dir / "run.json"


def _hashes(run: TrainingRun) -> dict[str, Any]:
    """SHA-256 of each file that tells of the chips as hex digits, None where there is none."""
    files = {field: run.chips / name for field, name in _HASHED.items()}
    return {field: hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None
            for field, file in files.items()}  # fmt: skip
