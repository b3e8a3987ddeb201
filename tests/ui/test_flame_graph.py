# SPDX-License-Identifier: Apache-2.0
"""Flame graphs as people meet them: opened from a file, in Chromium."""

import json

import pytest

from conftest import set_view

pages = pytest.mark.parametrize("kind", ["html", "svg"])
PROFILES = ["cpu", "off_cpu", "hostile", "empty", "large", "diff"]


def key(name):
    from selenium.webdriver.common.keys import Keys
    return getattr(Keys, name)


def open_file(browser, folder, name):
    browser.get((folder / name).as_uri())


def text(browser, element_id):
    return browser.execute_script("return document.getElementById(arguments[0]).textContent", element_id)


def boxes(browser):
    """Name, left and width (pixels) of what is shown, in either kind of file."""
    return browser.execute_script("""
        const all = document.querySelectorAll("#graph div, .box:not(.gone)");
        return [...all].map((box) => {
          const {left, width, top} = (box.querySelector("rect") ?? box).getBoundingClientRect();
          const name = box.node ? box.node.text : box.querySelector("title").textContent.split("\\n")[0];
          return {name, left, width, top};
        });""")


def box(browser, name):
    return next(b for b in boxes(browser) if b["name"] == name)


def click(browser, name):
    browser.execute_script("""
        for (const box of document.querySelectorAll("#graph div, .box")) {
          const name = box.node ? box.node.text : box.querySelector("title").textContent.split("\\n")[0];
          if (name === arguments[0]) { box.dispatchEvent(new MouseEvent("click", {bubbles: true})); return; }
        }
        throw new Error("no box " + arguments[0]);""", name)


def search(browser, wanted):
    field = browser.find_element("id", "search")
    field.click()  # neither send_keys() nor clear() can give or take the focus inside an SVG
    browser.execute_script("arguments[0].value = ''", field)
    field.send_keys(wanted)
    return text(browser, "matched")


def keys(browser, *names):
    from selenium.webdriver.common.action_chains import ActionChains
    actions = ActionChains(browser)
    for name in names:
        actions.send_keys(key(name) if len(name) > 1 else name)
    actions.perform()


def focused(browser):
    return browser.execute_script("return document.activeElement.node?.text ?? document.activeElement.id")


@pages
@pytest.mark.parametrize("profile", PROFILES)
def test_a_file_opens_without_an_error_or_a_request(browser, flame_graphs, profile, kind, request):
    name = f"{profile}.{kind}"
    open_file(browser, flame_graphs, name)
    assert browser.get_log("browser") == []
    requests = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {message["params"]["request"]["url"] for message in requests
            if message["method"] == "Network.requestWillBeSent"}
    assert {url for url in urls if not url.startswith("data:")} == {(flame_graphs / name).as_uri()}
    assert "host-1 <b>&</b>" in browser.title
    assert boxes(browser)[0]["name"] == "all"
    if folder := request.config.getoption("--screenshots"):
        for width, scheme in ((1280, "light"), (400, "light"), (1280, "dark")):
            set_view(browser, width, 800, scheme)
            browser.save_screenshot(f"{folder}/{profile}_{kind}_{width}_{scheme}.png")


@pages
def test_widths_are_shares(browser, flame_graphs, kind):
    open_file(browser, flame_graphs, f"cpu.{kind}")
    whole = box(browser, "all")["width"]
    assert box(browser, "gunicorn")["width"] / whole == pytest.approx(38 / 130, abs=0.005)
    assert box(browser, "tcp_sendmsg_[k]")["width"] / whole == pytest.approx(19 / 130, abs=0.005)
    parent, child = box(browser, "gunicorn"), box(browser, "__libc_start_main")
    assert child["left"] == pytest.approx(parent["left"], abs=1)
    assert child["top"] > parent["top"]


@pages
def test_a_click_zooms_and_escape_resets(browser, flame_graphs, kind):
    open_file(browser, flame_graphs, f"cpu.{kind}")
    before = boxes(browser)
    whole = box(browser, "all")["width"]
    click(browser, "gunicorn")
    shown = {b["name"] for b in boxes(browser)}
    assert "Handler.do_GET (views.py)" in shown and "all" in shown
    assert "tcp_sendmsg_[k]" not in shown
    assert box(browser, "gunicorn")["width"] == pytest.approx(whole, abs=1)
    keys(browser, "ESCAPE")
    assert boxes(browser) == before


