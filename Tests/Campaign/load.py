"""Load on a real coordinator: no-op jobs under kills, an outage with training going on, hours of mixed work, more than is served."""
import json, os, subprocess, sys, threading, time

from harness import PROGRAM, Coordinator, NoopWorker, hexadecimal, launch, run, spawn


def part_jobs(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    slice_jobs = min(options.count, 50_000 if options.count > 200_000 else max(1000, options.count // 10))
    known = {row[0] for row in coordinator.sql("SELECT name FROM sweep")} if os.path.exists(folder + "/data/ledger.db") else set()
    done_before = coordinator.sql("SELECT count(*) FROM job WHERE state = 'done'")[0][0]
    rates = {"quiet": [0, 0.0], "killed": [0, 0.0]}
    acknowledged, faults, refused, slice_number, deadline = set(), [], 0, 0, time.monotonic() + options.seconds
    while (slice_number * slice_jobs) < options.count and time.monotonic() < deadline:
        name = f"noop-{slice_number}"
        slice_number += 1
        if name not in known:
            launch(coordinator, folder, name, slice_jobs)
        waiting = coordinator.sql(
            f"SELECT coalesce(sum(jobs), 0) FROM sweep_count c JOIN sweep s ON s.id = c.sweep WHERE s.name = '{name}' "
            "AND c.state IN ('waiting', 'running')")[0][0]
        if waiting == 0:
            continue
        mode = "quiet" if options.kill_every <= 0 or (options.compare and slice_number % 5 == 1) else "killed"
        stop = threading.Event()
        workers = [NoopWorker(coordinator, f"noop-{n}", stop) for n in range(options.workers)]
        began, next_kill = time.monotonic(), time.monotonic() + options.kill_every
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            time.sleep(0.2)
            if time.monotonic() > deadline:
                stop.set()
            if mode == "killed" and time.monotonic() > next_kill and any(worker.is_alive() for worker in workers):
                coordinator.kill()
                coordinator.start()
                next_kill = time.monotonic() + options.kill_every
        seconds = time.monotonic() - began
        count = sum(len(worker.done) for worker in workers)
        rates[mode][0] += count
        rates[mode][1] += seconds
        for worker in workers:
            if acknowledged & set(worker.done):
                faults.append("a result was accepted twice")
            acknowledged |= set(worker.done)
            refused += len(worker.refused)
            if worker.fault:
                faults.append(worker.fault)
        print(f"# {name}: {count} jobs in {seconds:.1f} s, {count / seconds:.0f}/s, {mode}, {coordinator.kills} kills", file=sys.stderr)
    done, results, attempts = coordinator.sql(
        "SELECT (SELECT count(*) FROM job WHERE state = 'done'), (SELECT count(*) FROM attempt WHERE outcome = 'done'), "
        "(SELECT count(*) FROM attempt)")[0]
    in_ledger = {row[0] for row in coordinator.sql("SELECT identity FROM job WHERE state = 'done'")}
    lost = acknowledged - in_ledger
    if lost:
        faults.append(f"{len(lost)} acknowledged results are not in the ledger")
    if done != results:
        faults.append(f"{done} jobs are done, {results} attempts delivered a result")
    coordinator.stop()
    rate = {mode: count / seconds if seconds else None for mode, (count, seconds) in rates.items()}
    return {
        "jobs": done, "this_run": done - done_before, "results": results, "attempts": attempts, "kills": coordinator.kills,
        "refused": refused, "quiet_per_s": rate["quiet"], "killed_per_s": rate["killed"], "faults": faults}


TRAINER = """
import json, os, sys, time
out, rate, most = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
gate = sys.argv[4]
worst, last, n = 0.0, time.monotonic(), 0
began = last
with open(os.path.join(out, "metrics.jsonl"), "a", buffering=1) as f:
    while n < most and not os.path.exists(gate):
        now = time.monotonic()
        worst = max(worst, now - last)
        last = now
        due = int((now - began) * rate)
        while n < min(due, most):
            n += 1
            f.write('{"step": %d, "loss": %.6f}\\n' % (n, 1 / n))
        time.sleep(1 / rate)
print(json.dumps({"points": n, "worst_pause": worst}))
with open(os.path.join(gate + ".done-" + sys.argv[5]), "w") as f:
    f.write(json.dumps({"points": n, "worst_pause": worst}))
"""


def part_outage(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    gate = folder + "/gate"
    with open(folder + "/trainer.py", "w") as f:
        f.write(TRAINER)
    with open(folder + "/outage.yaml", "w") as f:
        f.write(f"name: outage\ntrainer:\n  command: [python3, \"{folder}/trainer.py\", \"{{out}}\", \"{options.rate}\", "
                f"\"{10**9}\", \"{gate}\", \"{{seed}}\"]\n  metrics: [ {{ jsonl: \"{{out}}/metrics.jsonl\" }} ]\n"
                f"seeds: [{', '.join(str(n + 1) for n in range(options.workers))}]\ngroups: [ {{ name: g, list: [ {{ lr: 1 }} ] }} ]\n")
    run(["launch", folder + "/outage.yaml", "--coordinator", coordinator.url])
    log = open(folder + "/workers.log", "ab")
    workers = [
        spawn([PROGRAM, "worker", "run", "--coordinator", coordinator.url, "--work", f"{folder}/work-{n}", "--name", f"w{n}"],
                         stdout=log, stderr=log) for n in range(options.workers)]

    def stored():
        return coordinator.sql("SELECT coalesce(sum(points), 0) FROM attempt")[0][0]

    def written():
        total = 0
        for n in range(options.workers):
            for place, _, files in os.walk(f"{folder}/work-{n}/attempts"):
                if place.endswith("/out") and "metrics.jsonl" in files:
                    total += int(subprocess.run(["wc", "-l", place + "/metrics.jsonl"], capture_output=True, text=True).stdout.split()[0])
        return total

    while stored() < options.workers * 200:
        time.sleep(0.2)
    coordinator.kill()
    before = stored()
    time.sleep(options.seconds)
    after = written()
    restart = coordinator.start()
    began = time.monotonic()
    while stored() < after:
        time.sleep(0.1)
        if time.monotonic() - began > 600:
            break
    replay = time.monotonic() - began
    open(gate, "w").close()
    while coordinator.sql("SELECT count(*) FROM job WHERE state = 'done'")[0][0] < options.workers and time.monotonic() - began < 700:
        time.sleep(0.2)
    notes = [json.load(open(f"{gate}.done-{n + 1}")) for n in range(options.workers)]
    rows = coordinator.sql(
        "SELECT a.points, (SELECT count(*) FROM metric m WHERE m.attempt = a.id), (SELECT min(step) FROM metric m WHERE m.attempt = a.id), "
        "(SELECT max(step) FROM metric m WHERE m.attempt = a.id), j.seed FROM attempt a JOIN job j ON j.id = a.job ORDER BY j.seed")
    faults = []
    for points, count, low, high, seed in rows:
        wanted = notes[seed - 1]["points"]
        if not (points == count == high == wanted and low == 1):
            faults.append(f"worker {seed}: wrote {wanted}, stream {points}, rows {count}, steps {low} to {high}")
    if len(rows) != options.workers:
        faults.append(f"{len(rows)} attempts")
    for worker in workers:
        worker.terminate()
        worker.wait(60)
    coordinator.stop()
    return {
        "outage_s": options.seconds, "points_in_outage": after - before, "points": sum(n["points"] for n in notes),
        "gaps_or_repeats": len(faults), "worst_pause_s": round(max(n["worst_pause"] for n in notes), 3),
        "restart_s": round(restart, 2), "replay_s": round(replay, 2), "faults": faults}


def part_overload(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    launch(coordinator, folder, "overload", 20_000)
    base = coordinator.figures()
    statuses, missing_retry, lock, faults = {}, [0], threading.Lock(), []
    heavy = json.dumps({
        "sql": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000000) SELECT sum(x) FROM n",
        "limit": 1})

    def hammer(index):
        connection = None
        while time.monotonic() < end:
            try:
                if connection is None:
                    connection = coordinator.connect()
                kind = index % 3
                if kind == 0:
                    status, _ = connection.call("POST", "/v1/query", heavy.encode())
                elif kind == 1:
                    status, _ = connection.call("GET", "/v1/jobs?limit=1000")
                else:
                    status, _ = connection.call("POST", "/v1/worker/sessions", {
                        "worker": hexadecimal(8), "name": "x", "session": hexadecimal(16), "slots": 1, "threads": 1,
                        "labels": {}, "gpus": 0, "memory": 0, "version": ""})
                with lock:
                    statuses[status] = statuses.get(status, 0) + 1
                    if status in (429, 503) and b"etry-" not in connection.headers:
                        missing_retry[0] += 1
            except OSError:
                connection = None
                with lock:
                    statuses["closed"] = statuses.get("closed", 0) + 1
                time.sleep(0.05)

    # A worker that only sends heartbeats keeps its lease meanwhile.
    session, worker, latencies, peak = hexadecimal(16), hexadecimal(16), [], 0
    coordinator.call("POST", "/v1/worker/sessions", {
        "worker": worker, "name": "steady", "session": session, "slots": 1, "threads": 1, "labels": {}, "gpus": 0,
        "memory": 0, "version": ""})
    grant = coordinator.call("POST", "/v1/worker/exchange", {
        "session": session, "number": 1, "reports": [], "freeSlots": 1, "waitSeconds": 10})["grants"][0]
    end = time.monotonic() + options.seconds
    threads = [threading.Thread(target=hammer, args=(n,), daemon=True) for n in range(options.workers)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        began = time.monotonic()
        answer = coordinator.call("POST", "/v1/worker/heartbeat", {"session": session, "attempts": [{"token": grant["token"]}]})
        latencies.append(time.monotonic() - began)
        if answer["verdicts"] != ["fine"]:
            faults.append(f"heartbeat: {answer}")
        peak = max(peak, coordinator.figures()["rss_mb"])
        time.sleep(0.2)
    for thread in threads:
        thread.join(30)
    began = time.monotonic()
    coordinator.call("GET", "/v1/status?sweep=")
    recovery = time.monotonic() - began
    bad = {str(k): v for k, v in statuses.items() if isinstance(k, int) and k >= 500 and k != 503}
    if bad or missing_retry[0]:
        faults.append(f"{bad}, {missing_retry[0]} without Retry-After")
    latencies.sort()
    last = coordinator.figures()
    coordinator.stop()
    return {
        "connections": options.workers, "statuses": {str(k): v for k, v in statuses.items()}, "rss_mb_before": round(base["rss_mb"], 1),
        "rss_mb_peak": round(peak, 1), "rss_mb_after": round(last["rss_mb"], 1),
        "heartbeat_p99_ms": round(latencies[int(0.99 * len(latencies))] * 1000, 1),
        "first_answer_after_s": round(recovery, 3), "faults": faults}
