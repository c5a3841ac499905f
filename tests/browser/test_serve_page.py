"""The pages of `serve` in a real browser: texts, labels, marked words, keys, curl, and its docs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "0123456789abcdef"
NASTY = "<img src=x onerror='window.broken = 1'> </textarea><script>window.broken = 1</script> goal"
EMOJI = "😀😀 a late goal won the match"


def train(folder, name, rows):
    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.fitting.fit import fit
    from fasttext_lite.model.storage import save_model

    labels = Labels.from_rows([[label] for label, _ in rows])
    texts = Texts.from_sequence([text for _, text in rows])
    model = fit(texts, labels, Config(epochs=5, lr=0.3, dim=16), n_threads=1).model
    save_model(model, folder / f"{name}.ftl")
    return str(folder / f"{name}.ftl")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return the files of models: of English and Chinese texts, and of labels that bite."""
    folder = tmp_path_factory.mktemp("models")
    found = []
    for name in ("en_topics", "zh_topics"):
        lines = (ROOT / "datasets" / name / "train.tsv").read_text("utf-8").splitlines()
        found.append(train(folder, name, [tuple(line.split("\t", 1)) for line in lines]))
    bad = ["<b id=broken>x</b>", "'\"&<script>window.broken = 1</script>", "مرحبا بالعالم"]
    found.append(
        train(folder, "nasty", [(label, f"{label} w{i}") for i in range(9) for label in bad])
    )
    return found


def serve(models, environment):
    return subprocess.Popen(
        [sys.executable, "-m", "fasttext_lite", "serve", "--port", "0", *models],
        stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )  # fmt: skip


