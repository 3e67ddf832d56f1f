"""Records what the terminal shows, in real tmux at 80 and 200 columns: frames as SVG, and checks of what must hold.

    python3 Tests/Terminal/record.py RADIATA [--out DIR]

Needs tmux. A coordinator, a worker and sweeps of trainer.py run in a temporary folder. Each scene types a
command into a shell of a tmux session of its own server, waits for what it is about, and keeps the screen as it is
(`capture-pane -e`). Exits 1 if a check fails: a line too wide, a cursor left hidden, a broken shell. Standard library only.
"""

import argparse
import html
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

HERE = pathlib.Path(__file__).resolve().parent
SIZES = {80: 24, 200: 50}
faults = []


def check(holds, what):
    print(f"{'ok   ' if holds else 'FAULT'} {what}", flush=True)
    if not holds:
        faults.append(what)


class House:
    def __init__(self, radiata):
        self.radiata = str(pathlib.Path(radiata).resolve())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="terminal-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, "RADIATA_COORDINATOR": url, "XDG_STATE_HOME": str(self.folder / "state"),
                            "LC_ALL": "C.UTF-8", "PS1": "$ "}
        for name in ("NO_COLOR", "TMUX", "COLUMNS", "LINES"):
            self.environment.pop(name, None)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/radiata").symlink_to(self.radiata)
        self.environment["PATH"] = f"{self.folder}/bin:{os.environ['PATH']}"
        self.children = []
        self.coordinator = None
        self.start_coordinator()

    def start_coordinator(self):
        self.coordinator = self.run_long(
            "coordinator", "run", "--data", str(self.folder / "data"), "--listen", f"127.0.0.1:{self.port}")
        until(lambda: self.call("status").returncode == 0, "the coordinator answers")

    def run_long(self, *arguments):
        log = open(self.folder / f"{arguments[0]}.log", "a")
        child = subprocess.Popen([self.radiata, *arguments], env=self.environment, stdout=log, stderr=log, cwd=self.folder)
        self.children.append(child)
        return child

    def call(self, *arguments):
        return subprocess.run([self.radiata, *arguments], env=self.environment, capture_output=True, text=True,
                              cwd=self.folder)

    def sweep(self, name, pace=0.05, steps=200):
        # Only trainers with a curve have a best one.
        script = json.dumps(str(HERE / "trainer.py"))
        path = self.folder / f"{name}.yaml"
        path.write_text(f"""name: {name}
trainer:
  command: [python3, {script}, "{{lr}}", "{{dim}}", "{{seed}}", "{steps}", "{pace}", "{{out}}", {name}]
seeds: [1, 2]
retries: {{ crash: 0 }}
groups:
  - {{ name: broken, list: [{{ lr: 2, dim: 4 }}] }}
  - {{ name: main, grid: {{ lr: [1e-4, 3e-4], dim: [4, 16] }} }}
""")
        return path.name

    def end(self):
        for child in reversed(self.children):
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def until(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    check(False, f"{what}: not within {seconds} s")
    return False


class Terminal:
    """A shell in a tmux of its own."""

    def __init__(self, house, columns, rows):
        self.socket = str(house.folder / f"tmux-{columns}-{time.monotonic_ns()}")
        self.columns = columns
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "env", "-i",
                  *[f"{name}={value}" for name, value in house.environment.items() if name in (
                      "PATH", "HOME", "RADIATA_COORDINATOR", "XDG_STATE_HOME", "LC_ALL", "PS1", "TMPDIR")],
                  "TERM=tmux-256color", "bash", "--norc", "--noprofile", cwd=house.folder)

    def tmux(self, *arguments, cwd=None):
        done = subprocess.run(["tmux", "-S", self.socket, *arguments], capture_output=True, text=True, cwd=cwd)
        return done.stdout

    def type(self, text):
        self.tmux("send-keys", "-l", text)
        self.tmux("send-keys", "Enter")

    def key(self, name):
        self.tmux("send-keys", name)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        self.columns = columns

    def text(self):
        return self.tmux("capture-pane", "-p")

    def frame(self):
        return self.tmux("capture-pane", "-p", "-e")

    def has_cursor(self):
        return self.tmux("display-message", "-p", "#{cursor_flag}").strip() == "1"

    def sees(self, pattern, seconds=60):
        return until(lambda: re.search(pattern, self.text()), f"'{pattern}' at {self.columns} columns", seconds)

    def is_free(self, seconds=30):
        """Whether the shell takes a command again."""
        mark = f"free-{time.monotonic_ns()}"
        end = time.monotonic() + seconds
        self.type(f"echo {mark[:4]}''{mark[4:]}")
        while time.monotonic() < end:
            if re.search(rf"^{mark}", self.text(), re.M):
                return True
            time.sleep(0.05)
        return False

    def end(self):
        self.tmux("kill-server")


