"""Write the pictures of docs/understand.md, of the bundled data: needs Chromium.

``python -m tools.make_report_pictures`` trains as ``make demo`` does.  The pictures have few
colours, so that they are small.
"""

from __future__ import annotations

import base64
import io
import os
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from fasttext_lite import explain, load_model
from fasttext_lite.cli import app

TARGET = Path(__file__).resolve().parent.parent / "docs" / "plots"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# Name: page, width of the window, mode, first element, height, and how much smaller it is made.
PICTURES = {
    "explanation": ("explanation.html", 760, "light", "body", 410, 1.0),
    "report-sure": ("demo/en_topics_report.html", 1120, "light", "#sure", 860, 0.75),
    "report-data": ("demo/en_topics_report.html", 1120, "light", "#audit", 900, 0.75),
    "report-summary": ("demo/en_topics_report.html", 1120, "light", "header", 1790, 0.75),
    "report-errors": ("demo/en_topics_report.html", 1120, "light", "#sure", 1500, 0.75),
    "report-phone": ("demo/zh_topics_report.html", 360, "dark", "#errors", 760, 1.0),
}
EXPLAINED = "They scored three goals after half time, but the ticket prices rose again."
COLORS = 128
MOST_BYTES = 150_000


def main() -> None:
    """Train, report and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # pages name the model as it was named
        for data in ("en_topics", "zh_topics"):
            assert app.main(["demo", "--data", data, "--output", "demo"]) == 0
        Path("explanation.html").write_text(explained("demo/en_topics.ftl"), "utf-8")
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={folder}/profile"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            for name, (page, *how) in PICTURES.items():
                picture = taken(driver, Path(folder, page), *how)
                path = TARGET / f"{name}.png"
                picture.save(path, optimize=True)
                size = path.stat().st_size
                print(f"{path}: {size / 1e3:.0f} kB")
                assert size <= MOST_BYTES
        finally:
            driver.quit()


def explained(path: str) -> str:
    """Return a page of what a notebook shows of an explanation."""
    shown = explain(load_model(path), EXPLAINED)._repr_html_()
    shown = shown.replace("<details>", "<details open>")
    return f'<!doctype html><meta charset="utf-8"><body style="font:15px sans-serif">{shown}'


def taken(
    driver: webdriver.Chrome, page: Path, width: int, mode: str, first: str, height: int,
    scale: float,
) -> Image.Image:  # fmt: skip
    """Return a picture of a part of a page."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    modes = [{"name": "prefers-color-scheme", "value": mode}]
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": modes})
    driver.get(page.as_uri())
    top = driver.execute_script(
        f"for (const nav of document.querySelectorAll('nav')) nav.style.position = 'static';"
        f"return document.querySelector('{first}').getBoundingClientRect().top + scrollY"
    )
    clip = {"x": 0, "y": top, "width": width, "height": height, "scale": 1}
    shot = {"captureBeyondViewport": True, "clip": clip}
    data = driver.execute_cdp_cmd("Page.captureScreenshot", shot)["data"]
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    small = picture.resize((round(width * scale), round(height * scale)), Image.Resampling.LANCZOS)
    return small.quantize(COLORS, Image.Quantize.MAXCOVERAGE)


if __name__ == "__main__":
    main()
