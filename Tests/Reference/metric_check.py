"""Which metrics see what eyes see: each metric of a sweep against the SSIM of every image drawn from a training
caption to its own picture.

    python3 metric_check.py ../../.build/release/radiata FOLDER [--seeds 4] [--epochs 20] [--images 12] [--workers 2]

Trains eight configurations of four algorithms with each seed on a coordinator and workers of this machine
(32 jobs, half an hour on two cores), fetches the metrics with `radiata query`, draws the images of each last
checkpoint again with `radiata evaluate --keep-images`, and prints the table of docs/measurements/metrics.md: Pearson's
correlation over the jobs and, for metrics of single images, over all images. A FOLDER that is kept is gone on with.

Wanted: images drawn again measure what the ledger holds, and paired fidelity, own-picture retrieval and validation
loss correlate with the right sign. Needs numpy, scipy, scikit-image and Pillow.
"""

import argparse
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
from PIL import Image
from scipy.stats import pearsonr
from skimage.metrics import structural_similarity

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--seeds", type=int, default=4)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--images", type=int, default=12)
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--configurations", type=int, default=8, help="the first ones of the sweep")
parser.add_argument("--port", type=int, default=7271)
arguments = parser.parse_args()
root = pathlib.Path(__file__).resolve().parent.parent.parent
radiata = str(pathlib.Path(arguments.radiata).resolve())
folder = arguments.folder.resolve()
folder.mkdir(parents=True, exist_ok=True)
BASE, DATA = root / "sweeps/base/emoji-64", root / "data/quickstart"
SAMPLER = {"sampler": "ddim", "steps": 20, "guidance": 3}
# Higher is better, or lower; None: neither.
HEADLINE = {"paired_fidelity at train": 1, "own_picture_retrieval at train": 1, "validation_loss": -1}
BETTER = {
    "paired_fidelity": 1, "own_picture_retrieval": 1, "image_similarity": 1, "squared_centroid_distance": -1,
    "text_similarity": 1, "vendi": 1, "style_distance": -1, "copying": -1, "validation_loss": -1,
}
# What claims to say how like its concept an image is; the others ask other questions.
FIDELITY = {
    "paired_fidelity", "own_picture_retrieval", "image_similarity", "squared_centroid_distance", "validation_loss"}
environment = dict(
    os.environ, HOME=str(folder / "home"), RADIATA_COORDINATOR=f"http://127.0.0.1:{arguments.port}")
for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "RADIATA_TOKEN", "OPENBLAS_CORETYPE"):
    environment.pop(name, None)


