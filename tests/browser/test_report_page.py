"""Pages of reports in a real browser: links, tables, requests, width, modes and print."""

import base64
import json
from itertools import pairwise

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

NAMES = ("en_topics", "zh_topics", "nasty")


@pytest.fixture(params=NAMES)
def page(request, browser, pages):
    """Return the browser with a page open, at 1280 pixels, light."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    show(browser, 1280)
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(pages[request.param].as_uri())
    return browser


def show(browser, width, mode="light"):
    """Give the window a width, and the light or dark mode."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    modes = [{"name": "prefers-color-scheme", "value": mode}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": modes})


# Clicks each heading of each table twice; returns [column is of numbers, [the directions of all
# headings, the values of the column] before and after each click].
SORTED = """
const values = (table, column) => [...table.tBodies[0].rows].map(row => {
  const cell = row.cells[column];
  return cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
});
const found = [];
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const state = () => [heads.map(h => h.getAttribute("aria-sort")), values(table, column)];
    const states = [state()];
    for (let i = 0; i < 2; i++) {
      head.querySelector("button").click();
      states.push(state());
    }
    found.push([column, head.classList.contains("number"), states]);
  });
}
return found;
"""

# Clicks each number of the confusion; returns its text, and what was opened, focused and shown.
OPENED = """
const done = arguments[0], links = [...document.querySelectorAll(".heat a")], found = [];
const next = () => {
  const link = links.shift();
  if (!link) return done(found);
  link.click();
  setTimeout(() => {
    const id = link.getAttribute("href").slice(1), details = document.getElementById(id);
    found.push([link.textContent, details.open, details.querySelectorAll("li q").length,
      details.querySelector("summary .faint").textContent,
      document.activeElement.parentNode.id === id]);
    details.open = false;
    link.click();
    found[found.length - 1].push(details.open);
    next();
  }, 0);
};
next();
"""


def numbers(values):
    """Return texts as numbers; None if one of them is none."""
    try:
        return [float(value.replace(",", "")) for value in values]
    except ValueError:
        return None


def test_nothing_is_said_and_nothing_is_asked_for(page):
    requests = [
        message["params"]["request"]["url"]
        for entry in page.get_log("performance")
        if (message := json.loads(entry["message"])["message"])["method"]
        == "Network.requestWillBeSent"
    ]
    assert requests == [page.current_url]
    assert page.get_log("browser") == []
    assert page.execute_script("return window.broken") is None
    assert not page.find_elements(By.ID, "broken")
    assert not page.find_elements(By.CSS_SELECTOR, "img, link, iframe, object, [src], form")


def test_ids_are_each_there_once_and_links_lead_to_them(page):
    ids = page.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids)) > 10
    links = page.execute_script(
        "return [...document.querySelectorAll('a, use')].map("
        "e => e.getAttribute('href') || e.getAttribute('xlink:href'))"
    )
    assert len(links) > 20
    assert {link[1:] for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)


def test_each_section_is_in_the_list_of_sections(page):
    sections = [each.get_attribute("id") for each in page.find_elements(By.TAG_NAME, "section")]
    links = [e.get_attribute("href") for e in page.find_elements(By.CSS_SELECTOR, "nav a")]
    assert [link.rpartition("#")[2] for link in links] == sections
    assert {"summary", "labels", "confusion", "sure", "errors", "features", "more"} < {*sections}


def test_each_table_sorts(page):
    found = page.execute_script(SORTED)
    assert len(found) > 20
    for column, is_number, states in found:
        (_, before), *after = states
        assert sorted(directions[column] for directions, _ in after) == ["ascending", "descending"]
        for directions, values in after:
            assert sorted(values) == sorted(before)  # no row is lost
            assert directions.count("none") == len(directions) - 1
            if is_number:
                ordered = numbers(values)
                falls = directions[column] == "descending"
                assert ordered == sorted(ordered, reverse=falls)
        if not is_number and numbers(before) is None:
            assert after[0][1] == after[1][1][::-1] or len(set(before)) < len(before)


def test_tables_sort_by_the_keyboard(browser, pages):
    show(browser, 1280)
    browser.get(pages["en_topics"].as_uri())
    for table in browser.find_elements(By.CSS_SELECTOR, "table.sortable"):
        head = table.find_element(By.CSS_SELECTOR, "thead th")
        button = head.find_element(By.TAG_NAME, "button")
        seen = [head.get_attribute("aria-sort")]
        for key in (Keys.ENTER, Keys.SPACE, Keys.ENTER):
            browser.execute_script("arguments[0].focus()", button)
            button.send_keys(key)
            seen.append(head.get_attribute("aria-sort"))
        assert all(one != other for one, other in pairwise(seen)), seen


def test_each_number_opens_its_texts(page):
    found = page.execute_async_script(OPENED)
    assert len(found) > 5
    for number, is_open, n_texts, count, has_focus, opens_again in found:
        assert is_open and has_focus and opens_again
        assert number == count
        assert n_texts == min(int(number), 5)


def test_a_number_opens_its_texts_by_the_keyboard(page):
    link = page.find_element(By.CSS_SELECTOR, ".heat a")
    page.execute_script("arguments[0].focus()", link)
    link.send_keys(Keys.ENTER)
    page.execute_async_script("setTimeout(arguments[0], 0)")
    target = page.find_element(By.ID, link.get_attribute("href").rpartition("#")[2])
    assert target.get_attribute("open") is not None


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_as_wide_as_the_window(page, width):
    show(page, width)
    page.execute_script("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    widths = page.execute_script(
        "return [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]"
    )
    assert widths == [width, width, width]
    beyond = page.execute_script(
        "return [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, nav') "
        "&& e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 99))"
    )
    assert beyond == []


def luminance(color):
    """Return the relative luminance of rgb(...), as WCAG has it."""
    parts = [int(float(x)) / 255 for x in color[color.index("(") + 1 : -1].split(",")[:3]]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_light_and_dark(page, mode):
    show(page, 1280, mode)
    paper = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (luminance(paper) > 0.5) == (mode == "light")
    for selector in ("body", "a", ".faint", ".chart text", ".tile b", "th button"):
        style = "fill" if "text" in selector else "color"
        ink = page.execute_script(
            f"return getComputedStyle(document.querySelector('{selector}')).{style}"
        )
        light, dark = sorted([luminance(ink), luminance(paper)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, selector
    lines = page.execute_script(
        "return [...document.querySelectorAll('.chart path')].map(e => getComputedStyle(e).stroke)"
    )
    assert len(set(lines)) >= 3  # variables became colours
    assert "rgb(0, 0, 0)" not in lines


def test_it_is_printed(page):
    paper = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    data = base64.b64decode(paper["data"])
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") + data.count(b"/Type /Page ") >= 3


def test_it_reads_without_scripts(page, browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(browser.current_url.partition("#")[0])
        assert not browser.find_elements(By.CSS_SELECTOR, "th button")
        summary = browser.find_element(By.CSS_SELECTOR, "#examples + p + .examples summary")
        summary.click()
        assert browser.find_element(By.CSS_SELECTOR, ".examples details[open] q").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_labels_are_found_by_their_names(browser, pages):
    browser.get(pages["nasty"].as_uri())
    field = browser.find_element(By.CSS_SELECTOR, ".find input")
    field.send_keys("label 2")
    rows = browser.find_elements(By.CSS_SELECTOR, "#label-table tbody tr")
    shown = [row.find_element(By.TAG_NAME, "th").text for row in rows if row.is_displayed()]
    assert len(rows) == 32
    assert sorted(shown) == ["label 2", *(f"label {i}" for i in range(20, 25))]
