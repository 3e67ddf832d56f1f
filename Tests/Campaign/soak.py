"""Hours of mixed work: what the coordinator takes must not grow with time."""
import json, os, subprocess, time

from harness import PROGRAM, Coordinator, run, spawn


JOB = """
import json, os, sys, time
out, seed = sys.argv[1], sys.argv[2]
with open(os.path.join(out, "metrics.jsonl"), "a") as f:
    for n in range(1, 41):
        f.write(json.dumps({"step": n, "loss": 1 / n}) + "\\n")
        f.flush()
        time.sleep(0.02)
part = os.path.join(out, "part")
with open(part, "wb") as f:
    f.write(os.urandom(20000))
os.rename(part, os.path.join(out, "model-40.bin"))
"""


def resident(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS"))


def part_soak(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    with open(folder + "/job.py", "w") as f:
        f.write(JOB)
    log = open(folder + "/workers.log", "ab")
    workers = [
        spawn([PROGRAM, "worker", "run", "--coordinator", coordinator.url, "--work", f"{folder}/work-{n}",
               "--name", f"w{n}", "--slots", "2"],
              stdout=log, stderr=log) for n in range(2)]
    began, number, samples, faults = time.monotonic(), 0, [], []
    next_check = began + 600
    while time.monotonic() - began < options.seconds:
        counts = dict(coordinator.sql("SELECT state, count(*) FROM job WHERE state IN ('waiting', 'running') GROUP BY 1"))
        if counts.get("waiting", 0) < 100:
            number += 1
            path = f"{folder}/soak-{number}.yaml"
            with open(path, "w") as f:
                f.write(f"name: soak-{number}\ntrainer:\n"
                        f"  command: [python3, \"{folder}/job.py\", \"{{out}}\", \"{{seed}}\", \"{number}\"]\n"
                        "  metrics: [ { jsonl: \"{out}/metrics.jsonl\" } ]\n"
                        "  checkpoints: [ { glob: \"{out}/model-*.bin\", step: \"model-([0-9]+)\", kind: adapter } ]\n"
                        f"seeds: [{', '.join(str(n) for n in range(100))}]\ngroups: [ {{ name: g, list: [ {{ lr: {number} }} ] }} ]\n")
            run(["launch", path, "--coordinator", coordinator.url])
        for _ in range(20):
            coordinator.call("GET", "/v1/status?sweep=")
            try:
                coordinator.call("POST", "/v1/query", {"sql": "SELECT state, count(*) FROM jobs GROUP BY 1", "limit": 100})
            except RuntimeError as error:  # on a machine that is busy elsewhere a query may reach its time limit
                if "out of time" not in str(error):
                    raise
            coordinator.call("GET", "/v1/jobs?limit=50")
            time.sleep(0.2)
        samples.append((time.monotonic() - began, {**coordinator.figures(), "worker_rss_mb": max(resident(w.pid) for w in workers)}))
        with open(folder + "/samples.jsonl", "a") as f:
            f.write(json.dumps(samples[-1]) + "\n")
        if time.monotonic() > next_check:
            next_check += 600
            run(["ledger", "backup", "--coordinator", coordinator.url])
            for name in os.listdir(folder + "/data/backups"):
                os.remove(f"{folder}/data/backups/{name}")
        if coordinator.process.poll() is not None or any(w.poll() is not None for w in workers):
            faults.append("a process ended")
            break
    done = coordinator.sql("SELECT count(*) FROM job WHERE state = 'done'")[0][0]
    bad = coordinator.sql("SELECT count(*) FROM job WHERE state IN ('failed', 'parked')")[0][0]
    text = run(["ledger", "check", "--coordinator", coordinator.url])
    for worker in workers:
        worker.terminate()
        worker.wait(60)
    coordinator.stop()
    warm = [s for s in samples if s[0] > min(600, options.seconds / 3)]

    def slope(key):
        xs, ys = [s[0] / 3600 for s in warm], [s[1][key] for s in warm]
        mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
        return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / max(1e-12, sum((x - mx) ** 2 for x in xs))

    if bad:
        faults.append(f"{bad} jobs failed")
    return {
        "seconds": round(time.monotonic() - began), "jobs": done,
        "rss_mb_first": round(warm[0][1]["rss_mb"], 1), "rss_mb_last": round(warm[-1][1]["rss_mb"], 1),
        "rss_mb_per_hour": round(slope("rss_mb"), 2), "heap_mb": [round(f(s[1]["heap_mb"] for s in warm), 1) for f in (min, max)],
        "heap_mb_per_hour": round(slope("heap_mb"), 2),
        "worker_rss_mb": [round(f(s[1]["worker_rss_mb"] for s in warm), 1) for f in (min, max)],
        "worker_rss_mb_per_hour": round(slope("worker_rss_mb"), 2), "ledger_mb": round(warm[-1][1]["ledger_mb"], 1),
        "threads": [min(s[1]["threads"] for s in warm), max(s[1]["threads"] for s in warm)],
        "descriptors": [min(s[1]["descriptors"] for s in warm), max(s[1]["descriptors"] for s in warm)],
        "wal_mb_most": round(max(s[1]["wal_mb"] for s in samples), 1), "check": text.strip().splitlines()[-1:], "faults": faults}
