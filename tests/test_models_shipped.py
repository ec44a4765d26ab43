"""The models that come with berthwatch are finished ones: their cards state what was measured of them."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from models_cases import painted_tile

from berthwatch.errors import BerthwatchError
from berthwatch.models import onnx_backend, registry
from berthwatch.models.agreement import agreement
from berthwatch.models.metadata import ModelMetadata
from berthwatch.models.registry import load_detector, shipped_models

SHIPPED = shipped_models()
FLOATS_AND_INT8 = ("berthwatch-n", "berthwatch-n-int8")
SIZE_ERRORS = [name for name in ModelMetadata.model_fields if re.match(r"(length|beam)_(bias|sd)_", name)]


def test_there_is_one() -> None:
    assert "berthwatch-n" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_it_bears_a_version_and_none_of_development(name: str) -> None:
    assert not re.search(r"dev|test|tmp|draft|\brc\d*\b", SHIPPED[name].model_id, re.IGNORECASE)
    assert re.search(r"\d", SHIPPED[name].model_id)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_names_its_training_data(name: str) -> None:
    assert SHIPPED[name].training_data
    assert all(line.strip() for line in SHIPPED[name].training_data)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("measure", ["length", "beam"])
def test_its_size_errors_are_measured_and_not_the_guesses(name: str, measure: str) -> None:
    fields = [field for field in SIZE_ERRORS if field.startswith(measure)]
    guessed = {field: ModelMetadata.model_fields[field].default for field in fields}
    stated = {field: getattr(SHIPPED[name], field) for field in fields}

    assert stated != guessed
    assert stated[f"{measure}_sd_px"] > 0 or stated[f"{measure}_sd_fraction"] > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_its_files_bear_one_card(name: str) -> None:
    on_cpu = load_detector(name, device="cpu").metadata

    assert on_cpu.model_dump(exclude={"created"}) == SHIPPED[name].model_dump(exclude={"created"})


def test_in_8_bit_integers_it_finds_the_same_ships_by_the_same_card() -> None:
    tiles = np.stack([painted_tile(seed) for seed in range(4)])
    in_floats, in_int8 = (load_detector(name, device="cpu", score_threshold=0.2) for name in FLOATS_AND_INT8)

    both = agreement(in_floats.detect(tiles), in_int8.detect(tiles), threshold=0.2)

    # Scores of 8 bits are coarser: a ship may pass the threshold in one arithmetic alone, a sure one may not.
    assert both.ships >= 12
    assert both.missing == 0
    assert both.shift_px < 3
    assert both.score_change < 0.1
    told = in_floats.metadata.model_dump(exclude={"model_id"})
    assert in_int8.metadata.model_dump(exclude={"model_id"}) == told
    assert in_int8.metadata.model_id == f"{in_floats.metadata.model_id} int8"


@pytest.mark.parametrize(("name", "cut_off"), list(zip(FLOATS_AND_INT8, (False, True), strict=True)))
def test_8_bit_integers_on_a_processor_that_cuts_their_sums_off_are_warned_of_and_marked(
    name: str, cut_off: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(onnx_backend, "int8_saturates", lambda: True)

    detector = load_detector(name, device="cpu")

    assert any("ships may be missed" in record.getMessage() for record in caplog.records) == cut_off
    assert detector.description.endswith("cut off for want of VNNI") == cut_off


def test_8_bit_integers_run_on_the_cpu_whatever_else_is_there_and_whatever_their_file_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = shutil.copy(registry.WEIGHTS / "berthwatch-n-int8.onnx", tmp_path / "mine.onnx")
    monkeypatch.setattr(registry, "nvidia_gpus", lambda: 1)
    monkeypatch.setattr(registry, "has_cuda_provider", lambda: True)

    for model in ("berthwatch-n-int8", mine):
        assert re.match(r"ONNX Runtime [\d.]+, CPU, \d+ thread(?!.*GPU)", load_detector(model).description)
        with pytest.raises(BerthwatchError, match="is in 8-bit integers, for CPUs; choose a model in floats"):
            load_detector(model, device="cuda")
