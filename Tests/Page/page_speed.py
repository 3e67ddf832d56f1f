"""How long the page takes on a large ledger: calls over HTTP, open pages, then a browser.

    python Tests/Page/page_speed.py RADIATA DATA [--jobs 50000] [--points 20000000] [--long 1000000] [--no-browser]

DATA is a folder: where it holds no ledger one is made (a sweep `big` of four jobs, then big_ledger.py). Starts a
coordinator on it and asks each call of the page once, one after the other, from its first moment on (`at once`). Starts it
again, lets it get ready, and asks each call a few times (`first`, and the median of the others), then all of them while a
worker runs the four jobs, which log and end (`while jobs run`: the median and the worst); then keeps 50 pages open, and
lets Chromium open the table, sort, filter, and draw the long curve. Prints milliseconds. `make page-speed` runs it.
"""

import argparse
import contextlib
import hashlib
import http.client
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

HERE = pathlib.Path(__file__).resolve().parent
LONG = hashlib.sha256(b"j0").hexdigest()
CALLS = {
    "all sweeps": ("sweeps", {}), "head of the sweep": ("sweep", {}),
    "first page": ("jobs", {"columns": "state,lr,dim,worker,loss,paired_fidelity@train"}),
    "shape of the sweep": ("shape", {}), "sorted by a setting": ("jobs", {"columns": "state,lr", "sort": "-lr"}),
    "filtered and sorted": ("jobs", {"columns": "state,lr,dim", "sort": "dim", "filter": "lr>1e-3 state:done"}),
    "a word anywhere": ("jobs", {"columns": "state,lr", "filter": "cuda"}),
    "sorted by id": ("jobs", {"columns": "state", "sort": "id"}),
    "sorted by a curve": ("jobs", {"columns": "state,loss", "sort": "loss"}),
    "sorted by a result": ("jobs", {"columns": "state,paired_fidelity@train", "sort": "-paired_fidelity@train"}),
    "points of a comparison": ("points", {"columns": "lr,dim,seed,loss", "most": "5000"}),
    "a curve of a million": ("curves", {"jobs": LONG, "key": "loss", "points": "2000"}),
    "a part of it": ("curves", {"jobs": LONG, "key": "loss", "points": "2000", "from": "1000", "to": "90000"}),
    "pictures": ("pictures", {}), "the ranking": ("ranking", {}), "the verdict": ("verdict", {}),
}
TRAINER = ("import json, sys, time\n"
           "with open(sys.argv[3] + '/metrics.jsonl', 'a') as log:\n"
           "    for step in range(1, 101):\n"
           "        print(json.dumps(dict(step=step, loss=1 / step)), file=log, flush=True)\n"
           "        time.sleep(0.05)\n")
SWEEP = f"""name: big
trainer:
  command: [python3, "-c", {json.dumps(TRAINER)}, "{{lr}}", "{{dim}}", "{{out}}"]
  metrics: [{{ jsonl: "{{out}}/metrics.jsonl", step: step }}]
seeds: [1, 2]
groups: [{{ name: g, grid: {{ lr: [1e-4, 3e-4], dim: [4] }} }}]
"""


class Coordinator:
    def __init__(self, radiata, data):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.radiata, self.data = radiata, data
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "XDG_STATE_HOME": f"{data}/state", "RADIATA_COORDINATOR": self.url}

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.radiata, "coordinator", "run", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
            env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.call("status").returncode != 0:
            if self.process.poll() is not None:
                sys.exit("the coordinator ended")
            time.sleep(0.2)
        self.token = pathlib.Path(self.data, "admin.token").read_text().strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)

    def call(self, *arguments):
        return subprocess.run([self.radiata, *arguments], env=self.environment, capture_output=True, text=True)

    def ask(self, call, given):
        query = urllib.parse.urlencode({**({"sweep": "big"} if call != "sweeps" else {}), **given}, quote_via=urllib.parse.quote)
        request = urllib.request.Request(f"{self.url}/page/{call}?{query}", headers={"Authorization": f"Bearer {self.token}"})
        began = time.perf_counter()
        answer = json.load(urllib.request.urlopen(request, timeout=600))
        return 1000 * (time.perf_counter() - began), answer

    def processor(self):
        parts = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def prepare(radiata, given):
    if pathlib.Path(given.data, "ledger.db").exists():
        return
    pathlib.Path(given.data).mkdir(parents=True, exist_ok=True)
    file = pathlib.Path(given.data, "big.yaml")
    file.write_text(SWEEP)
    with Coordinator(radiata, given.data) as coordinator:
        done = coordinator.call("launch", str(file), "--yes")
        if done.returncode != 0:
            sys.exit(done.stderr)
    subprocess.run([sys.executable, HERE / "big_ledger.py", given.data, "--jobs", str(given.jobs), "--points",
                    str(given.points), "--long", str(given.long)], check=True)


def memory(coordinator):
    lines = pathlib.Path(f"/proc/{coordinator.process.pid}/status").read_text().splitlines()
    now, most = (next(int(line.split()[1]) >> 10 for line in lines if line.startswith(name)) for name in ("VmRSS", "VmHWM"))
    print(f"coordinator: {now} MB resident, {most} at most", flush=True)


