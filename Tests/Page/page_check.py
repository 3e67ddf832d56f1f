"""Drives the coordinator's page with a real browser while a real sweep runs; `make page-check` runs it.

    python Tests/Page/page_check.py RADIATA [--shots DIR]

Needs playwright and axe-playwright-python (requirements.txt beside this) and Debian's chromium. A coordinator, a
worker of three slots and the sweep of live.yaml run in a temporary folder; the browser is let in by the one-time
link and does what people do. Any console error, request elsewhere, overflow or serious fault that axe finds fails.
"""

import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
WIDTHS = (390, 1440, 2560)


class House:
    """A coordinator and a worker of their own."""

    def __init__(self, radiata, pace):
        self.radiata = str(pathlib.Path(radiata).resolve())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="page-check-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "RADIATA_COORDINATOR": self.url, "XDG_STATE_HOME": str(self.folder / "state")}
        self.children = []
        self.run_long("coordinator", "run", "--data", str(self.folder / "data"), "--listen", f"127.0.0.1:{self.port}")
        self.until(lambda: self.call("status", check=False).returncode == 0, "the coordinator answers")
        text = (HERE / "live.yaml").read_text().replace("TRAINER", json.dumps(str(HERE / "trainer.py")))
        (self.folder / "live.yaml").write_text(text.replace("PACE", str(pace)))
        self.call("launch", str(self.folder / "live.yaml"), "--yes")

    def run_long(self, *arguments):
        log = open(self.folder / f"{arguments[0]}-{len(self.children)}.log", "w")
        self.children.append(subprocess.Popen(
            [self.radiata, *arguments], env=self.environment, stdout=log, stderr=log, cwd=self.folder))

    def worker(self, *arguments):
        self.run_long("worker", "run", "--work", str(self.folder / f"worker-{len(self.children)}"), *arguments)

    def call(self, *arguments, check=True):
        done = subprocess.run([self.radiata, *arguments], env=self.environment, capture_output=True, text=True,
                              cwd=self.folder)
        if check and done.returncode != 0:
            raise SystemExit(f"radiata {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def query(self, sql):
        return json.loads(self.call("query", sql, "--format", "json").stdout)

    def until(self, condition, what, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"not within {seconds} s: {what}")
            time.sleep(0.2)

    def close(self):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
        for child in self.children:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(20)
            if child.poll() is None:
                child.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Watched:
    """A browser page whose faults are collected."""

    def __init__(self, browser, house, shots, **options):
        self.house, self.shots, self.faults = house, shots, []
        self.context = browser.new_context(accept_downloads=True, viewport={"width": 1440, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.faults.append(
            f"console: {message.text} ({message.location.get('url', '')})"))
        self.page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        self.page.on("request", self.requested)

    def requested(self, request):
        if not request.url.startswith((self.house.url + "/", "blob:" + self.house.url, "data:", "about:")):
            self.faults.append(f"request elsewhere: {request.url}")

    def goto(self, hash_):
        self.page.evaluate("hash => { location.hash = hash; }", hash_)

    def no_overflow(self, name):
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.wait_for_function("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(() => go(true))))")
            wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if wide > 0:
                self.faults.append(f"{name}: {wide} pixels too wide at {width}: " + self.page.evaluate(
                    "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1"
                    " && !e.closest('.scroll, .strip')).slice(0, 3).map(e => e.outerHTML.slice(0, 90)).join(' | ')"))
            self.shot(f"{name}-{width}")
        self.page.set_viewport_size({"width": 1440, "height": 900})

    def shot(self, name):
        if self.shots:
            self.page.screenshot(path=str(self.shots / f"{name}.png"))

    def axe(self, name):
        found = Axe().run(self.page)
        for fault in found.response["violations"]:
            if fault["impact"] in ("serious", "critical"):
                nodes = "; ".join(node["html"][:120] for node in fault["nodes"][:3])
                self.faults.append(f"axe, {name}: {fault['id']}: {fault['help']}: {nodes}")

    def tab_to(self, selector, most=150):
        """Presses Tab until the focus is there: what cannot be reached so is out of reach for many people."""
        for _ in range(most):
            if self.page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {selector}")


def filter_and_sort(watched):
    page = watched.page
    page.locator("#filter").fill("lr:1e-3")
    expect(page.locator(".count")).to_contain_text("of 4 jobs")
    page.locator("#filter").fill("state:failed")
    expect(page.locator(".count")).to_contain_text("of 2 jobs")
    assert "filter=state" in page.url, page.url
    page.locator("#filter").fill("dim>4 kind:train")
    expect(page.locator(".count")).to_contain_text("of 6 jobs")
    page.locator("#filter").fill("nonsense>3")
    expect(page.locator(".count")).to_contain_text("no column 'nonsense'")
    page.locator("#filter").fill("")
    expect(page.locator(".count")).to_contain_text("of 14 jobs")
    page.get_by_role("button", name="dim", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("dim")
    page.get_by_role("button", name=re.compile("^dim")).click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("dim")
    column = page.locator("thead th").all_text_contents().index("dim▼")
    cells = [float(row.locator("td, th").nth(column).text_content()) for row in page.locator("tbody tr").all()]
    assert cells == sorted(cells, reverse=True), cells
    page.reload()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("dim")


def curves(watched):
    page = watched.page
    page.locator("#filter").fill("state:running")
    expect(page.locator("tbody .state.running")).to_have_count(3)
    expect(page.locator("tbody tr")).to_have_count(3)
    boxes = page.locator("tbody input[type=checkbox]")
    boxes.nth(0).check()
    expect(page.get_by_role("link", name="Curves of 1 picked")).to_be_visible()
    boxes.nth(1).check()
    page.get_by_role("link", name="Curves of 2 picked").click()
    expect(page.locator(".plot canvas").first).to_be_visible()
    expect(page.locator(".legend li")).to_have_count(2)
    place = page.locator(".plot-place")
    before = int(place.get_attribute("data-points"))
    page.wait_for_function("n => Number(document.querySelector('.plot-place').dataset.points) > n", arg=before)
    page.get_by_label("Smoothing in percent").fill("60")
    page.wait_for_function("() => document.querySelector('.plot-place').dataset.lines === '4'")
    page.get_by_label("log values").check()
    page.get_by_label("log steps").check()
    assert "logx=1" in page.url and "smooth=60" in page.url, page.url
    page.locator("#curve-key").select_option("val_loss")
    page.wait_for_function("() => document.querySelector('.plot')?.getAttribute('aria-label').startsWith('val_loss')")
    page.locator("#curve-key").select_option("loss")
    page.get_by_label("log steps").uncheck()


def images(watched):
    page = watched.page
    expect(page.locator(".frame img").first).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('.frame img[src^=blob]').length > 1")
    slider = page.locator("#step")
    first = page.locator("output").text_content()
    slider.press("Home")
    expect(page.locator("output")).not_to_have_text(first)
    slider.press("End")
    expect(page.locator("output")).to_have_text(first)
    page.locator("#zoom").fill("4")
    assert "zoom=4" in page.evaluate("new Promise(go => setTimeout(() => go(location.hash), 300))")
    page.locator("#zoom").fill("1")
    page.locator(".pick", has_text="A").first.click()
    page.locator(".pick", has_text="B").last.click()
    wipe = page.locator("#wipe")
    expect(wipe).to_be_visible()
    wipe.fill("25")
    clip = page.locator(".wipe .top").evaluate("element => element.style.clipPath")
    assert "25%" in clip, clip
    page.wait_for_function("() => document.querySelectorAll('.wipe img[src^=blob]').length === 2")


def votes(watched):
    page, house = watched.page, watched.house
    expect(page.locator(".pair img").first).to_be_visible()
    assert not re.search(r"[0-9a-f]{8}", page.locator(".booth").inner_text()), "the booth tells whose pictures they are"
    page.get_by_role("button", name="The left one is better").click()
    expect(page.locator("h2", has_text="1 votes")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("h2", has_text="2 votes")).to_be_visible()
    page.get_by_role("button", name="= Neither is better").click()
    expect(page.locator("h2", has_text="3 votes")).to_be_visible()
    expect(page.locator("section[aria-label='What the votes say'] tbody tr").first).to_be_visible()
    rows = house.query("SELECT count(*) AS n, min(value) AS low, max(value) AS high FROM results WHERE metric = 'votes'")
    assert rows[0]["n"] >= 2 and 0 < rows[0]["low"] < rows[0]["high"] < 1, rows
    top = json.loads(house.call("top", "live", "--metric", "votes", "--format", "json").stdout)
    assert top["better"] == "higher" and top["rows"], top


def pause_and_resume(watched):
    page, house = watched.page, watched.house
    page.locator(".head button[data-action=pause]").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text(re.compile(r"jobs? .*(paused|stops when it has saved)"))
    watched.shot("dialog")
    watched.axe("dialog")
    states = "SELECT count(*) AS n FROM jobs WHERE state = 'paused'"
    assert house.query(states)[0]["n"] == 0, "the question changed something"
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_have_count(0)
    assert house.query(states)[0]["n"] == 0
    page.locator(".head button[data-action=pause]").click()
    dialog.get_by_role("button", name="Pause", exact=True).click()
    house.until(lambda: house.query(states)[0]["n"] > 0, "jobs are paused")
    expect(page.locator(".head .state").first).to_contain_text("paused")
    page.locator("#filter").fill("state:paused")
    expect(page.locator("tbody .why").first).to_contain_text("it is paused")
    page.locator(".head button[data-action=unpause]").click()
    dialog.get_by_role("button", name="Unpause", exact=True).click()
    house.until(lambda: house.query(states)[0]["n"] == 0, "jobs go on")
    audit = house.query("SELECT detail FROM audit WHERE call = 'action' ORDER BY id")
    assert [row["detail"] for row in audit] == ["pause live", "unpause live"], audit


def job(watched):
    page, house = watched.page, watched.house
    rows = house.query("SELECT job, name, file, sha256 FROM checkpoints ORDER BY job, step LIMIT 1")
    watched.goto(f"#/job/{rows[0]['job']}")
    button = page.get_by_role("button", name=f"Download {rows[0]['file']} of {rows[0]['name']}").first
    with page.expect_download() as started:
        button.click()
    content = pathlib.Path(started.value.path()).read_bytes()
    assert hashlib.sha256(content).hexdigest() == rows[0]["sha256"]
    expect(page.locator(".log")).to_contain_text("training with lr")
    other = house.query(f"SELECT id FROM jobs WHERE id <> '{rows[0]['job']}' AND state <> 'failed' LIMIT 1")[0]["id"]
    page.get_by_text("Settings", exact=True).click()
    page.get_by_label("Job to compare the settings with").fill(other[:12])
    expect(page.locator("tr.differs").first).to_be_visible()


def by_keyboard(watched):
    """Filter, sort, pick a job, open a dialog and leave it, open a job: without a pointer."""
    page = watched.page
    watched.goto("#/sweep/live")
    expect(page.locator("tbody tr").nth(3)).to_be_visible()
    page.evaluate("document.activeElement.blur()")
    watched.tab_to(".head button[data-action]")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    watched.tab_to("#filter")
    page.keyboard.type("dim:4")
    expect(page.locator(".count")).to_contain_text("of 8 jobs")
    watched.tab_to("thead .sort")
    page.keyboard.press("Enter")
    expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)
    watched.tab_to("tbody input[type=checkbox]")
    page.keyboard.press("Space")
    expect(page.get_by_role("link", name="Curves of 1 picked")).to_be_visible()
    watched.tab_to("tbody a.id")
    page.keyboard.press("Enter")
    expect(page.locator("h1", has_text="Job")).to_be_visible()


def every_view(watched, name):
    job_id = watched.house.query("SELECT job FROM checkpoints LIMIT 1")[0]["job"]
    for view, hash_, sign in [
        ("sweeps", "#/sweeps", ".card"), ("jobs", "#/sweep/live", "tbody tr"), ("curves", "#/sweep/live/curves", ".plot canvas"),
        ("compare", "#/sweep/live/compare", ".layers canvas"), ("ranking", "#/sweep/live/ranking", ".ranking tbody tr"),
        ("images", "#/sweep/live/images", ".frame img[src]"), ("votes", "#/sweep/live/votes", ".ballot img[src]"),
        ("job", f"#/job/{job_id}", ".log"), ("workers", "#/workers", ".workers tbody tr"),
    ]:
        watched.goto(hash_)
        watched.page.locator(sign).first.wait_for()
        watched.page.wait_for_timeout(400)  # for the eye: drawings settle; nothing is asserted on it
        watched.axe(f"{view}, {name}")
        watched.no_overflow(f"{name}-{view}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("radiata")
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("--pace", type=float, default=0.12)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    if given.shots:
        given.shots.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    house = House(given.radiata, given.pace)
    faults = []
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
            watched = Watched(browser, house, given.shots, color_scheme="light")
            page = watched.page
            link = house.call("open", "--no-browser").stdout.strip()
            page.goto(link)
            page.locator("a", has_text="live").first.wait_for()
            # Nobody works yet: the page says why jobs wait.
            watched.goto("#/sweep/live")
            expect(page.locator("tbody .why").first).to_contain_text("worker")
            house.worker("--slots", "3")
            house.until(lambda: house.query("SELECT count(*) AS n FROM artifacts")[0]["n"] >= 12, "first pictures")
            for step in (filter_and_sort, curves):
                print(step.__name__, flush=True)
                step(watched)
            watched.goto("#/sweep/live/images")
            print("images", flush=True)
            images(watched)
            watched.shot("wipe")
            watched.goto("#/sweep/live/votes")
            print("votes", flush=True)
            votes(watched)
            watched.goto("#/sweep/live")
            for step in (pause_and_resume, job, by_keyboard):
                print(step.__name__, flush=True)
                step(watched)
            every_view(watched, "light")
            faults += watched.faults
            dark = Watched(browser, house, given.shots, color_scheme="dark")
            dark.page.goto(house.call("open", "--no-browser").stdout.strip())
            dark.page.locator(".card").first.wait_for()
            every_view(dark, "dark")
            faults += dark.faults
            # Without a session nothing is shown, and the login is asked for.
            stranger = browser.new_context().new_page()
            stranger.goto(house.url + "/#/sweep/live")
            stranger.locator("#token").wait_for()
            assert "live" not in stranger.locator("main").inner_text()
            browser.close()
    finally:
        house.close()
    for fault in dict.fromkeys(faults):
        print("FAULT", fault)
    print(f"{'failed' if faults else 'passed'} in {time.monotonic() - began:.0f} s")
    sys.exit(1 if faults else 0)


main()
