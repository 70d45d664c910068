"""The first page as a person meets it, in a real browser against the real service."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Visit, visiting
from tests.browser.cutter import cutting

PROMPT = "The last night of the summer fair, and who I was there with"
AXE = Path(__file__).parent / "vendor" / "axe.min.js"
HOSTILE = "<img src=x onerror=alert(1)> <b>שלום</b> 🎸"
# Keeps every text that a section had while it was being written.
WATCH_WORDS = """
globalThis.seen = [];
new MutationObserver(() => {
  for (const live of document.querySelectorAll(".live")) {
    const section = live.closest("[data-section]").dataset.section;
    if (live.textContent) globalThis.seen.push([section, live.textContent]);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


def get_json(url: str) -> Any:
    with urlopen(Request(url, headers={"Accept": "application/json"}), timeout=30) as answer:
        return json.load(answer)


def order_song(page: Page, prompt: str = PROMPT, **fields: str) -> None:
    page.fill("#prompt", prompt)
    if fields:
        page.locator("#song-form details").evaluate("details => { details.open = true }")
    for name, value in fields.items():
        page.fill(f"#{name}", value)
    page.click("#song-form button[type=submit]")


def finished(page: Page) -> None:
    expect(page.locator(".sheet[data-over] .acts")).to_have_count(1)


def run_of(page: Page) -> str:
    return page.url.rpartition("=")[2]


def typed_words(site: str, run_id: str) -> dict[str, str]:
    """What the run's tokens of each section add up to, as the service keeps them."""
    words: defaultdict[str, str] = defaultdict(str)
    for event in get_json(f"{site}/runs/{run_id}/events?after=0")["items"]:
        if event["type"] == "token":
            words[event["data"]["section"]] += event["data"]["text"]
    return words


def axe_faults(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })"
    )
    return [
        f"{v['id']}: {v['nodes'][0]['html']}" for v in found["violations"] if v["impact"] in ("serious", "critical")
    ]


def overflow_px(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def test_words_stream_into_their_sections_and_end_annotated(browser: Browser, site: str) -> None:
    with cutting(site) as slow_line, visiting(browser, slow_line.url, first=WATCH_WORDS) as visit:
        page = visit.page
        order_song(page, seed="11")
        finished(page)
        kept = get_json(f"{site}/runs/{run_of(page)}")["result"]["lyrics"]
        assert page.locator(".title").text_content() == kept["title"]
        lines = [line for section in kept["sections"] for line in section["lines"]]
        assert page.locator(".lines .text").all_text_contents() == [line["text"] for line in lines]
        counts = page.locator(".lines .count").all_inner_texts()
        assert [int(re.findall(r"\d+", count)[0]) for count in counts] == [line["syllables"] for line in lines]
        letters = page.locator(".lines .rhyme").evaluate_all("marks => marks.map(m => m.lastChild?.data ?? null)")
        assert letters == [line["rhyme"] for line in lines]
        beats = page.locator(".lines .stress").evaluate_all(
            "rows => rows.map(row => [...row.children].map(i => i.className === 'strong' ? '/' : 'x').join(''))"
        )
        assert beats == [line["stress"] for line in lines]
        seen: list[list[str]] = page.evaluate("globalThis.seen")
        sections = {section for section, _ in seen}
        assert len(sections) >= 2, "words were seen while they were written"
        assert any(len({text for name, text in seen if name == section}) > 1 for section in sections)


def test_a_dropped_stream_is_taken_up_again_and_shows_nothing_twice(browser: Browser, site: str) -> None:
    with cutting(site, cuts=3, after_bytes=2600) as cutter, visiting(browser, cutter.url, first=WATCH_WORDS) as visit:
        page = visit.page
        order_song(page, seed="12")
        finished(page)
        assert len(cutter.streams) == 4
        first, *later = cutter.streams
        assert first is None
        assert later == sorted(last for last in later if last), "each goes on from the last event that arrived"
        run_id = run_of(page)
        typed = typed_words(site, run_id)
        for section, text in page.evaluate("globalThis.seen"):
            assert typed[section].startswith(text), "no word was shown twice or out of order"
        kept = get_json(f"{site}/runs/{run_id}")["result"]["lyrics"]
        assert page.locator(".lines .text").count() == sum(len(section["lines"]) for section in kept["sections"])
        labels = page.locator(".steps li").all_text_contents()
        writing = [label for label in labels if label.startswith("Writing")]
        assert len(writing) == len(set(writing))
        expect(page.locator(".state")).to_be_hidden()


def test_a_plan_is_shown_changed_and_accepted(page: Page, site: str) -> None:
    page.check("[name=review_plan]")
    order_song(page, seed="13")
    plan = page.get_by_role("form", name="Plan of the song")
    expect(plan.get_by_label("Title")).to_be_focused()
    plan.get_by_label("Title").fill("Sugar and Rain")
    plan.get_by_label("Hook").fill("sugar and rain")
    plan.get_by_label("Verse 1").fill("The wheel is taken down.")
    plan.get_by_role("button", name="Accept and write").click()
    finished(page)
    expect(page.locator(".title")).to_have_text("Sugar and Rain")
    plan_kept = get_json(f"{site}/runs/{run_of(page)}")["result"]["plan"]
    assert plan_kept["hook"] == "sugar and rain"
    assert plan_kept["sections"][0]["job"] == "The wheel is taken down."


def test_a_waiting_run_can_be_cancelled_and_survives_a_reload_before(page: Page, site: str) -> None:
    page.check("[name=review_plan]")
    order_song(page)
    expect(page.locator(".plan")).to_be_visible()
    page.reload()
    expect(page.locator(".plan")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".state")).to_contain_text("Cancelled")
    assert get_json(f"{site}/runs/{run_of(page)}")["status"] == "cancelled"


def test_music_is_found_with_reasons_and_a_path_over_the_plane(page: Page, site: str) -> None:
    page.fill("#text", "Wound up after a long day, help me come down")
    page.fill("#count", "5")
    page.locator("#music-form details").evaluate("details => { details.open = true }")
    page.select_option("#weather", "rain")
    page.click("#music-form button[type=submit]")
    finished(page)
    kept = get_json(f"{site}/runs/{run_of(page)}")["result"]["playlist"]
    assert page.locator(".track b").all_text_contents() == [track["title"] for track in kept["tracks"]]
    assert page.locator(".reason").all_text_contents() == [track["reason"] for track in kept["tracks"]]
    assert page.locator(".plane .dot").count() == 5
    assert len(str(page.locator(".plane .path").get_attribute("points")).split()) == 5
    expect(page.locator(".explanation")).to_have_text(kept["explanation"])
    assert axe_faults(page) == []


def test_what_was_made_is_listed_and_opens_again(page: Page) -> None:
    order_song(page, seed="14")
    finished(page)
    title = str(page.locator(".title").text_content())
    words = page.locator(".lines .text").all_text_contents()
    page.reload()
    finished(page)  # the run in the address is shown again
    page.locator("#recent-songs a").first.click()
    expect(page.locator(".title")).to_have_text(title)
    expect(page.locator("#stage .sheet")).to_have_count(1)
    assert page.locator(".lines .text").all_text_contents() == words


def test_hostile_words_are_shown_as_text(page: Page) -> None:
    page.check("[name=review_plan]")
    order_song(page, f"</textarea><script>document.title = 'owned'</script> {HOSTILE}")
    plan = page.get_by_role("form", name="Plan of the song")
    plan.get_by_label("Title").fill(HOSTILE)
    plan.get_by_label("Verse 1").fill(HOSTILE)
    plan.get_by_role("button", name="Accept and write").click()
    finished(page)
    expect(page.locator(".title")).to_have_text(HOSTILE)
    expect(page.locator("#recent-songs a").first).to_have_text(HOSTILE)
    assert page.title() == "Songwright"
    assert page.locator("main img, main script, main b:has-text('שלום')").count() == 0


def test_a_problem_is_said_at_its_field(page: Page) -> None:
    order_song(page, "x" * 8001)
    expect(page.locator("#prompt-error")).to_contain_text("8000")
    expect(page.locator("#prompt")).to_be_focused()
    expect(page.locator("#prompt")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".sheet")).to_have_count(0)
    page.fill("#prompt", "A short one")
    expect(page.locator("#prompt-error")).to_be_hidden()
    order_song(page, "A short one", syllables="40")
    expect(page.locator("#syllables-error")).to_have_text("Choose a number from 3 to 16.")
    page.locator("#syllables").evaluate("field => field.removeAttribute('max')")
    order_song(page, "A short one", syllables="40")
    expect(page.locator("#syllables-error")).to_contain_text("16")
    assert axe_faults(page) == []