@pages
def test_search_tells_the_share_that_matches(browser, flame_graphs, kind):
    open_file(browser, flame_graphs, f"cpu.{kind}")
    # Each stack counts once, however many of its frames match.
    assert search(browser, "NGX_") == "58.46% matched"
    assert search(browser, "libc.so") == "43.85% matched"
    assert search(browser, "nothing like this") == "0.00% matched"
    browser.find_element("id", "reset").click()
    assert text(browser, "matched") == ""
    assert browser.execute_script("return document.querySelectorAll('.found').length") == 0


@pages
def test_hostile_names_are_only_text(browser, flame_graphs, kind):
    open_file(browser, flame_graphs, f"hostile.{kind}")
    assert "broken" not in browser.title
    names = {b["name"] for b in boxes(browser)}
    assert "</script><script>document.title='broken'</script>" in names
    assert "<img src=x onerror=\"document.title='broken'\">" in names
    assert browser.execute_script("return document.querySelectorAll('img').length") == 0
    assert browser.execute_script("return document.querySelectorAll('script').length") == (2 if kind == "html" else 1)


@pages
def test_a_difference_shows_both_shares(browser, flame_graphs, kind):
    open_file(browser, flame_graphs, f"diff.{kind}")
    used = browser.execute_script("""
        return [...document.querySelectorAll("#graph div, .box rect")].map((box) => box.getAttribute("class"));""")
    assert any("grew" in name for name in used) and any("shrank" in name for name in used)
    assert all(("grew" in name) or ("shrank" in name) or ("same" in name) for name in used)


def test_colours_tell_the_kind_of_code(browser, flame_graphs):
    open_file(browser, flame_graphs, "cpu.html")
    looks = browser.execute_script("""
        return Object.fromEntries([...document.querySelectorAll("#graph div")].map(
          (box) => [box.node.text, box.className.split(" ")[0]]));""")
    assert looks["tcp_sendmsg_[k]"] == "kernel"
    assert looks["Handler.do_GET (views.py)"] == "python"
    assert looks["runtime.goexit"] == "go"
    assert looks["ngx_strlow"] == "native"
    assert looks["[stripped+0x1abc]"] == "nameless"
    assert looks["[truncated]"] == "mark"


def test_the_keyboard_is_enough(browser, flame_graphs):
    open_file(browser, flame_graphs, "cpu.html")
    keys(browser, "/")
    assert focused(browser) == "search"
    keys(browser, "TAB")  # the other button is off: nothing is to be reset
    assert focused(browser) == "all"
    keys(browser, "ARROW_DOWN")
    assert focused(browser) == "nginx"  # the widest child
    assert "58.46% of all: 76 samples, 4.00 s" in text(browser, "tip")
    keys(browser, "ARROW_LEFT")
    assert focused(browser) == "gunicorn"
    keys(browser, "ARROW_DOWN", "ENTER")
    assert focused(browser) == "__libc_start_main"
    assert box(browser, "__libc_start_main")["width"] == box(browser, "all")["width"]
    assert "libc.so.6" in browser.execute_script("""
        document.activeElement.dispatchEvent(new MouseEvent("mousemove", {bubbles: true, clientX: 9, clientY: 9}));
        return document.getElementById("tip").textContent;""")
    keys(browser, "ESCAPE")
    assert any(b["name"] == "nginx" for b in boxes(browser))


def test_a_narrow_window_holds_everything(browser, flame_graphs):
    set_view(browser, 400, 800, "light")
    for name in ("cpu", "large", "hostile", "diff"):
        open_file(browser, flame_graphs, f"{name}.html")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 400, name


def luminance(colour):
    def linear(c):
        c /= 255
        return c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4
    return sum(weight * linear(c) for weight, c in zip((0.2126, 0.7152, 0.0722), colour))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_on_every_colour_can_be_read(browser, flame_graphs, scheme):
    set_view(browser, 1280, 800, scheme)
    open_file(browser, flame_graphs, "cpu.html")
    looks = ["thread", "mark", "nameless", "native", "kernel", "go", "python", "java", "javascript", "jit",
             "grew-1", "grew-2", "grew-3", "same", "shrank-1", "shrank-2", "shrank-3"]
    for look in looks:
        paper, ink = browser.execute_script("""
            const box = document.querySelector("#graph div");
            box.className = arguments[0];
            const style = getComputedStyle(box);
            return [style.backgroundColor, style.color].map((text) => text.match(/\\d+/g).slice(0, 3).map(Number));
            """, look)
        light, dark = sorted((luminance(paper), luminance(ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (look, paper, ink)
