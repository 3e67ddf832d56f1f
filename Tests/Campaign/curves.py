"""A sweep whose every point, state and adapter is known beforehand, and the check that the ledger holds exactly those: plain SQL and
files, nothing of the program."""
import json, os, subprocess

from harness import PROGRAM, run

STEPS = 10
# A state every five steps; goes on from one. What it writes follows from seed, wave and step alone.
TRAINER = """#!/bin/sh
out="$1"; seed="$2"; wave="$3"; pause="$4"; state="$5"
step=0
[ -n "$state" ] && step=$(cat "$state")
while [ "$step" -lt 10 ]; do
    step=$((step + 1))
    echo "{\\"step\\": $step, \\"loss\\": $seed.$step, \\"rate\\": $wave}" >> "$out/metrics.jsonl"
    if [ $((step % 5)) -eq 0 ]; then echo "$step" > "$out/new" && mv "$out/new" "$out/state-$step.txt"; fi
    sleep "$pause"
done
echo "adapter of seed $seed of wave $wave" > "$out/new" && mv "$out/new" "$out/adapter-10.bin"
"""


def write_wave(folder, wave, jobs, pause=0.05):
    script = f"{folder}/trainer.sh"
    if not os.path.exists(script):
        with open(script, "w") as f:
            f.write(TRAINER)
        os.chmod(script, 0o755)
    path = f"{folder}/wave-{wave}.yaml"
    with open(path, "w") as f:
        f.write(f"""name: wave-{wave}
trainer:
  command: ["{script}", "{{out}}", "{{seed}}", "{wave}", "{pause}"]
  resume: ["{{checkpoint}}"]
  metrics: [ {{ jsonl: "{{out}}/metrics.jsonl" }} ]
  checkpoints:
    - {{ glob: "{{out}}/state-*.txt", step: "state-([0-9]+)", kind: state }}
    - {{ glob: "{{out}}/adapter-*.bin", step: "adapter-([0-9]+)", kind: adapter }}
requires: {{ labels: {{ real: "yes" }} }}
seeds: [{", ".join(str(n + 1) for n in range(jobs))}]
groups: [ {{ list: [ {{ lr: {wave} }} ] }} ]
""")
    return path


def check_waves(coordinator, waves):
    """Faults of all waves' jobs: {wave: jobs} is what a launch acknowledged."""
    faults = []
    wrong = lambda text: faults.append(text) if len(faults) < 20 else None
    curves, adapters = {}, {}
    for job, key, step, value in coordinator.sql("SELECT job, key, step, value FROM metrics"):
        curves.setdefault((job, key), []).append((step, value))
    for job, step, kind, digest in coordinator.sql("SELECT job, step, kind, sha256 FROM checkpoints"):
        if kind == "adapter":
            adapters.setdefault(job, set()).add((step, digest))
    for wave, count in waves.items():
        jobs = coordinator.sql(f"SELECT id, seed, state FROM jobs WHERE sweep = 'wave-{wave}'")
        if sorted(seed for _, seed, _ in jobs) != list(range(1, count + 1)):
            wrong(f"wave {wave}: {len(jobs)} jobs of {count}")
        for job, seed, state in jobs:
            if state != "done":
                wrong(f"wave {wave}, seed {seed}: {state}")
                continue
            for key, wanted in (("loss", [float(f"{seed}.{n}") for n in range(1, STEPS + 1)]), ("rate", [float(wave)] * STEPS)):
                if sorted(curves.get((job, key), [])) != list(zip(range(1, STEPS + 1), wanted)):
                    wrong(f"wave {wave}, seed {seed}: {key} is {sorted(curves.get((job, key), []))}")
            found = adapters.get(job, set())
            if len(found) != 1:
                wrong(f"wave {wave}, seed {seed}: {len(found)} adapters")
                continue
            (step, digest), = found
            with open(f"{coordinator.data}/blobs/{digest[:2]}/{digest[2:]}") as f:
                if (step, f.read()) != (STEPS, f"adapter of seed {seed} of wave {wave}\n"):
                    wrong(f"wave {wave}, seed {seed}: another adapter")
    return faults


