"""The page of ``label`` in a real browser: keys, mouse, lost connections, two people, widths."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import NASTY, bundled
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

SECRET = "0123456789abcdef"
ROWS = bundled("en_topics", "train")[:120]
TRUE = {text: label for label, text in ROWS}
LABELS = sorted(set(TRUE.values()))
SECONDS = 20


class Served:
    """A session that is served: its address, what is on the disk, and the other person in it."""

    def __init__(self, folder, address, process):
        self.folder, self.address, self.process = folder, address, process

    def events(self):
        """Return the events that are on the disk."""
        path = self.folder / "out.tsv.answers.jsonl"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def labels_of(self, text):
        """Return the labels that a text has on the disk; None if it has none."""
        found = [event for event in self.events() if event["text"] == text]
        return found[-1]["labels"] if found and found[-1]["event"] == "label" else None

    def post(self, path, **body):
        """Ask as the other person."""
        base = self.address.partition("#")[0]
        request = urllib.request.Request(
            f"{base}api/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture
def serve(tmp_path):
    """Return a function that serves texts with the command."""
    with contextlib.ExitStack() as stack:

        def serve(texts, labels=LABELS, *words, token=None, port="0"):
            lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
            (tmp_path / "texts.jsonl").write_text(lines, "utf-8")
            (tmp_path / "labels.txt").write_text("".join(f"{name}\n" for name in labels), "utf-8")
            if labels:
                words = (*words, "--labels-file", "labels.txt")
            line = [sys.executable, "-m", "fasttext_lite", "label", "texts.jsonl", "-o", "out.tsv"]
            env = {**os.environ, **({"FASTTEXT_LITE_TOKEN": token} if token else {})}
            log = stack.enter_context(open(tmp_path / "log", "w"))
            process = subprocess.Popen(
                [*line, "--port", port, "--no-open", "--threads", "1", *words], cwd=tmp_path,
                stdout=subprocess.PIPE, stderr=log, text=True, env=env,
            )  # fmt: skip
            stack.callback(process.stdout.close)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, (tmp_path / "log").read_text()
            return Served(tmp_path, found[0], process)

        yield serve


class Page:
    """The page as a person sees and uses it."""

    def __init__(self, browser):
        self.browser = browser

    def open(self, address, width=1280, mode="light", name="me"):
        """Open it as somebody who was there before, without what earlier tests left."""
        self.show(width, mode)
        self.network()
        origin = address.partition("#")[0]
        clear = {"origin": origin, "storageTypes": "local_storage,cache_storage"}
        self.browser.execute_cdp_cmd("Storage.clearDataForOrigin", clear)
        self.browser.get("about:blank")
        self.browser.get_log("browser"), self.browser.get_log("performance")
        self.browser.get(address)
        if name:
            self.until(lambda: self.one("#who").is_displayed())
            field = self.one("#who-name")
            assert field.get_attribute("value") == "me"
            field.clear()
            field.send_keys(name, Keys.ENTER)
            self.until(lambda: self.text() or self.one("#end").is_displayed())
        return self

    def show(self, width, mode="light"):
        size = {"width": width, "height": 760, "deviceScaleFactor": 1, "mobile": width < 500}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        modes = [{"name": "prefers-color-scheme", "value": mode}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": modes})

    def network(self, offline=False, latency=0):
        how = {"offline": offline, "latency": latency}
        how |= {"downloadThroughput": -1, "uploadThroughput": -1}
        self.browser.execute_cdp_cmd("Network.enable", {})
        self.browser.execute_cdp_cmd("Network.emulateNetworkConditions", how)

    def block(self, *addresses):
        """Let requests to some addresses fail."""
        self.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": addresses})

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def said(self, selector):
        """Return what stands in the first such element; empty if there is none."""
        code = "return document.querySelector(arguments[0])?.textContent || ''"
        return self.browser.execute_script(code, selector)

    def text(self):
        """Return the text that is asked."""
        return self.said("#text")

    def until(self, holds):
        end = time.monotonic() + SECONDS
        while not (found := holds()):
            assert time.monotonic() < end, (self.said("#status"), self.said("#banner"))
            time.sleep(0.03)
        return found

    def press(self, *keys):
        """Press keys where the focus is, late enough that the text was seen."""
        time.sleep(0.15)
        self.browser.switch_to.active_element.send_keys(*keys)

    def click(self, selector):
        """Click, late enough that the text was seen."""
        time.sleep(0.15)
        self.one(selector).click()

    def answer(self, key):
        """Press a key, and wait for the next text."""
        before = self.text()
        self.press(key)
        self.until(lambda: self.text() != before or self.one("#end").is_displayed())

    def answer_rightly(self, n=1):
        """Answer texts as they are labelled in truth."""
        for _ in range(n):
            self.answer(str(LABELS.index(TRUE[self.text()]) + 1))

    def complaints(self):
        """Return what the browser says that went wrong."""
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture
def page(browser):
    page = Page(browser)
    yield page
    page.network()
    page.block()
    browser.get("about:blank")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_person_labels_with_keys(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    seen = []
    for n in range(12):
        text = page.text()
        seen.append(text)
        page.answer_rightly()
        assert served.labels_of(text) == [TRUE[text]]
        assert page.said("#status").replace("\u2068", "").startswith("Saved: ")
        assert page.said("#n-answered") == str(n + 1)
    assert len(set(seen)) == 12
    page.until(lambda: "knows" in page.said("#model"))
    page.answer_rightly()  # the next one has a guess
    guess = page.said("#guess .label")
    text = page.text()
    assert page.one(".label-button.guess").get_attribute("data-label") == guess
    assert page.all("#text mark")
    page.answer(Keys.ENTER)
    assert served.labels_of(text) == [guess]
    page.browser.refresh()  # as whoever comes back
    page.until(page.text)
    assert served.labels_of(page.text()) is None
    assert page.said("#n-answered") == "14"
    assert page.said("#person") == "me"
    assert page.complaints() == []


def test_undo_skip_and_the_mouse(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    first = page.text()
    page.click(".label-button[data-label=food]")
    page.until(lambda: page.text() != first)
    assert served.labels_of(first) == ["food"]
    second = page.text()
    page.answer("s")
    assert served.events()[-1]["event"] == "skip"
    page.press("u")
    page.until(lambda: page.text() == second)
    page.press("u")
    page.until(lambda: page.text() == first)
    assert "food" in page.said("#was")
    assert served.labels_of(first) is None
    page.press("u")
    page.until(lambda: "nothing to undo" in page.said("#status"))
    assert page.text() == first
    page.browser.execute_script(  # on a keyboard of other letters
        "document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: '\u044b', code: 'KeyS', bubbles: true}))"
    )
    page.until(lambda: page.text() != first)
    third = page.text()
    page.click("[data-do=skip]")
    page.until(lambda: page.text() != third)
    kinds = [event["event"] for event in served.events()]
    assert kinds == ["label", "skip", "undo", "undo", "skip", "skip"]
    assert ["422" in each for each in page.complaints()] == [True]  # of what was refused


def test_labels_are_made_in_the_page(serve, page):
    served = serve(["one text", "another text", "a third"], ())
    page.open(served.address)
    assert "There is no label yet" in page.said("#labels")
    page.press("1")
    page.press("n")
    page.until(lambda: page.one("#new").is_displayed())
    page.press("体育", Keys.ENTER)
    page.until(lambda: page.all(".label-button"))
    text = page.text()
    page.answer(Keys.ENTER)
    assert served.labels_of(text) == ["体育"]
    page.press("n")
    page.press("体育", Keys.ENTER)
    page.until(lambda: "already" in page.said("#new-error"))
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#new").is_displayed())
    text = page.text()
    page.answer("1")
    assert served.labels_of(text) == ["体育"]


def test_search_and_doubtful_answers(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    page.answer_rightly(3)
    kept = page.text()
    page.press("/")
    page.until(lambda: page.one("#list").is_displayed())
    page.press("the")
    page.until(lambda: page.all("#rows li") and "the" in page.said("#rows li").lower())
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    row = page.said("#rows [aria-selected=true] .row-text")
    page.press(Keys.ENTER)
    page.until(lambda: page.text() == row)
    assert not page.one("#list").is_displayed()
    page.press("2")
    page.until(lambda: page.one("#list").is_displayed())  # goes on with the list
    assert served.labels_of(row) == [LABELS[1]]
    assert page.said("#rows li:nth-child(2)").endswith("saved")
    assert page.one("#rows li:nth-child(3)").get_attribute("aria-selected") == "true"
    page.press("k", Keys.ENTER)
    page.until(lambda: page.text() == row)
    assert LABELS[1] in page.said("#was")
    page.press(Keys.ENTER)  # keeps it
    page.until(lambda: page.one("#list").is_displayed())
    assert served.labels_of(row) == [LABELS[1]]
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#list").is_displayed())
    page.until(page.text)
    assert page.text() in TRUE and served.labels_of(page.text()) is None
    assert kept in TRUE
    page.press("d")
    page.until(lambda: page.one("#list").is_displayed())
    page.until(lambda: re.search(r"texts?$|doubts no answer", page.said("#found")))
    rows = page.browser.execute_script(
        "return [...document.querySelectorAll('#rows .row-facts')].map((row) => row.textContent)"
    )
    assert all(re.search(r"doubted .*%", row) for row in rows)
    page.press(Keys.ESCAPE)
    assert page.complaints() == []


def test_nothing_is_lost_when_the_connection_is(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    text = page.text()
    page.block("*/api/*")
    page.press("1")
    page.until(lambda: "Not saved yet" in page.said("#banner"))
    assert page.text() == text
    assert served.events() == []
    page.press("3")  # on second thought
    page.press("s")
    page.block()
    page.browser.execute_script("document.getElementById('banner-again').click()")
    page.until(lambda: page.text() != text)
    assert not page.one("#banner").is_displayed()
    assert served.labels_of(text) == [LABELS[2]]
    assert {event["text"] for event in served.events()} == {text}
    page.network(offline=True)  # nothing to save: all is said to be saved
    page.until(lambda: "All answers so far are saved" in page.said("#banner"))
    page.network()
    page.until(lambda: not page.one("#banner").is_displayed())


def test_an_answer_waits_for_the_server_that_is_started_again(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    page.answer("1")
    text = page.text()
    served.process.terminate()
    served.process.wait()
    page.press("2")
    page.until(lambda: "Not saved yet" in page.said("#banner"))
    again = serve(list(TRUE), port=re.search(r":(\d+)/", served.address)[1])
    page.until(lambda: page.text() != text)
    assert again.labels_of(text) == [LABELS[1]]
    text = page.text()
    again.process.terminate()
    again.process.wait()
    page.press("3")
    page.until(lambda: "Not saved yet" in page.said("#banner"))
    n = len(again.events())
    other = serve(list(TRUE)[1:], port=re.search(r":(\d+)/", served.address)[1])
    page.until(lambda: "other texts" in page.said("#banner"))
    time.sleep(2.5)  # and it still says so after the page has asked for the progress
    assert "other texts" in page.said("#banner")
    assert len(other.events()) == n


def test_what_comes_before_its_text_is_not_taken(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    text = page.text()
    # The first key is pressed again at the moment at which the next text appears.
    page.browser.execute_script(
        "const key = () => document.body.dispatchEvent("
        "  new KeyboardEvent('keydown', {key: '2', bubbles: true}));"
        "const seen = new MutationObserver(() => { seen.disconnect(); key(); });"
        "seen.observe(document.getElementById('text'), {childList: true});"
    )
    page.answer("1")
    page.until(lambda: "Not taken" in page.said("#status"))
    assert [event["text"] for event in served.events()] == [text]
    page.answer("2")
    assert len(served.events()) == 2


def test_an_answer_whose_word_was_lost_is_not_given_twice(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    text = page.text()
    # The answer arrives, and the word of it does not come back.
    page.browser.execute_script(
        "const real = window.fetch; window.fetch = async (path, how) => {"
        "  const found = await real(path, how);"
        "  if (path === 'api/answer') { window.fetch = real; throw new TypeError('lost'); }"
        "  return found; };"
    )
    page.press("4")
    page.until(lambda: page.text() != text)
    assert [event["text"] for event in served.events()] == [text]
    assert served.labels_of(page.text()) is None


LOSE = """
const real = window.fetch;
window.fetch = async (path, how) => {
  const found = await real(path, how);
  if (path === arguments[0]) { window.fetch = real; throw new TypeError('lost'); }
  return found; };
