"""Stops `radiata train` at twenty steps drawn by a seed and goes on in new processes: the final adapters must be the bytes of
an undisturbed run.

    python3 resume_check.py ../../.build/release/radiata [--seed 1] [--points 20]

Real processes on the repository's miniature base and its cats: a stop is SIGTERM after the drawn step's line stands in
metrics.jsonl, so the state is that of the step at which the program takes notice.
"""

import argparse
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--points", type=int, default=20)
arguments = parser.parse_args()
root = pathlib.Path(__file__).resolve().parent.parent.parent
JOBS = [
    dict(algorithm="lora", dim=4, layers="full", train_norm="true", dropout=0.1, caption_dropout=0.2),
    dict(algorithm="loha", dim=2, layers="attn-mlp", schedule="cosine", warmup_steps=3),
    dict(algorithm="lokr", factor=4, layers="attn-mlp", text_encoder_lr=0, module_dropout=0.2, min_snr_gamma=5),
    dict(algorithm="full", layers="attn-only", lr=1e-5, grad_accumulation=2, flip="true"),
]


def job_file(folder, number, job):
    values = {"lr": 1e-3, "batch": 4, "epochs": 2} | job
    lines = ", ".join(f"{k}: {v}" for k, v in values.items())
    path = folder / f"job-{number}.yaml"
    path.write_text(f"name: resume-{number}\nbase: {root}/sweeps/base/emoji-64\ndata: {root}/data/quickstart\nseeds: [3]\n"
                    f"checkpoints: {{ epochs: [2] }}\ngroups:\n  - name: one\n    list: [ {{ {lines} }} ]\n")
    return path


def steps(out):
    path = out / "metrics.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines() if line.endswith("}")] if path.exists() else []


def train(job, out, resume=None, stop=None):
    """The step of the newest checkpoint, which is the last one unless the run was stopped before."""
    command = [arguments.radiata, "train", str(job), "--out", str(out), "--threads", "1"]
    if resume:
        command += ["--resume", str(resume)]
    with open(str(out) + ".log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        while process.poll() is None and stop is not None:
            if max(steps(out), default=0) >= stop:
                process.send_signal(signal.SIGTERM)
                break
            time.sleep(0.005)
        status = process.wait()
    if status not in (0, 75):
        sys.exit(f"{' '.join(command)}: exit {status}\n{pathlib.Path(str(out) + '.log').read_text()}")
    newest = max((out / "checkpoints").glob("step-*"), key=lambda p: json.loads((p / "manifest.json").read_text())["step"])
    return status, newest


failed = 0
with tempfile.TemporaryDirectory() as name:
    folder, chance = pathlib.Path(name), random.Random(arguments.seed)
    wholes = {}
    for point in range(arguments.points):
        number = point % len(JOBS)
        job = job_file(folder, number, JOBS[number])
        if number not in wholes:
            _, newest = train(job, folder / f"whole-{number}")
            wholes[number] = (newest / "adapter.safetensors").read_bytes(), max(steps(folder / f"whole-{number}"))
        adapter, total = wholes[number]
        # The program takes notice some steps later.
        stop = chance.randrange(1, total - 4)
        first, second = folder / "first", folder / "second"
        status, state = train(job, first, stop=stop)
        _, newest = train(job, second, resume=state)
        same = (newest / "adapter.safetensors").read_bytes() == adapter
        failed += not same
        at = json.loads((state / "manifest.json").read_text())["step"]
        print(f"{'ok ' if same else 'BAD'} {JOBS[number]['algorithm']:5} stopped at step {at} of {total} "
              f"(drawn: {stop}, exit {status})", flush=True)
        shutil.rmtree(first)
        shutil.rmtree(second)
print(f"{arguments.points - failed} of {arguments.points} points end with the same bytes")
sys.exit(failed > 0)
