"""Write the pictures of docs/label.md, of a session with the bundled data: needs Chromium.

``python -m tools.make_label_pictures`` serves the texts of two bundled sets with the command.
Their true labels are the answers, but for a few that are wrong on purpose, so that the model has
something to doubt.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "plots"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP, PHONE = (1120, 700), (360, 700)
SCALE = 0.75  # of pictures of the desktop
COLORS = 128
MOST_BYTES = 80_000
N_ANSWERS, WRONG_EACH = 150, 30  # answers before the pictures, one in so many of them wrong
SECONDS, PATIENCE = 60, 10
MEASURED = 0.85  # of the answers: the accuracy is not measured after each


class Served:
    """A session of a bundled set, and the person who answers as the labels are in truth."""

    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address
        lines = (ROOT / "datasets" / name / "train.tsv").read_text("utf-8").splitlines()
        self.true = {text: label for label, _, text in (line.partition("\t") for line in lines)}
        self.labels = sorted(set(self.true.values()))

    def post(self, path: str, **body: object) -> dict[str, Any]:
        """Return what the session answers."""
        data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}api/{path}", data, kind)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return dict(json.load(answer))

    def wait(self) -> None:
        """Wait until the model has learnt and its accuracy is measured, or for a while."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with urllib.request.urlopen(f"{self.address}api/progress", timeout=SECONDS) as answer:
                found = json.load(answer)
            accuracy, n = found["accuracy"], found["n_answered"]
            is_measured = accuracy is not None and accuracy["n_answers"] >= MEASURED * n
            if is_measured and not found["model"]["is_busy"]:
                return
            time.sleep(0.1)

    def answer(self, n: int, person: str) -> None:
        """Give answers."""
        question = self.post("next", person=person)["question"]
        for i in range(n):
            label = self.true[question["text"]]
            if i % WRONG_EACH == WRONG_EACH - 1:
                label = self.labels[self.labels.index(label) - 1]
            body = {"id": question["id"], "labels": [label], "version": question["version"]}
            question = self.post("answer", person=person, **body)["question"]
            if i % 10 == 9:
                self.wait()


@contextlib.contextmanager
def served(name: str, folder: Path) -> Iterator[Served]:
    """Serve a bundled set with the command."""
    lines = (ROOT / "datasets" / name / "train.tsv").read_text("utf-8").splitlines()
    labels = sorted({line.partition("\t")[0] for line in lines})
    texts = folder / f"{name}.txt"
    texts.write_text("".join(line.partition("\t")[2] + "\n" for line in lines), "utf-8")
    command = [sys.executable, "-m", "fasttext_lite", "label", texts.name, "--no-open"]
    command += ["--labels", ",".join(labels), "-o", "labelled.tsv", "--port", "0"]
    place = folder / name
    place.mkdir()
    texts.rename(place / texts.name)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=place, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found is not None
            yield Served(name, found[0])
        finally:
            process.terminate()


class Camera:
    """A browser without a window that takes pictures of the page."""

    def __init__(self, folder: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in (*FLAGS, f"--user-data-dir={folder}/profile"):
            options.add_argument(flag)
        service = Service(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.size = DESKTOP

    def open(self, address: str, size: tuple[int, int], mode: str = "light") -> None:
        """Open the page as a person called ben."""
        self.show(size, mode)
        self.driver.get(address)
        self.until(lambda: self.one("#who").is_displayed() or self.text())
        if self.one("#who").is_displayed():
            field = self.one("#who-name")
            field.clear()
            field.send_keys("ben", Keys.ENTER)
        self.until(self.text)

    def show(self, size: tuple[int, int], mode: str) -> None:
        """Give the window a size, and the light or dark mode."""
        self.size = size
        is_phone = size == PHONE
        window = {"width": size[0], "height": size[1]}
        window |= {"deviceScaleFactor": 1, "mobile": is_phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": is_phone})
        modes = [{"name": "prefers-color-scheme", "value": mode}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": modes})

    def one(self, selector: str) -> Any:
        """Return an element."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self) -> str:
        """Return the text that is asked."""
        return str(self.one("#text").get_property("textContent"))

    def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        end = time.monotonic() + SECONDS
        while not holds():
            assert time.monotonic() < end
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Press keys, and leave the page time to answer."""
        time.sleep(0.2)
        self.driver.switch_to.active_element.send_keys(*keys)
        time.sleep(0.4)

    def block(self, *addresses: str) -> None:
        """Let requests to some addresses fail."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": addresses})

    def take(self, name: str) -> None:
        """Take a picture, with few colours, so that it is small."""
        data = self.driver.execute_cdp_cmd("Page.captureScreenshot", {})["data"]
        picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
        if self.size == DESKTOP:
            smaller = (round(self.size[0] * SCALE), round(self.size[1] * SCALE))
            picture = picture.resize(smaller, Image.Resampling.LANCZOS)
        path = TARGET / f"label-{name}.png"
        picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
        size = path.stat().st_size
        print(f"{path.relative_to(ROOT)}: {size / 1e3:.0f} kB")
        assert size <= MOST_BYTES


def desktop(camera: Camera, session: Served) -> None:
    """Take the pictures of the English set, in the order of a session."""
    camera.open(session.address, DESKTOP)
    camera.take("start")
    session.answer(N_ANSWERS, "ben")
    session.wait()
    camera.driver.refresh()
    camera.until(lambda: len(camera.driver.find_elements(By.CSS_SELECTOR, "#text mark")) > 3)
    camera.take("guess")
    camera.press("/")
    camera.press("price of")
    camera.press(Keys.ARROW_DOWN)
    camera.take("search")
    camera.press(Keys.ESCAPE)
    camera.press("d")
    camera.until(lambda: camera.one("#rows li"))
    camera.take("doubtful")
    camera.press(Keys.ENTER)
    camera.take("doubted")
    camera.press(Keys.ESCAPE)
    camera.press(Keys.ESCAPE)
    camera.until(camera.text)
    number = session.post("next", person="ben")["question"]["id"]
    session.post("answer", person="ann", id=number, labels=["food"], version=0)
    camera.press("3")
    camera.take("conflict")
    camera.press(Keys.ENTER)
    camera.block("*/api/*")
    camera.press("2")
    camera.until(lambda: camera.one("#banner-again").is_displayed())
    camera.take("connection")
    camera.block()
    camera.until(lambda: not camera.one("#banner").is_displayed())
    camera.press("e")
    camera.one("#done [data-do=train]").click()
    camera.until(lambda: "is in" in camera.one("#train-text").text)
    camera.take("train")


def phone(camera: Camera, session: Served) -> None:
    """Take the pictures of the Chinese set, on a phone."""
    session.answer(60, "ben")
    session.wait()
    camera.open(session.address, PHONE, "dark")
    camera.until(lambda: camera.driver.find_elements(By.CSS_SELECTOR, "#text mark"))
    camera.take("phone")
    camera.show(PHONE, "light")
    camera.one("#to-progress").click()
    time.sleep(0.3)
    camera.take("phone-progress")


def main() -> None:
    """Serve, answer and take the pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera = Camera(folder)
        try:
            with served("en_topics", folder) as session:
                desktop(camera, session)
            with served("zh_topics", folder) as session:
                phone(camera, session)
        finally:
            camera.driver.quit()


if __name__ == "__main__":
    main()