@pytest.fixture(scope="module", params=["open", "token"])
def server(request, models):
    """Return the address of a server, and its token."""
    token = SECRET if request.param == "token" else ""
    process = serve(models, {"FASTTEXT_LITE_TOKEN": token} if token else {})
    try:
        yield process.stdout.readline().split(": ")[0], token
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def show(browser, width, mode="light"):
    """Give the window a width, and the light or dark mode."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    modes = [{"name": "prefers-color-scheme", "value": mode}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": modes})


def wait(browser, what):
    return WebDriverWait(browser, 20, 0.05).until(what)


def by_id(browser, name):
    return browser.find_element(By.ID, name)


@pytest.fixture
def page(browser, server):
    """Return the browser with the page open, and the token typed where there is one."""
    url, token = server
    show(browser, 1280)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(url)
    if token:
        wait(browser, lambda b: by_id(b, "token").is_displayed())
        by_id(browser, "token").send_keys(token, Keys.TAB)
    wait(browser, lambda b: "labels (" in by_id(b, "about").text)
    return browser


def classify(browser, text, model="en_topics", k=3):
    """Type texts, ask, and return the results when they are there."""
    browser.execute_script(
        "byId('model').value = arguments[0]; byId('k').value = arguments[1];"
        "byId('model').onchange();"
        "byId('results').replaceChildren(); byId('said').textContent = '';",
        model, k,
    )  # fmt: skip
    area = by_id(browser, "texts")
    browser.execute_script("arguments[0].value = arguments[1]", area, text)
    area.send_keys(Keys.CONTROL, Keys.ENTER)
    wait(browser, lambda b: " by " in by_id(b, "said").text)
    return browser.find_elements(By.CSS_SELECTOR, "#results > li")


def variable(browser, element, name):
    """Return a variable of CSS as the browser has it, whatever its policy let pass."""
    code = "return getComputedStyle(arguments[0]).getPropertyValue(arguments[1])"
    return browser.execute_script(code, element, name)


def asked_for(browser):
    """Return the addresses that were asked for, and the bodies that were sent."""
    found = []
    for line in browser.get_log("performance"):
        message = json.loads(line["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            request = message["params"]["request"]
            found.append((request["url"], request.get("postData")))
    return found


def test_texts_get_labels_and_marked_words(page, server):
    url, _ = server
    rows = classify(page, f"{EMOJI}\n\n{NASTY}\ninterest rates fall on the market")
    assert len(rows) == 3
    for row, text in zip(rows, (EMOJI, NASTY, "interest rates fall on the market"), strict=True):
        assert row.find_element(By.CLASS_NAME, "text").get_attribute("textContent") == text
        assert len(row.find_elements(By.CSS_SELECTOR, ".labels button")) == 3
    marks = rows[0].find_elements(By.TAG_NAME, "mark")
    words = [mark.get_attribute("textContent") for mark in marks]
    assert words and all(word in EMOJI.split() for word in words), "words, in spite of the emoji"
    shares = [float(variable(page, mark, "--s")) for mark in marks]
    assert max(shares) == 1
    assert page.execute_script("return window.broken") is None
    addresses = {address for address, _ in asked_for(page)}
    assert all(address.startswith((url, "data:")) for address in addresses), addresses
    severe = [line for line in page.get_log("browser") if "favicon" not in line["message"]]
    assert [line for line in severe if "401" not in line["message"]] == []


def test_the_words_of_another_label_are_marked_when_it_has_the_focus(page):
    row = classify(page, "a late goal won the match as interest rates fall")[0]
    buttons = row.find_elements(By.CSS_SELECTOR, ".labels button")
    assert [b.get_attribute("aria-pressed") for b in buttons] == ["true", "false", "false"]
    before = row.find_element(By.CLASS_NAME, "text").get_attribute("innerHTML")
    buttons[0].send_keys(Keys.TAB)
    assert [b.get_attribute("aria-pressed") for b in buttons] == ["false", "true", "false"]
    after = row.find_element(By.CLASS_NAME, "text").get_attribute("innerHTML")
    assert before != after
    bars = [float(variable(page, button, "--v").rstrip("%")) for button in buttons]
    assert bars == sorted(bars, reverse=True) and 0 < sum(bars) <= 100.1


def test_labels_and_texts_of_any_kind_stay_text(page):
    row = classify(page, NASTY, "nasty")[0]
    names = {
        each.get_attribute("textContent") for each in row.find_elements(By.CLASS_NAME, "label")
    }
    assert "<b id=broken>x</b>" in names
    assert not page.find_elements(By.ID, "broken")
    assert page.execute_script("return window.broken") is None
    assert "<b id=broken>" in by_id(page, "about").text


def test_words_need_not_be_marked(page):
    by_id(page, "explain").click()
    row = classify(page, "股市 大涨", "zh_topics", 2)[0]
    assert not row.find_elements(By.TAG_NAME, "mark")
    assert not by_id(page, "key").is_displayed()
    sent = json.loads([body for _, body in asked_for(page) if body][-1])
    assert sent == {"text": "股市 大涨", "model": "zh_topics", "k": 2}


def test_the_curl_line_asks_the_same(page, server):
    url, token = server
    classify(page, 'it\'s "a" $HOME `goal`\n股市', k=1)
    line = page.execute_script("return curl()")
    assert SECRET not in line
    environment = os.environ | ({"FASTTEXT_LITE_TOKEN": token} if token else {})
    done = subprocess.run(["sh", "-c", line + " -sS"], capture_output=True, env=environment)
    answer = json.loads(done.stdout)
    assert [len(row) for row in answer["predictions"]] == [1, 1]
    assert answer["predictions"][0][0]["explanation"]["spans"][0]["word"] == "it"


def test_faults_are_told(page):
    by_id(page, "texts").clear()
    by_id(page, "go").click()
    assert by_id(page, "said").text == "Write a text first."
    area = by_id(page, "texts")
    page.execute_script("arguments[0].value = 'a b '.repeat(200000)", area)
    by_id(page, "go").click()
    wait(page, lambda b: by_id(b, "fault").is_displayed())
    assert "explain" in by_id(page, "fault").text
    classify(page, "a goal")
    assert not by_id(page, "fault").is_displayed(), "the fault is over"


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_nothing_is_wider_than_the_window(page, server, width, mode):
    show(page, width, mode)
    classify(page, f"{EMOJI}\n{'long' * 200}\n股市 大涨", k=7)
    wide = "return document.documentElement.scrollWidth"
    assert page.execute_script(wide) <= width
    colors = page.execute_script(
        "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    )
    ink, paper = (sum(map(int, color[4:-1].split(","))) for color in colors)
    assert (ink < paper) == (mode == "light")
    folder = os.environ.get("FASTTEXT_LITE_SHOTS")
    if folder:
        page.save_screenshot(f"{folder}/try-{width}-{mode}.png")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_docs_are_those_of_the_description(browser, server, width):
    url, token = server
    show(browser, width)
    browser.get(f"{url}/docs")
    if token:
        wait(browser, lambda b: by_id(b, "token").is_displayed())
        by_id(browser, "token").send_keys(token, Keys.ENTER)
    wait(browser, lambda b: by_id(b, "messages").is_displayed())
    heads = [each.text for each in browser.find_elements(By.CSS_SELECTOR, "h2 code")]
    assert heads[:3] == ["POST /predict", "GET /predict", "GET /models"]
    fields = browser.find_elements(By.CSS_SELECTOR, "#PredictRequest ~ .scroll td:first-child")
    assert [each.text for each in fields][:3] == ["text?", "texts?", "model?"]
    for link in browser.find_elements(By.CSS_SELECTOR, "td a"):
        assert browser.find_elements(By.ID, link.get_attribute("hash")[1:])
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    if folder := os.environ.get("FASTTEXT_LITE_SHOTS"):
        browser.save_screenshot(f"{folder}/docs-{width}.png")
