"""Tables in terminals of every width: cells wrap or stand below each other, and no figure is ever cut."""

import re
from pathlib import Path

import pytest
from cli_runner import run
from rich.table import Table

from berthwatch.console import out
from berthwatch.console_table import show_table

Capture = pytest.CaptureFixture[str]
WIDE = 300


def figures(text: str) -> set[str]:
    """All figures, dates and times printed; those of headings may come more than once."""
    return set(re.findall(r"\d[\d,.:-]*", text))


@pytest.fixture
def visit_list(tmp_path: Path) -> Path:
    path = tmp_path / "visits.csv"
    path.write_text(
        "visit_id,date,length_m,ship\n"
        "LB-T-oil-VLCC-20240307T1800,2024-03-07T18:00Z,340,Sea Star One\nLB-T-oil-VLCC-20240321,2024-03-21,331,\n"
    )
    return path


@pytest.mark.parametrize("width", [120, 100, 80, 60])
def test_barrels_and_models_are_whole_at_any_width(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, visit_list: Path, width: int
) -> None:
    for command in (["barrels", "--visits", visit_list], ["models", "list"]):
        monkeypatch.setattr(out, "width", WIDE)
        whole = run(capsys, *command).out
        monkeypatch.setattr(out, "width", width)

        narrow = run(capsys, *command).out

        assert "…" not in narrow
        assert figures(narrow) == figures(whole)


def a_table() -> Table:
    table = Table("visit", "length, m", "barrels, median and 90 %")
    table.add_row("LB-T-oil-VLCC-20240307T1800", "340 ± 18", "1,615,756 (0 to 2,446,580)")
    table.add_row("LB-T-oil-VLCC-20240321T1800", "", "1,598,031 (0 to 2,431,400)")
    return table


def test_cells_wrap_between_words_where_the_words_fit(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "width", 60)

    show_table(a_table(), out)

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert {"1,615,756", "2,446,580)", "LB-T-oil-VLCC-20240307T1800", "barrels,"} <= set(" ".join(lines).split())


def test_rows_stand_a_cell_a_line_where_they_do_not(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "width", 50)

    show_table(a_table(), out)

    assert capsys.readouterr().out.splitlines() == [
        "visit: LB-T-oil-VLCC-20240307T1800",
        "  length, m: 340 ± 18",
        "  barrels, median and 90 %: 1,615,756 (0 to 2,446,580)",
        "visit: LB-T-oil-VLCC-20240321T1800",
        "  barrels, median and 90 %: 1,598,031 (0 to 2,431,400)",
    ]