def test_the_whole_page_works_from_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.locator("#prompt").focus()
    page.keyboard.type("A train that never stopped here")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".sheet")).to_be_focused()
    finished(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Copy the words")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_theme_is_accessible_in_every_state(browser: Browser, site: str, theme: Any) -> None:
    with visiting(browser, site, color_scheme=theme, reduced_motion="reduce") as visit:
        page = visit.page
        assert axe_faults(page) == []
        page.check("[name=review_plan]")
        order_song(page, seed="15")
        expect(page.locator(".plan")).to_be_visible()
        assert axe_faults(page) == []
        page.click(".plan button[type=submit]")
        finished(page)
        assert axe_faults(page) == []


def test_a_chosen_theme_stays(page: Page) -> None:
    def ground() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = ground()
    button = page.locator("#theme")
    button.click()
    button.click()
    expect(button).to_have_text("Theme: dark")
    dark = ground()
    assert dark != light
    page.reload()
    page.wait_for_selector(":root[data-ready]", state="attached")
    assert ground() == dark
    expect(button).to_have_text("Theme: dark")


def test_narrow_screens_have_tabs_and_nothing_to_scroll_sideways(browser: Browser, site: str) -> None:
    with visiting(browser, site, width=360) as visit:
        page = visit.page
        expect(page.locator("#tool-music")).to_be_hidden()
        assert overflow_px(page) == 0
        page.get_by_role("tab", name="Write a song").focus()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#tool-music")).to_be_visible()
        expect(page.locator("#tool-song")).to_be_hidden()
        page.fill("#text", "calm")
        page.click("#music-form button[type=submit]")
        finished(page)
        assert overflow_px(page) == 0
        page.get_by_role("tab", name="Write a song").click()
        order_song(page, "W" * 400)
        expect(page.locator(".sheet[data-over] .lines").first).to_be_visible()
        assert overflow_px(page) == 0
        assert axe_faults(page) == []


def test_without_scripts_the_forms_stand_and_say_what_needs_scripts(browser: Browser, site: str) -> None:
    with visiting(browser, site, java_script_enabled=False) as visit:
        expect(visit.page.locator("#prompt")).to_be_visible()
        expect(visit.page.locator("#text")).to_be_visible()
        expect(visit.page.get_by_text("needs scripts")).to_be_visible()
        expect(visit.page.locator("#theme")).to_be_hidden()


def test_the_policy_allows_only_this_origin_and_files_keep_for_a_year(visit: Visit, site: str) -> None:
    with urlopen(Request(site, headers={"Accept": "text/html"}), timeout=30) as answer:
        policy = answer.headers["content-security-policy"]
        text = answer.read().decode()
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "unsafe" not in policy
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    sheet = re.findall(r'href="(/static/\w+/first\.css)"', text)[0]
    with urlopen(f"{site}{sheet}", timeout=30) as answer:
        assert "immutable" in answer.headers["cache-control"]
    with urlopen(f"{site}/static/first.css", timeout=30) as answer:
        assert answer.headers["cache-control"] == "no-cache"
    assert visit.complaints == []