def check_ledger(coordinator):
    """What must hold of every job and attempt, whoever ran it."""
    questions = {
        "jobs with two results": "SELECT count(*) FROM (SELECT job FROM attempt WHERE outcome = 'done' GROUP BY job HAVING count(*) > 1)",
        "jobs done without a result, or the reverse":
            "SELECT count(*) FROM job j "
            "WHERE (state = 'done') <> EXISTS (SELECT 1 FROM attempt a WHERE a.job = j.id AND a.outcome = 'done')",
        "results that are not of the newest attempt":
            "SELECT count(*) FROM attempt a JOIN job j ON j.id = a.job WHERE a.outcome = 'done' AND a.number <> j.attempt",
        "jobs whose attempts are not 1 to n":
            "SELECT count(*) FROM (SELECT count(*) n, min(number) low, max(number) high FROM attempt GROUP BY job) "
            "WHERE low <> 1 OR high <> n",
        "attempts left open": "SELECT count(*) FROM attempt a JOIN job j ON j.id = a.job WHERE a.ended IS NULL AND j.state = 'done'",
        "streams whose count is not their rows'":
            "SELECT count(*) FROM attempt a WHERE points <> (SELECT count(*) FROM metric m WHERE m.attempt = a.id)",
        "failed or parked jobs": "SELECT count(*) FROM job WHERE state IN ('failed', 'parked')",
        "counters by state that are wrong":
            "SELECT count(*) FROM sweep_count c WHERE jobs <> "
            "(SELECT count(*) FROM member m JOIN job j ON j.id = m.job WHERE m.sweep = c.sweep AND j.state = c.state)",
    }
    faults = [f"{count} {name}" for name, question in questions.items() if (count := coordinator.sql(question)[0][0])]
    checked = subprocess.run([PROGRAM, "ledger", "check", "--data", coordinator.data], capture_output=True, text=True)
    if checked.returncode != 0:
        faults.append(f"ledger check: {checked.stdout}{checked.stderr}")
    return faults


def core_job(folder, seed):
    """Some twenty steps on the embedded base, without evaluation; returns its file and the folder of an undisturbed run."""
    from harness import ROOT
    path, alone = f"{folder}/core-{seed}.yaml", f"{folder}/alone-{seed}"
    with open(path, "w") as f:
        f.write(f"""name: core-{seed}
base: {ROOT}/sweeps/base/emoji-64
data: {ROOT}/data/quickstart
seeds: [{seed}]
checkpoints: {{ steps: [4, 8, 12, 16] }}
requires: {{ labels: {{ core: "yes" }} }}
defaults: {{ batch: 4, epochs: 1, layers: attn-only, dim: 4 }}
groups:
  - list: [ {{ algorithm: lora, lr: 5e-4 }} ]
""")
    if not os.path.exists(alone):
        run(["train", path, "--out", alone, "--threads", "1"])
    return path, alone


def check_core(coordinator, seed, alone):
    rows = coordinator.sql(
        "SELECT c.step, c.sha256 FROM checkpoints c JOIN jobs j ON j.id = c.job "
        f"WHERE j.sweep = 'core-{seed}' AND c.kind = 'adapter' ORDER BY 1")
    wanted = sorted(
        name for name in os.listdir(f"{alone}/checkpoints")
        if os.path.exists(f"{alone}/checkpoints/{name}/adapter.safetensors"))
    if [f"step-{step:08d}" for step, _ in rows] != wanted:
        return [f"core job {seed}: adapters of steps {[step for step, _ in rows]}, undisturbed {wanted}"]
    faults = []
    for name, (step, digest) in zip(wanted, rows):
        with open(f"{alone}/checkpoints/{name}/adapter.safetensors", "rb") as mine, open(
                f"{coordinator.data}/blobs/{digest[:2]}/{digest[2:]}", "rb") as theirs:
            if mine.read() != theirs.read():
                faults.append(f"core job {seed}: the adapter of step {step} differs from that of the undisturbed run")
    return faults
