"""Trains every job of sweeps/algorithms.yaml and prints the table of docs/measurements/algorithms.md: values, rate,
validation loss before and after. Fails if a job does not lower its loss, or if a size that could be LoRA's is not
within 10 % of it.

    python3 algorithm_table.py ../../.build/release/radiata [--threads 2] [--out FOLDER]

Needs Python's standard library alone. A FOLDER that is kept is gone on with: jobs that ended are not trained again.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("--threads", default="2")
parser.add_argument("--out", type=pathlib.Path)
arguments = parser.parse_args()
root = pathlib.Path(__file__).resolve().parent.parent.parent
SWEEP = root / "sweeps" / "algorithms.yaml"
#: Has no size to choose.
FREE = {"ia3"}


def values(path):
    """Numbers in a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    count = 0
    for name, entry in header.items():
        if name != "__metadata__":
            size = 1
            for side in entry["shape"]:
                size *= side
            count += size
    return count


def train(job, folder):
    parameters = {k: v for k, v in job["parameters"].items()}
    out = folder / job["id"]
    lines = {"name": "one", "base": str(root / "sweeps/base/emoji-64"), "data": str(root / "data/quickstart"), "seeds": [job["seed"]],
             "checkpoints": {"epochs": [parameters["epochs"]]}, "groups": [{"name": "one", "list": [parameters]}]}
    # JSON is YAML.
    file = folder / f"{job['id']}.yaml"
    file.write_text(json.dumps(lines))
    metrics = out / "metrics.jsonl"
    if not list(out.glob("checkpoints/*/adapter.safetensors")):
        subprocess.run([arguments.radiata, "train", file, "--out", out, "--threads", arguments.threads], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    losses = [row["validation_loss"] for row in map(json.loads, metrics.read_text().splitlines()) if "validation_loss" in row]
    return values(next(out.glob("checkpoints/*/adapter.safetensors"))), losses[0], losses[-1]


def described(parameters):
    told = [f"{name} {parameters[name]}" for name in ("dim", "alpha", "factor") if name in parameters]
    told += [name for name in ("rs_lora", "dora", "train_norm") if parameters.get(name)]
    layers = parameters["layers"]
    if isinstance(layers, dict):
        told.append(", ".join(layers["names"]) if "names" in layers else "without " + ", ".join(layers["exclude"]))
    elif layers != "attn-mlp":
        told.append(f"layers {layers}")
    return ", ".join(told)


def main(folder):
    plan = json.loads(subprocess.run([arguments.radiata, "plan", SWEEP, "--format", "json"], check=True, capture_output=True).stdout)
    print("| algorithm | | values | lr | loss before | after 100 steps |\n|---|---|--:|--:|--:|--:|", flush=True)
    faults, wanted = [], None
    for job in plan["jobs"]:
        parameters = job["parameters"]
        count, before, after = train(job, folder)
        wanted = wanted or count
        share = count / wanted - 1
        size = f"{count:,}" + (f" ({share:+.0%})" if abs(share) >= 0.005 else "")
        name = parameters["algorithm"]
        print(f"| {name} | {described(parameters)} | {size} | {parameters['lr']:g} | {before:.4f} | {after:.4f} |", flush=True)
        if after >= before:
            faults.append(f"{name}: the loss rose from {before} to {after}")
        if abs(share) > 0.1 and name not in FREE:
            faults.append(f"{name}: {count} values, wanted {wanted}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return bool(faults)


if arguments.out:
    arguments.out.mkdir(parents=True, exist_ok=True)
    sys.exit(main(arguments.out))
with tempfile.TemporaryDirectory() as name:
    sys.exit(main(pathlib.Path(name)))
