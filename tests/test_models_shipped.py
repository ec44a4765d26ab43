"""The models that come with berthwatch are finished ones: their cards state what was measured of them."""

import re

import pytest

from berthwatch.models.metadata import ModelMetadata
from berthwatch.models.registry import load_detector, shipped_models

SHIPPED = shipped_models()
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
def test_both_its_files_bear_one_card(name: str) -> None:
    on_cpu = load_detector(name, device="cpu").metadata

    assert on_cpu.model_dump(exclude={"created"}) == SHIPPED[name].model_dump(exclude={"created"})
