"""The report: every number is the estimate's, nothing is loaded from anywhere, no input breaks it."""

import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from reporting_cases import HARBOUR, Call, build, make_port, offset

from berthwatch.errors import BerthwatchError
from berthwatch.imagery.scene import open_scene
from berthwatch.inference.store import FileSum
from berthwatch.reporting import wording
from berthwatch.reporting.report import render_report, write_report
from berthwatch.reporting.summary import summarise

MADE = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
CASES = {
    "six calls": {},
    "no ship at all": {"calls": ()},
    "no clear look": {"calls": (), "n_scenes": 3, "cloudy": (0, 1, 2), "off_swath": ()},
    "one scene": {"n_scenes": 1, "days": 0, "cloudy": (), "off_swath": ()},
    "one berth": {"port": make_port(1, 0)},
    "no oil berth": {"port": make_port(0, 2), "calls": (Call(1, 0, 9, 93, 15),)},
    "sixteen berths": {"port": make_port(5, 11), "calls": (Call(0, 0, 9, 93, 15), Call(9, 4, 30, 180, 30))},
    "no cap": {"port": make_port(cap=None)},
    "across the new year": {"days": 330.0, "n_scenes": 40},
}


@cache
def estimate_of(case: str):
    return build(**CASES[case])


@cache
def page_of(case: str) -> str:
    return render_report(estimate_of(case), scenes={}, generated_at=MADE)


VOID = {"meta", "br", "img", "link", "input", "hr", "image", "rect", "line", "path", "circle", "polygon"}


