"""The report in a real browser: scripts run, nothing is refused, nothing runs over the edge of the page."""

import re
import shutil
import subprocess

import pytest
from reporting_cases import build, make_port

from berthwatch.reporting.report import write_report

PROBE = """<script>
addEventListener("load", () => {
  document.querySelector('button[data-do="boxes"]').click();
  const wide = [...document.querySelectorAll("body *")].filter((e) =>
    !e.closest(".scroll, .picture, .skip") && e.getBoundingClientRect().right > innerWidth + 1);
  document.documentElement.dataset.wide = wide.map((e) => e.className || e.tagName).join(" ");
  document.documentElement.dataset.hidden = document.body.classList.contains("hide-boxes");
  const mark = document.querySelector(".chart [data-tip]");
  mark.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX: 50, clientY: 50 }));
  document.documentElement.dataset.shown = document.getElementById("tip").textContent === mark.dataset.tip;
});
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium here; install it to see the report in a browser")
    return found


@pytest.mark.parametrize("width", [1200, 500])
@pytest.mark.parametrize("case", ["six calls", "sixteen berths"])
def test_the_page_runs_and_fits_its_window(chromium, tmp_path, case, width):
    estimate = build() if case == "six calls" else build(port=make_port(5, 11))
    page = write_report(estimate, tmp_path / "report.html")
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE + "</body>"), encoding="utf-8")

    done = subprocess.run(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--enable-logging=stderr",
            "--virtual-time-budget=2000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    root = re.search(r"<html[^>]*>", done.stdout).group()
    assert "no-js" not in root
    assert 'data-hidden="true"' in root
    assert 'data-shown="true"' in root
    assert 'data-wide=""' in root
    assert not re.search(r"CONSOLE.*(Uncaught|Refused|Error)", done.stderr)