def at_once(coordinator):
    print(f"| {'call':24} | {'at once':>8} |\n|---|--:|", flush=True)
    for name, (call, given) in CALLS.items():
        print(f"| {name:24} | {coordinator.ask(call, given)[0]:8.0f} |", flush=True)


def get_ready(coordinator):
    """What it does by itself after a start."""
    began, used = time.perf_counter(), coordinator.processor()
    settle(coordinator)
    print(f"ready {time.perf_counter() - began - 2:.0f} s after the start, of which {coordinator.processor() - used:.1f} s"
          " of a core", flush=True)


def settle(coordinator):
    for _ in range(60):
        began = coordinator.processor()
        time.sleep(2)
        if coordinator.processor() - began < 0.04:
            return


def while_running(coordinator, seconds=18):
    """A worker runs the four jobs; what they log and how they end comes in while the page asks."""
    worker = subprocess.Popen([coordinator.radiata, "worker", "run", "--coordinator", coordinator.url, "--work",
                               f"{coordinator.data}/work"], env=coordinator.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    times = {name: [] for name in CALLS}
    try:
        began = time.perf_counter()
        while "running" not in coordinator.ask("sweep", {})[1]["sweep"]["summary"]["states"]:
            if time.perf_counter() - began > 30:
                return print("no job runs: launch the sweep anew in another folder")
            time.sleep(0.1)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            for name, (call, given) in CALLS.items():
                times[name].append(coordinator.ask(call, given)[0])
                time.sleep(0.02)
    finally:
        worker.send_signal(signal.SIGINT)
        worker.wait(60)
    print(f"| {'while jobs run':24} | {'median':>8} | {'worst':>8} |\n|---|--:|--:|", flush=True)
    for name, found in times.items():
        print(f"| {name:24} | {statistics.median(found):8.0f} | {max(found):8.0f} |", flush=True)


def calls(coordinator):
    print(f"| {'call':24} | {'first':>8} | {'then':>8} |\n|---|--:|--:|", flush=True)
    for name, (call, given) in CALLS.items():
        (first, answer), *others = [coordinator.ask(call, given) for _ in range(6)]
        print(f"| {name:24} | {first:8.0f} | {statistics.median(one for one, _ in others):8.0f} |", flush=True)
        if name == "a curve of a million":
            values = answer["jobs"][0]["attempts"][0]["values"]
            # What big_ledger.py hid in it.
            if max(values) != 7.0 or min(values) != -7.0:
                sys.exit("the drawing lost an extreme")


def streams(coordinator, count=50, seconds=20):
    # What the calls before left to be done, answers that are found anew, is no open page's.
    settle(coordinator)
    connections = []
    for _ in range(count):
        connection = http.client.HTTPConnection("127.0.0.1", coordinator.port)
        connection.request("GET", f"/page/live?curves={LONG[:12]}/1/999999/loss",
                           headers={"Authorization": f"Bearer {coordinator.token}"})
        connection.getresponse().read1(64)
        connections.append(connection)
    time.sleep(3)
    began = coordinator.processor()
    time.sleep(seconds)
    share = 100 * (coordinator.processor() - began) / seconds
    print(f"{count} open pages: {share:.1f} % of a core", flush=True)
    for connection in connections:
        connection.close()


def browse(coordinator):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, contextlib.closing(
            playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])) as browser:
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto(coordinator.call("open", "--no-browser").stdout.strip())
        page.locator(".card").first.wait_for()
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"{coordinator.url}/#/sweep/big")
        page.locator("h1", has_text="big").wait_for()
        print(f"browser: head painted     {1000 * (time.perf_counter() - began):8.0f}")
        page.locator("tbody tr").nth(10).wait_for()
        print(f"browser: table painted    {1000 * (time.perf_counter() - began):8.0f}")
        for column in ("lr", "dim"):
            page.get_by_role("button", name=column, exact=True).click()
            page.locator("th[aria-sort=ascending]", has_text=column).wait_for()
            print(f"browser: sort by {column:8} {page.locator('table.jobs').get_attribute('data-milliseconds'):>8}")
        page.evaluate(f"location.hash = '#/sweep/big/curves?jobs={LONG[:12]}'")
        page.wait_for_function("() => document.querySelector('.plot-place')?.dataset.milliseconds")
        print(f"browser: curve drawn      {page.locator('.plot-place').get_attribute('data-milliseconds'):>8}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("radiata")
    parser.add_argument("data")
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--points", type=int, default=20_000_000)
    parser.add_argument("--long", type=int, default=1_000_000)
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    radiata = str(pathlib.Path(given.radiata).resolve())
    prepare(radiata, given)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with Coordinator(radiata, given.data) as coordinator:
        at_once(coordinator)
    with Coordinator(radiata, given.data) as coordinator:
        get_ready(coordinator)
        calls(coordinator)
        memory(coordinator)
        while_running(coordinator)
        memory(coordinator)
        streams(coordinator)
        if not given.no_browser:
            browse(coordinator)


if __name__ == "__main__":
    main()