"""  # what is asked for arrives, and the word of it does not come back, once


def test_a_skip_and_an_undo_whose_word_was_lost_are_done_once(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    page.answer_rightly(2)
    first = page.text()
    page.browser.execute_script(LOSE, "api/skip")
    page.press("s")
    page.until(lambda: page.text() != first)
    assert [event["event"] for event in served.events()] == ["label", "label", "skip"]
    page.browser.execute_script(LOSE, "api/undo")
    page.press("u")
    page.until(lambda: page.text() == first)
    page.until(lambda: "Taken back" in page.said("#status"))
    assert [event["event"] for event in served.events()][3:] == ["undo"]
    page.answer_rightly()
    assert served.labels_of(first) == [TRUE[first]]
    text = page.text()
    page.browser.execute_script(LOSE, "api/labels")
    page.press("n")
    page.press("new one", Keys.ENTER)
    page.until(lambda: "New label" in page.said("#status"))
    page.answer(Keys.ENTER)
    assert served.labels_of(text) == ["new one"]


def test_a_correction_overwrites_nothing_of_another(serve, page):
    served = serve(list(TRUE))
    page.open(served.address, name="ann")
    text = page.text()
    number = next(n for n in range(200) if _text(served, n) == text)
    page.block("*api/texts/*")
    page.network(latency=600)
    page.press("1")
    page.browser.switch_to.active_element.send_keys("2")  # corrects it, when it is there
    page.until(lambda: "your correction" in page.said("#banner"))
    page.network()
    assert served.labels_of(text) == [LABELS[0]]
    served.post("answer", person="ben", id=number, labels=["food"], version=1)
    page.block()
    page.until(lambda: "Meanwhile ben" in page.said("#was"))
    assert served.labels_of(text) == ["food"]
    assert page.text() == text


def test_enter_takes_what_was_typed_and_not_what_was_there_before(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    word = max(list(TRUE)[-1].split(), key=len).strip(".,")
    page.press("/")
    page.until(lambda: page.all("#rows li"))
    page.browser.switch_to.active_element.send_keys(word, Keys.ENTER)
    page.until(lambda: not page.one("#list").is_displayed())
    assert word.lower() in page.text().lower()
    page.answer_rightly()
    page.until(lambda: page.one("#list").is_displayed())
    assert page.said("#rows li").endswith("saved")


def test_a_key_that_is_held_down_gives_one_command_where_labels_are_typed(serve, page):
    served = serve(list(TRUE), [f"topic {i}" for i in range(60)] + ["long name " * 8 + "end"])
    page.open(served.address)
    page.press("long")
    page.until(lambda: len(page.all(".label-button")) == 1)
    page.press(*[Keys.BACKSPACE] * 4)
    page.until(lambda: len(page.all(".label-button")) == 61)
    cut = (
        "return [...document.querySelectorAll('.label-button')]"
        ".filter((each) => each.scrollHeight > each.clientHeight).map((each) => each.textContent)"
    )
    assert page.browser.execute_script(cut) == []  # names of three lines are seen whole
    for label in ("topic 4", "topic 5", "topic 6"):
        page.press(label)
        page.answer(Keys.ENTER)
    page.browser.execute_script(
        "const key = { key: 'U', code: 'KeyU', shiftKey: true, bubbles: true, cancelable: true };"
        "for (const repeat of [false, true, true, true]) document.activeElement"
        ".dispatchEvent(new KeyboardEvent('keydown', { ...key, repeat }));"
    )
    page.until(lambda: "Taken back" in page.said("#status"))
    time.sleep(0.3)
    assert [event["event"] for event in served.events()].count("undo") == 1


def test_keys_while_waiting_are_for_the_text_that_is_seen(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    page.network(latency=600)
    text = page.text()
    page.press("1")
    page.browser.switch_to.active_element.send_keys("1", "2")
    page.until(lambda: page.text() != text)
    page.network()
    assert served.labels_of(text) == [LABELS[1]]
    assert {event["text"] for event in served.events()} == {text}
    text = page.text()
    page.network(latency=600)
    page.press("5")
    page.browser.switch_to.active_element.send_keys("u")
    page.until(lambda: len(served.events()) == 4)
    page.until(lambda: "Taken back" in page.said("#status"))
    page.network()
    assert page.text() == text
    assert served.labels_of(text) is None


def test_two_people_overwrite_nothing_of_each_other(serve, page):
    served = serve(list(TRUE))
    page.open(served.address, name="ann")
    text = page.text()
    rows = served.post("next", person="ben")
    assert rows["question"]["text"] != text
    number = next(event for event in range(200) if _text(served, event) == text)
    served.post("answer", person="ben", id=number, labels=["food"], version=0)
    page.press("1")
    page.until(lambda: "Meanwhile ben" in page.said("#was"))
    assert page.text() == text
    assert served.labels_of(text) == ["food"]
    page.answer("1")
    assert served.labels_of(text) == [LABELS[0]]
    assert served.events()[-1]["person"] == "ann"


def _text(served, number):
    address = f"{served.address}api/texts/{number}?person=ben"
    with urllib.request.urlopen(address, timeout=30) as answer:
        return json.load(answer)["question"]["text"]


def test_more_labels_than_keys_are_typed(serve, page):
    words = ("arrival", "fee", "limit", "lost", "payment", "pin", "refund")
    labels = [f"card_{word}" for word in words]
    labels += [f"topic {i}" for i in range(60)]
    served = serve(list(TRUE), labels)
    page.open(served.address)
    for typed, wanted in (("refu", "card_refund"), ("PIN", "card_pin"), ("topic 7", "topic 7")):
        text = page.text()
        page.press(typed)
        page.until(lambda wanted=wanted: page.said(".label-button") == wanted)
        page.answer(Keys.ENTER)
        assert served.labels_of(text) == [wanted]
    text = page.text()
    page.press(Keys.SHIFT + "s" + Keys.NULL)
    page.until(lambda: page.text() != text)
    assert served.events()[-1]["event"] == "skip"
    page.press("xyzzy", Keys.ENTER)
    assert "No label has this" in page.said("#labels")
    assert served.events()[-1]["event"] == "skip"


def test_several_labels_are_chosen_and_saved(serve, page):
    served = serve(list(TRUE), LABELS, "--multilabel")
    page.open(served.address)
    text = page.text()
    page.press(Keys.ENTER)
    page.until(lambda: "Choose at least one label" in page.said("#status"))
    page.press("1", "2", "3", "2")
    pressed = [each.get_attribute("data-label") for each in page.all("[aria-pressed=true]")]
    assert pressed == [LABELS[0], LABELS[2]]
    page.answer(Keys.ENTER)
    assert served.labels_of(text) == pressed
    text = page.text()
    page.click(".label-button")
    page.click("[data-do=confirm]")
    page.until(lambda: page.text() != text)
    assert served.labels_of(text) == [LABELS[0]]


def test_what_the_model_gives_is_saved_where_nothing_is_chosen(serve, page):
    served = serve(list(TRUE), LABELS, "--multilabel")
    page.open(served.address)
    for _ in range(30):
        text = page.text()
        page.click(f".label-button[data-label={TRUE[text]}]")
        page.answer(Keys.ENTER)
        assert served.labels_of(text) == [TRUE[text]], "more was chosen than was clicked"
        framed = [each.get_attribute("data-label") for each in page.all(".label-button.guess")]
        if framed:
            break
    assert not page.all("[aria-pressed=true]")
    text = page.text()
    page.answer(Keys.ENTER)
    assert served.labels_of(text) == framed


LONG = "A long text without an end. " * 2000


def test_texts_that_bite_are_shown_as_they_are(serve, page):
    served = serve([*NASTY, LONG], NASTY[:4])
    page.open(served.address)
    shown = set()
    while not page.one("#end").is_displayed():
        shown.add(page.text())
        box = page.one("#box")
        assert box.get_property("scrollWidth") <= box.get_property("clientWidth") + 1
        if page.one("#more").is_displayed():
            page.one("#more").click()
            page.until(lambda: len(page.text()) == 40_000)
            page.one("#more").click()
            page.until(lambda: page.text() == LONG)
            assert not page.one("#more").is_displayed()
        page.answer("s" if len(shown) > 3 else "2")
    signs = {text.replace("\0", "\u2400").replace("\x1b", "\u241b") for text in NASTY}
    assert shown == signs | {LONG[:20_000]}
    assert not page.browser.execute_script(
        "return window.broken || document.getElementById('broken')"
    )
    asked = [
        json.loads(entry["message"])["message"] for entry in page.browser.get_log("performance")
    ]
    urls = [
        each["params"]["request"]["url"] for each in asked
        if each["method"] == "Network.requestWillBeSent"
    ]  # fmt: skip
    assert urls and all(url.startswith((served.address, "about:", "data:")) for url in urls)
    assert page.complaints() == []


def test_the_end_export_and_train(serve, page):
    texts = [text for text in TRUE if TRUE[text] in LABELS[:2]][:16]
    served = serve(texts)
    page.open(served.address)
    page.answer_rightly(len(texts))
    assert page.said("#end-title") == "All answered"
    page.press("e")
    page.until(lambda: page.said("#export-text") == "16 rows in out.tsv.")
    rows = (served.folder / "out.tsv").read_text("utf-8").splitlines()
    assert sorted(rows) == sorted(f"{TRUE[text]}\t{text}" for text in texts)
    page.press(Keys.ESCAPE)
    page.until(lambda: not page.one("#done").is_displayed())
    page.one("#end-train").click()
    page.until(lambda: page.said("#train-text").startswith("The model is in out.ftl"))
    assert (served.folder / "out.ftl").exists()
    assert "fasttext-lite predict out.ftl" in page.said("#train-commands")
    page.press(Keys.ESCAPE)
    page.press("u")
    page.until(lambda: page.one("#box").is_displayed())
    assert page.complaints() == []


def test_the_token_is_taken_from_the_address(serve, page):
    served = serve(list(TRUE), token=SECRET)
    page.open(served.address)
    assert page.browser.current_url == served.address.partition("#")[0]
    text = page.text()
    page.answer("1")
    assert served.labels_of(text) == [LABELS[0]]
    page.browser.execute_script("sessionStorage.clear()")
    page.browser.refresh()
    page.until(lambda: "with its token" in page.said("#banner"))


# Each text on the page: its contrast with what is behind it, where that is below 4.5.
FAINT = """
const rgb = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = (c) => c.slice(0, 3).map((v) => v / 255)
  .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (node) => {
  const layers = [];
  for (; node; node = node.parentElement) {
    const c = rgb(getComputedStyle(node).backgroundColor);
    const alpha = c.length > 3 ? c[3] : 1;
    if (alpha > 0) layers.push([c, alpha]);
    if (alpha === 1) break;
  }
  const over = (under, [c, a]) => c.slice(0, 3).map((v, i) => v * a + under[i] * (1 - a));
  return layers.reverse().reduce(over, [255, 255, 255]);
};
const found = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !node.checkVisibility() || node.closest("svg, :disabled")) continue;
  const a = light(rgb(getComputedStyle(node).color)), b = light(behind(node));
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) found.push([node.outerHTML.slice(0, 80), contrast]);
}
return found;
"""


@pytest.mark.parametrize("width", [360, 1280])
def test_all_widths_and_modes(serve, page, width):
    rows = bundled("zh_topics", "train")[:60]
    labels = [*sorted({label for label, _ in rows}), "a label with a rather long name"]
    served = serve([text for _, text in rows], labels)
    for mode in ("light", "dark"):
        page.open(served.address, width, mode)
        for key in "12312312":
            page.answer(key)
        page.until(lambda: page.said("#guess .label"))
        root = page.one("html")
        assert root.get_property("scrollWidth") <= width
        assert page.browser.execute_script(FAINT) == []
        for button in page.all(".label-button"):
            place = button.rect
            assert place["height"] >= 40
            assert place["x"] >= 0 and place["x"] + place["width"] <= width
        assert page.all(".label-button")[0].rect["y"] > 300  # below the text, near a thumb
        if width == 360:
            page.one("#to-progress").click()
            assert page.one("#counts").is_displayed()
            assert page.browser.execute_script(FAINT) == []
            page.one("#from-progress").click()
        page.press("/")
        page.until(lambda: page.all("#rows li"))
        assert root.get_property("scrollWidth") <= width
        assert page.browser.execute_script(FAINT) == []
        page.press(Keys.ESCAPE)
        page.press("?")
        page.until(lambda: page.one("#help").is_displayed())
        assert page.browser.execute_script(FAINT) == []
        page.press(Keys.ESCAPE)
        assert page.complaints() == []


def test_names_and_roles_are_there_for_who_does_not_see(serve, page):
    served = serve(list(TRUE))
    page.open(served.address)
    for node in page.all("button, input, select, [role]"):
        name = node.accessible_name
        assert name or not node.is_displayed(), node.get_attribute("outerHTML")
    assert page.one("#status").get_attribute("aria-live") == "polite"
    assert page.one("#banner").get_attribute("role") == "alert"
    page.press(Keys.TAB)
    ring = page.browser.switch_to.active_element.value_of_css_property("outline-style")
    assert ring != "none"