COLOURS = ["#3b4252", "#d4526e", "#3f9b5f", "#b5891a", "#4a7fd0", "#a05fc0", "#2f9aa0", "#c8ccd4",
           "#7a8294", "#ef6b85", "#57c07b", "#d9ab2e", "#6f9fee", "#c07fe0", "#4fc0c6", "#ffffff"]


def colour(code, given):
    if code in (38, 48) and given[:1] == [5] and len(given) > 1:
        number = given[1]
        del given[:2]
        if number < 16:
            return COLOURS[number]
        if number < 232:
            levels = [0, 95, 135, 175, 215, 255]
            number -= 16
            return "#%02x%02x%02x" % (levels[number // 36], levels[number // 6 % 6], levels[number % 6])
        return "#%02x%02x%02x" % ((8 + 10 * (number - 232),) * 3)
    if 30 <= code <= 37 or 40 <= code <= 47:
        return COLOURS[code % 10]
    return COLOURS[8 + code % 10]


def svg(frame, columns):
    """A screen as a picture: one `text` for each run of one style."""
    lines = frame.rstrip("\n").split("\n")
    width, height = 8.4, 18
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{columns * width + 20:.0f}" height="{len(lines) * height + 20}" '
           f'font-family="DejaVu Sans Mono, monospace" font-size="14">',
           '<rect width="100%" height="100%" rx="6" fill="#1c1f26"/>']
    # tmux says only what changes, also from one line to the next.
    style = {}
    for row, line in enumerate(lines):
        column = 0
        for part in re.split(r"(\x1b\[[0-9;]*m|\x1b[()][A-Z0-9]|\x0e|\x0f)", line):
            if part.startswith("\x1b["):
                codes = [int(code or 0) for code in part[2:-1].split(";")]
                while codes:
                    code = codes.pop(0)
                    if code == 0:
                        style = {}
                    elif code in (1, 2, 4, 7):
                        style[code] = True
                    elif code in (22, 24, 27):
                        for gone in {22: (1, 2), 24: (4,), 27: (7,)}[code]:
                            style.pop(gone, None)
                    elif code in (39, 49):
                        style.pop("fill" if code == 39 else "back", None)
                    else:
                        style["fill" if code // 10 in (3, 9) else "back"] = colour(code, codes)
                continue
            if not part or part[0] in "\x1b\x0e\x0f":
                continue
            x, y = 10 + column * width, 10 + row * height
            fill, back = style.get("fill", "#d8dce4"), style.get("back")
            if style.get(7):
                fill, back = back or "#1c1f26", fill
            if back:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{len(part) * width:.1f}" height="{height}" fill="{back}"/>')
            if part.strip():
                extra = (' font-weight="bold"' if style.get(1) else "") + (' opacity="0.6"' if style.get(2) else "")
                out.append(f'<text x="{x:.1f}" y="{y + 14}" fill="{fill}" textLength="{len(part) * width:.1f}" '
                           f'xml:space="preserve"{extra}>{html.escape(part)}</text>')
            column += len(part)
    return "\n".join(out) + "\n</svg>\n"


class Recorder:
    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.out.mkdir(parents=True, exist_ok=True)

    def keep(self, terminal, name):
        frame = terminal.frame()
        (self.out / f"terminal-{name}-{terminal.columns}.svg").write_text(svg(frame, terminal.columns))
        (self.out / f"terminal-{name}-{terminal.columns}.txt").write_text(terminal.text().rstrip("\n") + "\n")


def watching(house, recorder, columns, rows):
    terminal = Terminal(house, columns, rows)
    name = f"watched-{columns}"
    terminal.type(f"radiata launch {house.sweep(name)} --yes --watch")
    terminal.sees(r"\d+/\d+")
    terminal.sees(r"\d+/\d+ · ")
    terminal.sees(r"\d failed")
    recorder.keep(terminal, "launch-watch")
    lines = terminal.text().split("\n")
    check(all(len(line) <= columns for line in lines), f"no line is wider than {columns}")
    # The screen is drawn in place: what is on it now is there once.
    check(terminal.text().count(" seed ") <= 3, f"{columns}: drawn in place, not below itself")
    terminal.resize(60 if columns == 80 else 120, rows - 6)
    time.sleep(1.5)
    recorder.keep(terminal, "resized")
    narrow = terminal.text()
    check(narrow.count(" seed ") <= 3, f"{columns}: a narrower window shows it once")
    terminal.resize(columns, rows)
    time.sleep(1.5)
    terminal.key("C-c")
    check(terminal.is_free(), f"{columns}: Ctrl-C gives the shell back")
    check(terminal.has_cursor(), f"{columns}: the cursor is back after Ctrl-C")
    recorder.keep(terminal, "interrupted")
    terminal.type(f"clear; radiata status {name} --watch")
    terminal.sees(r"\d+/\d+ · ")
    recorder.keep(terminal, "status-watch")
    terminal.sees(r"radiata (top|report|jobs|show|grid)", 240)
    check(terminal.has_cursor(), f"{columns}: the end leaves the cursor there")
    recorder.keep(terminal, "finished")
    terminal.end()


def plain(house, recorder, columns, rows):
    terminal = Terminal(house, columns, rows)
    name = f"plain-{columns}"
    house.call("launch", house.sweep(name), "--yes")
    terminal.type(f"radiata status {name} --watch | head -3; echo \"pipe ${{PIPESTATUS[*]}}\"")
    terminal.sees(r"(?m)^pipe \d")
    check(re.search(r"^pipe \d+ 0$", terminal.text(), re.M) is not None, f"{columns}: head ends it")
    check(terminal.has_cursor(), f"{columns}: the cursor is there after head")
    recorder.keep(terminal, "head")
    terminal.type(f"clear; NO_COLOR=1 radiata status {name} --watch")
    terminal.sees(r"\d+/\d+ · ")
    frame = terminal.frame()
    check(not re.search(r"\x1b\[[0-9;]*(3[0-7]|9[0-7]|4[0-7]|38|48)[;m]", frame), f"{columns}: NO_COLOR has no colour")
    recorder.keep(terminal, "no-color")
    terminal.key("C-c")
    check(terminal.is_free(), f"{columns}: Ctrl-C gives the shell back without colours")
    terminal.end()


def killed(house, recorder, columns, rows):
    terminal = Terminal(house, columns, rows)
    name = f"killed-{columns}"
    terminal.type(f"radiata launch {house.sweep(name)} --yes --watch")
    terminal.sees(r"\d+/\d+ · ")
    house.coordinator.kill()
    house.coordinator.wait()
    terminal.sees(r"does not answer|no answer|unreachable|not reachable|cannot be reached", 60)
    recorder.keep(terminal, "coordinator-killed")
    house.start_coordinator()
    terminal.sees(r"\d+/\d+ · ", 90)
    recorder.keep(terminal, "coordinator-back")
    terminal.key("C-c")
    check(terminal.is_free(), f"{columns}: Ctrl-C gives the shell back after a killed coordinator")
    check(terminal.has_cursor(), f"{columns}: the cursor is back after a killed coordinator")
    terminal.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("radiata")
    parser.add_argument("--out", default="docs/images")
    given = parser.parse_args()
    house = House(given.radiata)
    recorder = Recorder(given.out)
    try:
        house.run_long("worker", "run", "--work", str(house.folder / "worker"), "--slots", "3")
        for columns, rows in SIZES.items():
            for scene in (watching, plain, killed):
                scene(house, recorder, columns, rows)
                for sweep in ("watched", "plain", "killed"):
                    house.call("cancel", f"{sweep}-{columns}", "--yes")
    finally:
        house.end()
    print(f"{len(faults)} faults; frames in {given.out}")
    sys.exit(1 if faults else 0)


main()
