"""Write docs/plots/report-*.png, pictures of the reports of the bundled data: needs Chromium.

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

from fasttext_lite.cli import app

TARGET = Path(__file__).resolve().parent.parent / "docs" / "plots"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# Name: data, width of the window, mode, first element, height, and how much smaller it is made.
PICTURES = {
    "report-summary": ("en_topics", 1120, "light", "header", 1790, 0.75),
    "report-errors": ("en_topics", 1120, "light", "#sure", 1500, 0.75),
    "report-phone": ("zh_topics", 360, "dark", "#errors", 760, 1.0),
}
COLORS = 128
MOST_BYTES = 150_000


def main() -> None:
    """Train, report and take the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # pages name the model as it was named
        for data in ("en_topics", "zh_topics"):
            assert app.main(["demo", "--data", data, "--output", "demo"]) == 0
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={folder}/profile"):
            options.add_argument(flag)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            for name, (data, *how) in PICTURES.items():
                picture = taken(driver, Path(folder, "demo", f"{data}_report.html"), *how)
                path = TARGET / f"{name}.png"
                picture.save(path, optimize=True)
                size = path.stat().st_size
                print(f"{path}: {size / 1e3:.0f} kB")
                assert size <= MOST_BYTES
        finally:
            driver.quit()


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
        f"document.querySelector('nav').style.position = 'static';"
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