def run(*command, check=True):
    ended = subprocess.run([radiata, *map(str, command)], env=environment, capture_output=True, text=True, cwd=folder)
    if check and ended.returncode:
        sys.exit(f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended


def query(sql):
    return list(csv.DictReader(io.StringIO(run("query", sql, "--format", "csv").stdout)))


def sweep():
    common = {"layers": "attn-mlp", "epochs": arguments.epochs, "batch": 8, "betas": [0.9, 0.99],
              "caption_dropout": 0.05}
    # Two rates each, so that some hardly learn and some learn too much.
    families = [({"algorithm": "lora", "dim": 8, "alpha": 4}, [5e-4, 2e-3]),
                ({"algorithm": "loha", "dim": 4, "alpha": 2}, [1e-3, 4e-3]),
                ({"algorithm": "lokr", "factor": 4}, [5e-4, 2e-3]), ({"algorithm": "full"}, [5e-5, 2e-4])]
    points = [{**common, **family, "lr": rate} for family, rates in families for rate in rates]
    file = folder / "sweep.yaml"
    # JSON is YAML.
    file.write_text(json.dumps({
        "name": "metrics", "base": str(BASE), "data": str(DATA), "seeds": list(range(1, arguments.seeds + 1)),
        "checkpoints": {"epochs": [arguments.epochs]},
        "evaluate": {"prompts": ["train", "trigger", "alter", "style"], "images": arguments.images, **SAMPLER},
        "groups": [{"name": "all", "list": points[:arguments.configurations]}]}))
    return file


def train(processes):
    def start(name, *command):
        processes.append(subprocess.Popen(
            [radiata, *map(str, command)], env=environment, stdout=open(folder / f"{name}.log", "a"),
            stderr=subprocess.STDOUT))

    start("coordinator", "coordinator", "run", "--data", folder / "coordinator", "--listen",
          f"127.0.0.1:{arguments.port}")
    token = folder / "coordinator" / "admin.token"
    while not token.exists() or run("status", check=False).returncode == 4:
        time.sleep(0.2)
        if processes[0].poll() is not None:
            sys.exit((folder / "coordinator.log").read_text())
    environment["RADIATA_TOKEN"] = token.read_text().strip()
    print(run("launch", sweep(), "--yes").stdout.strip(), flush=True)
    for index in range(arguments.workers):
        start(f"worker-{index}", "worker", "run", "--work", folder / f"worker-{index}", "--threads",
              max(1, (os.cpu_count() or 1) // arguments.workers))
    last = None
    while True:
        states = [row["state"] for row in query("SELECT state FROM jobs WHERE sweep = 'metrics'")]
        done = sum(state == "done" for state in states)
        if done != last:
            print(f"{done} of {len(states)} jobs done", flush=True)
            last = done
        if states and all(state in ("done", "failed", "parked", "canceled") for state in states):
            break
        time.sleep(2)
    if done != len(states):
        sys.exit(f"not all jobs are done: {states}; see the logs in {folder}")


def ssim(image, own):
    a, b = (np.asarray(Image.open(path).convert("RGB")) for path in (image, own))
    return structural_similarity(a, b, channel_axis=2, data_range=255)


def drawn_again(job, sha256):
    """SSIM of each image to its picture, and the paired fidelity that was measured on the way."""
    adapter = folder / "adapters" / f"{job}.safetensors"
    if not (folder / "again" / "images" / job).exists():
        adapter.parent.mkdir(exist_ok=True)
        blob = next((folder / "coordinator" / "blobs").glob(f"{sha256[:2]}/*{sha256[-20:]}"))
        adapter.unlink(missing_ok=True)
        adapter.symlink_to(blob)
        run("evaluate", "--base", BASE, "--data", DATA, "--adapter", adapter, "--prompts", "train", "--images",
            arguments.images, *(x for key, value in SAMPLER.items() for x in (f"--{key}", value)), "--out",
            folder / "again", "--keep-images")
    images = sorted(path for path in (folder / "again/images" / job).glob("*-train-*.png") if ".own." not in path.name)
    rows = [json.loads(line) for line in (folder / "again/evaluations.jsonl").read_text().splitlines()]
    values = [row["values"] for row in rows
              if row["checkpoint"] == job and row["metric"] == "paired_fidelity" and row["class"]]
    return [ssim(path, path.with_suffix(".own.png")) for path in images], values[-1]


def correlation(a, b):
    pairs = [(x, y) for x, y in zip(a, b) if x is not None and y is not None]
    if len(pairs) < 3 or np.std([x for x, _ in pairs]) == 0 or np.std([y for _, y in pairs]) == 0:
        return None
    return float(pearsonr(*zip(*pairs)).statistic)


def fetched():
    """By job: the value of each metric; the values of its images; its adapter."""
    results, images = {}, {}
    last = f"epoch = {arguments.epochs}"
    for row in query(f"SELECT job, prompts, metric, value FROM results WHERE class = '' AND {last}"):
        if row["value"] and not row["metric"].startswith(("base_", "bound_")):
            results.setdefault(f"{row['metric']} at {row['prompts']}", {})[row["job"]] = float(row["value"])
    for row in query("SELECT job, key, value FROM latest_metrics WHERE key = 'validation_loss'"):
        results.setdefault("validation_loss", {})[row["job"]] = float(row["value"])
    for row in query(
            f"SELECT job, prompts, metric, image, value FROM image_results WHERE prompts = 'train' AND {last} "
            "ORDER BY job, metric, image"):
        by_job = images.setdefault(f"{row['metric']} at {row['prompts']}", {})
        by_job.setdefault(row["job"], []).append(float(row["value"]) if row["value"] else None)
    adapters = {row["job"]: row["sha256"] for row in query(
        f"SELECT job, sha256 FROM checkpoints WHERE kind = 'adapter' AND {last}")}
    return results, images, adapters


def table(results, images, similar):
    jobs = sorted(similar)
    means = [float(np.mean(similar[job])) for job in jobs]
    rows = []
    for metric, by_job in results.items():
        single = images.get(metric)
        over_images = single and correlation(
            [value for job in jobs for value in single[job]], [value for job in jobs for value in similar[job]])
        rows.append((metric, correlation([by_job.get(job) for job in jobs], means), over_images))
    rows.sort(key=lambda row: -abs(row[1] or 0))

    def written(value):
        return "–" if value is None else f"{value:+.2f}".replace("-", "−")

    print(f"\n{len(jobs)} jobs, {sum(map(len, similar.values()))} images, SSIM {min(means):.2f} to {max(means):.2f}\n")
    print("| metric | better | over jobs | over images | sign |\n|---|---|--:|--:|---|")
    for metric, over_jobs, over_images in rows:
        name = metric.split(" ")[0]
        better = BETTER.get(name)
        sign = "" if name not in FIDELITY or over_jobs is None else "right" if better * over_jobs > 0 else "wrong"
        shown = {1: "higher", -1: "lower", None: "–"}[better]
        print(f"| `{metric}` | {shown} | {written(over_jobs)} | {written(over_images)} | {sign} |")
    found = {metric: over_jobs for metric, over_jobs, _ in rows}
    return [f"{metric}: {found.get(metric)}" for metric, better in HEADLINE.items()
            if found.get(metric) is None or better * found[metric] <= 0]


processes = []
try:
    train(processes)
    results, images, adapters = fetched()
    similar, faults = {}, []
    for job, sha256 in sorted(adapters.items()):
        similar[job], again = drawn_again(job, sha256)
        stored = images["paired_fidelity at train"][job]
        if len(again) != len(stored) or not np.allclose(again, stored, atol=1e-5):
            faults.append(f"job {job[:8]}: drawn again it measures {again}, the ledger holds {stored}")
    faults += [f"wrong sign: {each}" for each in table(results, images, similar)]
finally:
    for process in reversed(processes):
        process.terminate()
        process.wait()
for fault in faults:
    print(fault, file=sys.stderr)
print("metric check:", "FAILED" if faults else "passed")
sys.exit(bool(faults))
