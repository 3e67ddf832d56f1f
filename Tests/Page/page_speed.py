"""How long the page takes on a large ledger: calls over HTTP, then a browser.

    python Tests/Page/page_speed.py RADIATA DATA

DATA is a coordinator's folder that big_ledger.py made large, with the sweep `big`. Starts a coordinator on it, asks
each call of the page a few times, and lets Chromium open the table, sort, filter, and draw the long curve. Prints
milliseconds: the first time, and the median of the others.
"""

import hashlib
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from playwright.sync_api import sync_playwright

LONG = hashlib.sha256(b"j0").hexdigest()
CALLS = {
    "all sweeps": ("sweeps", {}), "head of the sweep": ("sweep", {}), "shape of the sweep": ("shape", {}),
    "first page": ("jobs", {"columns": "state,lr,dim,worker"}),
    "sorted by a setting": ("jobs", {"columns": "state,lr", "sort": "-lr"}),
    "filtered and sorted": ("jobs", {"columns": "state,lr,dim", "sort": "dim", "filter": "lr>1e-3 state:done"}),
    "a word anywhere": ("jobs", {"columns": "state,lr", "filter": "cuda"}),
    "sorted by a curve": ("jobs", {"columns": "state,loss", "sort": "loss"}),
    "sorted by a result": ("jobs", {"columns": "state,paired_fidelity@train", "sort": "-paired_fidelity@train"}),
    "four columns of all": ("points", {"columns": "lr,dim,seed,loss"}),
    "a curve of a million": ("curves", {"jobs": LONG, "key": "loss", "points": "2000"}),
    "a part of it": ("curves", {"jobs": LONG, "key": "loss", "points": "2000", "from": "1000", "to": "90000"}),
    "the ranking": ("ranking", {}),
}


def main():
    radiata, data = sys.argv[1:3]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "XDG_STATE_HOME": f"{data}/state", "RADIATA_COORDINATOR": url}
    coordinator = subprocess.Popen([radiata, "coordinator", "run", "--data", data, "--listen", f"127.0.0.1:{port}"],
                                   env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    token = pathlib.Path(data, "admin.token").read_text().strip()

    def ask(call, given):
        query = urllib.parse.urlencode({**({"sweep": "big"} if call != "sweeps" else {}), **given}, quote_via=urllib.parse.quote)
        request = urllib.request.Request(f"{url}/page/{call}?{query}", headers={"Authorization": f"Bearer {token}"})
        began = time.perf_counter()
        json.load(urllib.request.urlopen(request, timeout=300))
        return 1000 * (time.perf_counter() - began)

    try:
        while subprocess.run([radiata, "status"], env=environment, capture_output=True).returncode != 0:
            time.sleep(0.2)
        for name, (call, given) in CALLS.items():
            first, *others = [ask(call, given) for _ in range(6)]
            print(f"{name:24} first {first:8.0f}   then {statistics.median(others):8.0f}", flush=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            link = subprocess.run([radiata, "open", "--no-browser"], env=environment, capture_output=True, text=True)
            page.goto(link.stdout.strip())
            page.locator(".card").first.wait_for()
            page.goto("about:blank")
            began = time.perf_counter()
            page.goto(f"{url}/#/sweep/big")
            page.locator("h1", has_text="big").wait_for()
            print(f"{'browser: head painted':24} {1000 * (time.perf_counter() - began):8.0f}")
            page.locator("tbody tr").nth(10).wait_for()
            print(f"{'browser: table painted':24} {1000 * (time.perf_counter() - began):8.0f}")
            for column in ("lr", "dim"):
                page.get_by_role("button", name=column, exact=True).click()
                page.locator("th[aria-sort=ascending]", has_text=column).wait_for()
                print(f"{'browser: sort by ' + column:24} {page.locator('table.jobs').get_attribute('data-milliseconds'):>8}")
            page.evaluate(f"location.hash = '#/sweep/big/curves?jobs={LONG[:12]}'")
            page.wait_for_function("() => document.querySelector('.plot-place')?.dataset.milliseconds")
            print(f"{'browser: curve drawn':24} {page.locator('.plot-place').get_attribute('data-milliseconds'):>8}")
            browser.close()
    finally:
        coordinator.send_signal(signal.SIGINT)
        coordinator.wait(30)


main()
