"""Runs a random Stable Diffusion 1.5 of full size through coordinator and worker: two jobs at 512 pixels with buckets,
evaluated by encoders that the sweep file names, as a base from the hubs has none of its own.

    python3 real_size.py ../../.build/release/radiata FOLDER [--clip small|large] [--threads 2] [--port 7171]

FOLDER keeps the models (3 GB) for the next time. Wanted: both jobs done, rows of the evaluation there, and the trainer
never above 7 GB resident; without encoders `plan` and `launch` refuse and say what to get.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy
from PIL import Image

from real_size_model import make

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("folder")
parser.add_argument("--clip", choices=["small", "large"], default="large")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--port", type=int, default=7171)
parser.add_argument("--images", type=int, default=2)
parser.add_argument("--steps", type=int, default=2, help="of the sampler")
parser.add_argument("--limit", type=float, default=7.0, help="GB")
arguments = parser.parse_args()
radiata = str(pathlib.Path(arguments.radiata).resolve())
folder = pathlib.Path(arguments.folder).resolve()
if not (folder / "clip" / "config.json").exists():
    folder.mkdir(parents=True, exist_ok=True)
    make(folder, arguments.clip)
work = folder / "run"
shutil.rmtree(work, ignore_errors=True)
images = work / "data" / "1_dog"
images.mkdir(parents=True)
random = numpy.random.default_rng(3)
# Two shapes, so that two buckets of 512 x 512 pixels are trained on.
for index, (width, height) in enumerate([(700, 500), (480, 720)][:arguments.images]):
    pixels = random.integers(0, 255, (height // 20, width // 20, 3), "uint8")
    Image.fromarray(pixels).resize((width, height), Image.BICUBIC).save(images / f"{index}.png")
    (images / f"{index}.txt").write_text(f"veko dog number {index}\n")
(work / "data" / "concepts.yaml").write_text("1_dog:\n  trigger: veko\n  class: dog\n  kind: character\n")
SWEEP = """name: real-size
base: {base}
data: data
seeds: [1, 2]
evaluate: {{ prompts: [trigger, style], images: 1, steps: {steps}, guidance: 2{clip} }}
groups:
  - list: [ {{ algorithm: lora, layers: attn-mlp, dim: 4, lr: 1e-4, epochs: 2, batch: 1, resolution: 512, buckets: true }} ]
"""
named, bare = work / "sweep.yaml", work / "bare.yaml"
named.write_text(SWEEP.format(steps=arguments.steps, base=folder / "sd15", clip=f", clip: {folder / 'clip'}"))
bare.write_text(SWEEP.format(steps=arguments.steps, base=folder / "sd15", clip=""))
environment = dict(os.environ, HOME=str(work / "home"), RADIATA_COORDINATOR=f"http://127.0.0.1:{arguments.port}")
for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "RADIATA_TOKEN", "OPENBLAS_CORETYPE"):
    environment.pop(name, None)
failures = []


def run(*command, check=True):
    ended = subprocess.run([radiata, *map(str, command)], env=environment, capture_output=True, text=True, cwd=work)
    if check and ended.returncode:
        sys.exit(f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended


def expect(good, text):
    print(("ok      " if good else "FAILED  ") + text, flush=True)
    if not good:
        failures.append(text)


def trainers():
    """Processes `radiata trainer` of this run, and the most memory each ever had, in GB."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            if b"trainer" not in command[1:2] or str(work).encode() not in b" ".join(command):
                continue
            for line in (entry / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    found[entry.name] = int(line.split()[1]) * 1024 / 1e9
        except OSError:
            continue
    return found


refused = run("plan", bare, check=False)
expect(refused.returncode == 2 and "encoders" in refused.stderr, f"plan without encoders: {refused.stderr.strip()}")
planned = run("plan", named)
print(planned.stdout.strip().splitlines()[-1], flush=True)
processes = []
peaks = {}
try:
    coordinator = subprocess.Popen(
        [radiata, "coordinator", "run", "--data", work / "coordinator", "--listen", f"127.0.0.1:{arguments.port}"],
        env=environment, stdout=open(work / "coordinator.log", "w"), stderr=subprocess.STDOUT)
    processes.append(coordinator)
    token = work / "coordinator" / "admin.token"
    while not token.exists() or run("status", check=False).returncode == 4:
        time.sleep(0.2)
        if coordinator.poll() is not None:
            sys.exit((work / "coordinator.log").read_text())
    environment["RADIATA_TOKEN"] = token.read_text().strip()
    refused = run("launch", bare, check=False)
    expect(refused.returncode == 2 and "encoders" in refused.stderr, "launch without encoders is refused")
    started = time.time()
    print(run("launch", named).stdout.strip(), f"({time.time() - started:.0f} s with the upload)", flush=True)
    processes.append(subprocess.Popen(
        [radiata, "worker", "run", "--work", work / "worker", "--threads", str(arguments.threads)], env=environment,
        stdout=open(work / "worker.log", "w"), stderr=subprocess.STDOUT))
    while True:
        for process, peak in trainers().items():
            peaks[process] = max(peak, peaks.get(process, 0))
        jobs = json.loads(run("query", "SELECT state, failure FROM jobs", "--format", "json").stdout)
        rows = jobs if isinstance(jobs, list) else jobs.get("rows", [])
        states = [row["state"] if isinstance(row, dict) else row[0] for row in rows]
        if states and all(state in ("done", "failed", "parked", "canceled") for state in states):
            break
        time.sleep(0.5)
    expect(states == ["done", "done"], f"both jobs done: {rows} after {time.time() - started:.0f} s")
    print(run("query", "SELECT prompts, metric, value, n FROM results WHERE class = '' ORDER BY job, prompts, metric").stdout)
    print(run("query", "SELECT job, step, value FROM metrics WHERE key = 'seconds'").stdout)
    found = run("query", "SELECT count(*) FROM results WHERE metric LIKE 'image_similarity@clip-%'", "--format", "csv").stdout
    expect(int(found.split()[-1]) > 0, "the named encoders' rows are there")
finally:
    for process in reversed(processes):
        process.terminate()
        process.wait()
for process, peak in peaks.items():
    print(f"trainer {process}: at most {peak:.2f} GB resident")
expect(len(peaks) >= 2 and max(peaks.values()) < arguments.limit, f"under {arguments.limit} GB")
print("real size:", "FAILED" if failures else "passed")
sys.exit(bool(failures))
