"""A cluster of the version before becomes one of this version while it works: the coordinator first, its workers later."""
import os, subprocess, sys, time

from harness import PROGRAM, Coordinator, Worker

STEPS = 20

#: Counts its steps over all attempts and saves its state every fifth.
TRAINER = f"""
import json, os, sys, time
out, state = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
step = json.load(open(state))["step"] if state else 0
with open(out + "/metrics.jsonl", "a", buffering=1) as metrics:
    while step < {STEPS}:
        time.sleep(0.05)
        step += 1
        print(json.dumps({{"step": step, "loss": 1 / step}}), file=metrics)
        if step % 5 == 0:
            with open(out + "/state.tmp", "w") as file:
                json.dump({{"step": step}}, file)
            os.rename(out + "/state.tmp", f"{{out}}/state-{{step}}.json")
open(out + "/adapter.bin", "w").write("adapter")
"""

SWEEP = """
name: upgrade
trainer:
  command: [python3, {folder}/trainer.py, "{{out}}"]
  resume: ["{{checkpoint}}"]
  metrics: [ {{ jsonl: "{{out}}/metrics.jsonl" }} ]
  checkpoints:
    - {{ glob: "{{out}}/adapter.bin" }}
    - {{ glob: "{{out}}/state-*.json", step: "state-([0-9]+)", kind: state }}
  stop: {{ signal: TERM, grace: 5s }}
seeds: [{seeds}]
groups: [ {{ name: g, list: [ {{ lr: 0.1 }} ] }} ]
"""


def wait(what, condition, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def part_upgrade(options, folder):
    if not options.old:
        sys.exit("upgrade: --old names the program of the version before")
    old = os.path.abspath(options.old)
    with open(folder + "/trainer.py", "w") as file:
        file.write(TRAINER)
    with open(folder + "/sweep.yaml", "w") as file:
        file.write(SWEEP.format(folder=folder, seeds=", ".join(map(str, range(1, options.count + 1)))))
    coordinator = Coordinator(folder + "/data", arguments=["--lease", "10s"])
    coordinator.program = old
    coordinator.start()
    workers = [Worker(folder, f"w{n}", coordinator.url, ["--slots", "2"]) for n in range(options.workers)]
    for worker in workers:
        worker.program = old
    launched = coordinator.client(["launch", folder + "/sweep.yaml"])
    if launched.returncode != 0:
        sys.exit(launched.stderr)
    for worker in workers:
        worker.start()

    def done():
        return coordinator.sql("SELECT count(*) FROM job WHERE state = 'done'")[0][0]

    def schema():
        return coordinator.sql("PRAGMA user_version")[0][0]

    def attempts():
        return dict(coordinator.sql("SELECT job.id, count(*) FROM attempt JOIN job ON job.id = attempt.job GROUP BY job.id"))

    faults, before = [], schema()
    share = options.count // 4
    wait("a quarter done by the old version", lambda: done() >= share)

    # The coordinator: stopped politely, the other program on the same folder and port. Trainers run on.
    running = {row[0] for row in coordinator.sql("SELECT job FROM attempt WHERE outcome IS NULL")}
    coordinator.stop()
    coordinator.program = PROGRAM
    away = coordinator.start()
    after = schema()
    at_change = done()
    wait("old workers go on under the new coordinator", lambda: done() >= at_change + share)
    moved = {job for job, count in attempts().items() if job in running and count > 1}
    if moved:
        faults.append(f"jobs {sorted(moved)} ran when the coordinator was replaced, and were begun again")

    # The workers: one stopped politely, one killed with its machine, the others politely after them.
    lost = 0
    for number, worker in enumerate(workers):
        if number == 1:
            worker.kill(whole_machine=True)
            lost = coordinator.sql("SELECT count(*) FROM attempt JOIN worker ON worker.id = attempt.worker "
                                   f"WHERE outcome IS NULL AND worker.name = '{worker.name}'")[0][0]
        else:
            faults += worker.stop()
        worker.program = PROGRAM
        worker.start()
    wait("every job", lambda: done() >= options.count)

    held = coordinator.sql("SELECT count(*) FROM attempt WHERE outcome = 'done'")[0][0]
    if held != options.count:
        faults.append(f"{options.count} jobs, {held} attempts delivered a result")
    check = subprocess.run([PROGRAM, "ledger", "check", "--data", coordinator.data], capture_output=True, text=True)
    asked = coordinator.client(["query", "SELECT count(*) AS points, count(DISTINCT step) AS steps FROM metrics "
                                "WHERE key = 'loss' GROUP BY job", "--format", "csv"])
    rows = asked.stdout.split()[1:]
    wrong = [row for row in rows if row != f"{STEPS},{STEPS}"]
    if len(rows) != options.count or wrong:
        faults.append(f"{len(rows)} curves of {options.count}; with a step missing or twice: {wrong[:5]}")
    for worker in workers:
        faults += worker.stop()
    coordinator.stop()
    if check.returncode != 0:
        faults.append(check.stdout + check.stderr)
    copies = [name for name in os.listdir(coordinator.data + "/backups")] if os.path.isdir(coordinator.data + "/backups") else []
    if before != after and not copies:
        faults.append("no copy of the old ledger was kept")
    begun = attempts()
    return {
        "jobs": options.count, "schema": [before, after], "away_s": round(away, 2), "done_by_old": at_change,
        "running_at_change": len(running), "attempts": sum(begun.values()), "begun_again": sum(count > 1 for count in begun.values()),
        "of_the_killed": lost, "faults": faults}