class Page(HTMLParser):
    """Ids, links and what would be fetched; text outside scripts and styles; tags left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids, self.hrefs, self.fetched, self.text, self.open = [], [], [], "", []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append((tag, named))
        self.ids += [named["id"]] if "id" in named else []
        if tag == "a":
            self.hrefs.append(named["href"])
        self.fetched += [
            value
            for name, value in attrs
            if name in ("src", "srcset", "poster", "action", "data", "xlink:href") or (name == "href" and tag != "a")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text += data


@pytest.mark.parametrize("case", CASES)
def test_every_case_gives_a_well_formed_page_with_all_sections(case):
    page = Page(page_of(case))

    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert {"headline", "place", "occupancy", "visits", "knowledge", "method", "provenance"} <= set(page.ids)
    assert "nan" not in re.findall(r"\b\w+\b", page.text.lower())
    assert "NaT" not in page.text
    assert not re.search(r"\bNone\b(?! of)", page.text)


@pytest.mark.parametrize("case", CASES)
def test_every_link_leads_to_a_place_in_the_page(case):
    page = Page(page_of(case))

    assert {href.removeprefix("#") for href in page.hrefs} <= set(page.ids)
    assert all(href.startswith("#") for href in page.hrefs)


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_loaded_from_anywhere(case):
    text = page_of(case)

    assert all(url.startswith("data:image/jpeg;base64,") for url in Page(text).fetched)
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_the_page_carries_every_table_of_the_estimate_unrounded():
    estimate, page = estimate_of("six calls"), page_of("six calls")

    data = data_of(page)

    totals = pd.DataFrame(data["tables"]["totals"]["rows"], columns=data["tables"]["totals"]["columns"])
    pd.testing.assert_frame_equal(totals, estimate.totals, check_dtype=False)
    visits = pd.DataFrame(data["tables"]["visits"]["rows"], columns=data["tables"]["visits"]["columns"])
    assert list(visits.length_m) == list(estimate.visits.length_m)
    assert list(pd.to_datetime(visits.first_seen, utc=True)) == list(estimate.visits.first_seen)
    assert [list(p) for p in visits.size_class_probabilities] == [
        list(p) for p in estimate.visits.size_class_probabilities
    ]
    assert len(data["tables"]["detections"]["rows"]) == len(estimate.detections)


def test_the_hash_printed_is_that_of_the_data_in_the_page():
    page = page_of("six calls")
    canonical = json.dumps(data_of(page), sort_keys=True, separators=(",", ":"))

    assert hashlib.sha256(canonical.encode()).hexdigest() in Page(page).text


def test_the_summary_says_the_estimates_numbers():
    estimate, text = estimate_of("six calls"), Page(page_of("six calls")).text
    seen, total, year = estimate.total("seen"), estimate.total("total"), estimate.ledger.by_year.iloc[0]

    assert "Six tanker visits seen at Oil berth 1, Vostochny" in text
    assert f"about {wording.barrels(seen['barrels_p50'], 2)} barrels" in text
    assert f"about {wording.barrels(total['barrels_p50'], 2)} barrels" in text
    for part in (seen, total):
        assert f"50%: {wording.barrel_range(part['barrels_p25'], part['barrels_p75'])}" in text
        assert f"90%: {wording.barrel_range(part['barrels_p05'], part['barrels_p95'])}" in text
        for scenario in (33, 50, 90):
            assert wording.barrels(part[f"barrels_laden_{scenario}"]) in text
    assert f"about {wording.percent(year.total_fraction_of_cap_p50)} of the 500,000 barrels" in text
    assert wording.probability(year.total_probability_cap_passed) in text
    assert "13 of 16" in text
    assert "unobserved: 3 under cloud or without pixels" in text


def test_each_visit_has_a_card_with_its_numbers():
    estimate, page = estimate_of("six calls"), page_of("six calls")

    for visit in estimate.visits.itertuples():
        start = page.index(f'<article class="card" id="visit-{visit.visit_id}"')
        card = Page(page[start : page.index("</article>", start)] + "</article>").text
        loading = estimate.loadings.set_index("visit_id").loc[visit.visit_id]
        assert f"{visit.length_m:.0f} ± {visit.length_sd_m:.0f} m" in card
        assert f"{visit.beam_m:.0f} ± {visit.beam_sd_m:.0f} m" in card
        assert wording.moment(visit.arrival_latest) in card
        assert wording.barrels(loading.barrels_p50) in card
        assert wording.barrels(loading.barrels_laden_33) in card
        assert visit.size_class in card
        assert wording.probability(visit.tanker_probability) in card


def test_a_card_says_how_probably_the_ship_was_there_at_the_sighting_before_or_after():
    estimate = build(**CASES["one berth"])
    unsure = estimate.visits.assign(there_before_probability=0.22, there_after_probability=0.004)

    page = Page(render_report(replace(estimate, visits=unsure), scenes={}, generated_at=MADE)).text

    assert re.search(r"Same call as the sighting before\s*22%", page)
    assert "Same call as the next sighting" not in page


def test_the_timeline_draws_each_look_in_its_own_state():
    estimate, page = estimate_of("six calls"), page_of("six calls")
    chart = re.search(r'<svg class="chart wide".*?</svg>', page, re.DOTALL).group()

    drawn = {state: len(re.findall(f'class="state {state}"', chart)) for state in ("occupied", "vacant", "unobserved")}

    assert drawn == estimate.observations.state.value_counts().to_dict()


def test_the_cap_line_lies_at_the_cap_on_the_axis():
    page = page_of("six calls")
    chart = re.findall(r'<svg class="chart wide".*?</svg>', page, re.DOTALL)[1]
    cap_y = float(re.search(r'class="cap-line"[^>]* y1="([\d.]+)"', chart).group(1))
    labels = {
        label: float(y) - 4
        for y, label in re.findall(r'<text class="quiet" x="[\d.]+" y="([\d.]+)" text-anchor="end">(\w+)<', chart)
    }

    per_barrel = (labels["0"] - labels["400k"]) / 400_000
    assert labels["0"] - cap_y == pytest.approx(500_000 * per_barrel, abs=0.2)


def test_the_median_curve_ends_at_the_total():
    estimate, page = estimate_of("six calls"), page_of("six calls")
    chart = re.findall(r'<svg class="chart wide".*?</svg>', page, re.DOTALL)[1]
    end_y = float(re.search(r'class="median" d="[^"]*,([\d.]+)"', chart).group(1))
    cap_y = float(re.search(r'class="cap-line"[^>]* y1="([\d.]+)"', chart).group(1))
    zero_y = 390.0 - 34.0

    barrels = (zero_y - end_y) / (zero_y - cap_y) * 500_000
    assert barrels == pytest.approx(estimate.ledger.by_date.total_p50.iloc[-1], abs=1500)


def test_sums_start_anew_each_year_and_each_year_has_its_row():
    page = page_of("across the new year")
    chart = re.findall(r'<svg class="chart wide".*?</svg>', page, re.DOTALL)[1]

    assert re.search(r'class="median" d="([^"]*)"', chart).group(1).count("M") == 2
    assert "Share of the 2024 cap" in page
    assert "Share of the 2025 cap" in page


def test_a_look_that_showed_nothing_is_never_called_vacant():
    text = Page(page_of("no clear look")).text

    assert "Nothing can be said of Oil berth 1, Vostochny" in text
    assert "unobserved is not vacant" in text
    assert "No tanker" not in text


def test_no_ship_seen_is_said_so_and_still_estimated():
    estimate, text = estimate_of("no ship at all"), Page(page_of("no ship at all")).text

    assert "No tanker found at Oil berth 1, Vostochny in 13 clear looks" in text
    assert f"about {wording.barrels(estimate.total()['barrels_p50'], 2)} barrels" in text


def test_without_oil_berth_there_are_no_barrels():
    page = Page(page_of("no oil berth"))

    assert "barrels" not in page.ids
    assert "no barrels are estimated" in page.text
    assert "They do not enter the barrels" in page.text


def test_without_cap_nothing_is_compared_with_one():
    page = page_of("no cap")

    assert 'class="cap-line" x1' not in page
    assert "No cap was set" in page
    assert "Probability that the" not in page


def test_hostile_names_stay_text():
    hostile = "</script><script>alert('x')</script>\"'&<b onclick=x>"
    estimate = estimate_of("six calls")
    berth = estimate.port.berths[0].model_copy(update={"name": hostile})
    port = estimate.port.model_copy(update={"name": hostile, "berths": (berth, *estimate.port.berths[1:])})
    visits = estimate.visits.assign(identified_as=[hostile] * len(estimate.visits))

    text = render_report(replace(estimate, port=port, visits=visits, warnings=(hostile,)), scenes={}, generated_at=MADE)

    assert "<script>alert" not in text
    assert "<b onclick" not in text
    page = Page(text)
    assert page.open == []
    assert [named for tag, named in page.tags if tag == "b" and named] == []
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert data_of(text)["port"]["name"] == hostile


def test_folders_and_tokens_of_sources_are_not_published():
    estimate = estimate_of("six calls")
    signed = replace(estimate.records[0], source="https://user:pw@example.org/a/scene.tif?sig=SECRET")
    bands = "<VRTDataset><SourceFilename>/home/someone/B04.tif</SourceFilename></VRTDataset>"
    records = (signed, replace(estimate.records[1], source=bands), *estimate.records[2:])

    text = render_report(replace(estimate, records=records), scenes={}, generated_at=MADE)

    assert "someone" not in text
    assert "SECRET" not in text
    assert "user:pw" not in text
    assert "https://example.org/a/scene.tif" in text
    assert "bands B04.tif" in text
    assert "scene_03.tif" in text


def test_the_report_names_model_settings_and_the_sums_of_picture_files():
    estimate = estimate_of("six calls")
    scene = FileSum("scene 1.tif", "ab" * 32), FileSum("scene 1.tif.msk", "cd" * 32)
    summed = replace(estimate.records[0], picture_files=scene[:1], files_beside=scene[1:])
    remote = replace(estimate.records[1], picture_files=())
    records = (summed, remote, *estimate.records[2:])

    text = Page(render_report(replace(estimate, records=records), scenes={}, generated_at=MADE)).text

    assert all(record.scene_id in text for record in records)
    assert f"{'ab' * 32}  scene 1.tif\n{'cd' * 32}  scene 1.tif.msk\n" in text
    assert text.count("no SHA-256: not read from a local file") == 1
    assert text.count("SHA-256 not kept") == len(records) - 2
    assert estimate.records[0].model_id in text
    assert estimate.records[0].settings["weights_sha256"] in text
    assert "Random seed, draws" in text
    assert not any(record.fingerprint in text for record in records), "the quick key is no evidence"


def test_each_scene_says_what_told_its_time():
    estimate = estimate_of("one scene")
    told = replace(estimate.records[0], time_source="tag TIFFTAG_DATETIME", time_doubt="may be when the file was made")

    text = Page(render_report(replace(estimate, records=(told,)), scenes={}, generated_at=MADE)).text

    assert "Time told by" in text
    assert "tag TIFFTAG_DATETIME; may be when the file was made" in text
    assert "not recorded" in Page(page_of("one scene")).text


def test_assumptions_stand_in_the_report_with_their_sources():
    estimate, text = estimate_of("six calls"), Page(page_of("six calls")).text

    for row in estimate.assumptions.itertuples():
        assert row.name in text
        assert row.source in text


def test_the_same_arguments_give_the_same_page():
    again = render_report(estimate_of("six calls"), scenes={}, generated_at=MADE)

    assert again == page_of("six calls")


def test_pictures_are_inside_the_file_and_sixteen_scenes_stay_below_5_mb(write_raster, tmp_path):
    estimate = estimate_of("six calls")
    noise = np.random.default_rng(0).integers(0, 255, (3, 900, 900), dtype=np.uint8)
    scene = open_scene(write_raster(noise, gsd_m=3.0, lonlat=offset(HARBOUR, -1350, 1350)))
    scenes = {record.scene_id: scene for record in estimate.records}

    out = write_report(estimate, tmp_path / "report.html", scenes=scenes, generated_at=MADE)

    text = out.read_text(encoding="utf-8")
    n_sightings = int(estimate.visits.n_sightings.sum())
    assert text.count("data:image/jpeg;base64,") == 1 + n_sightings + 16
    assert "picture not shown" not in text
    assert out.stat().st_size < 5e6


def test_missing_pictures_are_said_to_be_missing():
    text = page_of("six calls")

    assert "drawn from coordinates, no picture" in text
    assert "(picture not shown)" in text
    assert "data:image" not in text.split("<body>")[1]


def test_sixty_visits_and_hundreds_of_looks_make_one_page():
    calls = tuple(Call(0, day, day + 0.4, 90, 14) for day in np.arange(0, 120, 2.0))
    estimate = build(calls=calls, n_scenes=121, days=120.0, cloudy=(), off_swath=())

    page = Page(render_report(estimate, scenes={}, generated_at=MADE))

    assert sum(name.startswith("visit-") for name in page.ids) == len(estimate.visits) >= 55


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "report.html").mkdir()

    with pytest.raises(BerthwatchError, match=r"cannot write the report .*report\.html"):
        write_report(estimate_of("one scene"), tmp_path / "report.html")

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def data_of(page: str) -> dict:
    """The data block of a page."""
    block = re.search(r'<script type="application/json" id="berthwatch-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(block.group(1))


@pytest.mark.parametrize(
    ("probabilities", "headline"),
    [
        ([0.95] * 6, "Six tanker visits seen at Oil berth 1, Vostochny"),
        ([0.7] * 6, "Six visits seen at Oil berth 1, Vostochny, probably by tankers"),
        ([0.2, 0.2, 0.9, 0.9, 0.9, 0.9], "Six visits seen at Oil berth 1, Vostochny, four of them probably by tankers"),
    ],
)
def test_the_headline_is_no_surer_of_tankers_than_the_estimate(probabilities, headline):
    estimate = estimate_of("six calls")
    doubted = replace(estimate, visits=estimate.visits.assign(tanker_probability=probabilities))

    assert summarise(doubted).headline == headline
    assert ("visits by tankers" in summarise(doubted).sentences[0]) == headline.startswith("Six tanker")
