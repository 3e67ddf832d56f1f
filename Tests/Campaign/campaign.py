#!/usr/bin/env python3
"""Long runs against the built program: real processes, a real ledger, SIGKILL. Needs python3 and nothing else.

    campaign.py jobs     --count 1000000 --kill-every 10     no-op jobs through claim and result, the coordinator killed again and again
    campaign.py outage   --seconds 600                       5 workers x 200 points/s, the coordinator away
    campaign.py soak     --seconds 9000                      mixed load; memory, descriptors, threads, log size
    campaign.py foreign  --count 1000                        sqlite3 shells at the ledger during load
    campaign.py overload --seconds 60                        more requests than limits
    campaign.py syncs                                        syncs counted by strace

Every part prints one line of JSON, ends with 1 if something was lost, twice or wrong, and with --append FILE adds a line to a
Markdown table. `jobs` with --data DIR goes on where it was.
"""
import argparse, datetime, json, os, random, re, select, shutil, signal, socket, sqlite3, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("RADIATA", os.path.join(ROOT, ".build/release/radiata"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Coordinator:
    """One on a port that stays, so that clients find it again."""

    def __init__(self, data, prefix=()):
        self.data, self.port, self.prefix = data, free_port(), list(prefix)
        self.process, self.kills, self.outages = None, 0, []
        self.log = open(os.path.join(os.path.dirname(data), "coordinator.log"), "ab")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.prefix + [PROGRAM, "coordinator", "run", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"],
            stdout=self.log, stderr=self.log)
        while True:
            try:
                return self.call("GET", "/v1/health") and time.monotonic() - began
            except OSError:
                if self.process.poll() is not None or time.monotonic() - began > 120:
                    sys.exit(f"the coordinator did not start: {self.log.name}")
                time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def call(self, method, path, body=None, timeout=600):
        connection = Connection(self.port, timeout)
        try:
            status, answer = connection.call(method, path, body)
        finally:
            connection.close()
        if status != 200:
            raise RuntimeError(f"{method} {path}: {status} {answer[:300]}")
        return json.loads(answer) if answer else {}

    def figures(self):
        pid = self.process.pid
        with open(f"/proc/{pid}/status") as f:
            text = f.read()
        wal = self.data + "/ledger.db-wal"
        return {
            "rss_mb": int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024, "threads": int(re.search(r"Threads:\s+(\d+)", text)[1]),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "wal_mb": os.stat(wal).st_size / 2**20 if os.path.exists(wal) else 0}

    def sql(self, query):
        """Read-only, by SQLite, as the documentation tells users."""
        connection = sqlite3.connect(f"file:{self.data}/ledger.db?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


class Connection:
    """HTTP/1.1 kept alive, as little as is needed."""

    def __init__(self, port, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.headers = b""

    def send(self, method, path, body=None, kind="application/json"):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
        self.socket.sendall(head.encode() + data)

    def receive(self):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        self.headers, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", self.headers)
        length = int(length[1]) if length else 0
        self.buffer = rest
        while len(self.buffer) < length:
            self._more()
        answer, self.buffer = self.buffer[:length], self.buffer[length:]
        return int(self.headers[9:12]), answer

    def call(self, method, path, body=None, kind="application/json"):
        self.send(method, path, body, kind)
        return self.receive()

    def _more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("closed")
        self.buffer += piece

    def close(self):
        self.socket.close()


def hexadecimal(count):
    return os.urandom(count).hex()


class NoopWorker(threading.Thread):
    """Claims and reports as fast as it is answered; sends again with the same number until it is."""

    def __init__(self, coordinator, name, stop, pause=0.0):
        super().__init__(daemon=True)
        self.coordinator, self.name, self.stop_event, self.pause = coordinator, name, stop, pause
        self.session, self.worker = hexadecimal(16), hexadecimal(16)
        self.done, self.refused, self.granted, self.fault = [], [], set(), None
        self.connection, self.number = None, 0

    def ask(self, path, body):
        while True:
            try:
                if self.connection is None:
                    self.connection = Connection(self.coordinator.port)
                status, answer = self.connection.call("POST", path, body)
            except OSError:
                self.connection = None
                time.sleep(0.02 + random.random() * 0.05)
                continue
            if status in (429, 503, 507):
                time.sleep(0.1)
                continue
            if status != 200:
                raise RuntimeError(f"{path}: {status} {answer[:200]}")
            return json.loads(answer)

    def run(self):
        try:
            self.ask("/v1/worker/sessions", {
                "worker": self.worker, "name": self.name, "session": self.session, "slots": 1, "threads": 1, "labels": {},
                "gpus": 0, "memory": 0, "version": ""})
            held = []
            while True:
                self.number += 1
                answer = self.ask("/v1/worker/exchange", {
                    "session": self.session, "number": self.number, "freeSlots": 0 if self.stop_event.is_set() else 1,
                    "waitSeconds": 0, "reports": [{"token": t, "finished": {"streamPosition": 0}} for t in held]})
                for token, outcome in zip(held, answer["outcomes"]):
                    (self.done if outcome["code"] == "accepted" else self.refused).append(token["job"])
                held = [grant["token"] for grant in answer["grants"]]
                for token in held:
                    if (token["job"], token["attempt"]) in self.granted:
                        raise RuntimeError(f"{token} was granted twice")
                    self.granted.add((token["job"], token["attempt"]))
                if not held:
                    return
                if self.pause:
                    time.sleep(self.pause)
        except Exception as error:  # reported by the part that started it
            self.fault = f"{type(error).__name__}: {error}"


def launch(coordinator, folder, name, jobs):
    seeds = max(n for n in range(1, 1001) if jobs % n == 0)
    points = ", ".join(f"{n + 1}e-9" for n in range(jobs // seeds))
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w") as f:
        f.write(f"name: {name}\ntrainer: {{ command: [\"true\", \"{{lr}}\", \"{{seed}}\", \"{name}\"] }}\n"
                f"seeds: [{', '.join(map(str, range(1, seeds + 1)))}]\ngroups: [ {{ name: g, grid: {{ lr: [ {points} ] }} }} ]\n")
    run(["launch", path, "--coordinator", coordinator.url])


def run(arguments):
    done = subprocess.run([PROGRAM] + arguments, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"radiata {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def check(coordinator):
    """What `ledger check` says, with the coordinator running."""
    return [line for line in run(["ledger", "check", "--coordinator", coordinator.url]).splitlines() if line.strip()]


def part_jobs(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    slice_jobs = min(options.count, 50_000)
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
        subprocess.Popen([PROGRAM, "worker", "run", "--coordinator", coordinator.url, "--work", f"{folder}/work-{n}", "--name", f"w{n}"],
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
        "outage_s": options.seconds, "points_in_outage": after - before, "points": sum(n["points"] for n in notes), "gaps_or_repeats": len(faults),
        "worst_pause_s": round(max(n["worst_pause"] for n in notes), 3), "restart_s": round(restart, 2), "replay_s": round(replay, 2), "faults": faults}


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


def part_soak(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    with open(folder + "/job.py", "w") as f:
        f.write(JOB)
    log = open(folder + "/workers.log", "ab")
    workers = [
        subprocess.Popen([PROGRAM, "worker", "run", "--coordinator", coordinator.url, "--work", f"{folder}/work-{n}", "--name", f"w{n}", "--slots", "2"],
                         stdout=log, stderr=log) for n in range(2)]
    began, number, samples, faults = time.monotonic(), 0, [], []
    next_check = began + 600
    while time.monotonic() - began < options.seconds:
        counts = dict(coordinator.sql("SELECT state, count(*) FROM job WHERE state IN ('waiting', 'running') GROUP BY 1"))
        if counts.get("waiting", 0) < 100:
            number += 1
            path = f"{folder}/soak-{number}.yaml"
            with open(path, "w") as f:
                f.write(f"name: soak-{number}\ntrainer:\n  command: [python3, \"{folder}/job.py\", \"{{out}}\", \"{{seed}}\", \"{number}\"]\n"
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
        samples.append((time.monotonic() - began, coordinator.figures()))
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
        "seconds": round(time.monotonic() - began), "jobs": done, "rss_mb_first": round(warm[0][1]["rss_mb"], 1), "rss_mb_last": round(warm[-1][1]["rss_mb"], 1),
        "rss_mb_per_hour": round(slope("rss_mb"), 2), "threads": [min(s[1]["threads"] for s in warm), max(s[1]["threads"] for s in warm)],
        "descriptors": [min(s[1]["descriptors"] for s in warm), max(s[1]["descriptors"] for s in warm)],
        "wal_mb_most": round(max(s[1]["wal_mb"] for s in samples), 1), "check": text.strip().splitlines()[-1:], "faults": faults}


def part_foreign(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    launch(coordinator, folder, "foreign", 200_000)
    stop = threading.Event()
    workers = [NoopWorker(coordinator, f"noop-{n}", stop) for n in range(8)]
    for worker in workers:
        worker.start()
    ledger, failed, rng = folder + "/data/ledger.db", 0, random.Random(1)
    statements = [
        "SELECT count(*) FROM attempt", "SELECT * FROM jobs LIMIT 10", "PRAGMA quick_check(1)", "BEGIN IMMEDIATE; ROLLBACK",
        "BEGIN; SELECT count(*) FROM event; COMMIT", "PRAGMA journal_mode"]
    for _ in range(options.count):
        statement = rng.choice(statements)
        done = subprocess.run(["sqlite3", "-cmd", ".timeout 5000", ledger, statement], capture_output=True, text=True)
        failed += done.returncode != 0
    stop.set()
    for worker in workers:
        worker.join(60)
    faults = [worker.fault for worker in workers if worker.fault]
    acknowledged = {job for worker in workers for job in worker.done}
    # As after a crash: what was answered must be in the files.
    coordinator.kill()
    coordinator.start()
    in_ledger = {row[0] for row in coordinator.sql("SELECT identity FROM job WHERE state = 'done'")}
    if acknowledged - in_ledger:
        faults.append(f"{len(acknowledged - in_ledger)} acknowledged results are gone")
    integrity = coordinator.sql("PRAGMA integrity_check")[0][0]
    if integrity != "ok":
        faults.append(integrity)
    coordinator.stop()
    return {"shells": options.count, "shells_failed": failed, "acknowledged": len(acknowledged), "lost": len(acknowledged - in_ledger), "faults": faults}


def part_overload(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    launch(coordinator, folder, "overload", 20_000)
    base = coordinator.figures()
    statuses, missing_retry, lock, faults = {}, [0], threading.Lock(), []
    heavy = json.dumps({"sql": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3000000) SELECT sum(x) FROM n", "limit": 1})

    def hammer(index):
        connection = None
        while time.monotonic() < end:
            try:
                if connection is None:
                    connection = Connection(coordinator.port)
                kind = index % 3
                if kind == 0:
                    status, _ = connection.call("POST", "/v1/query", heavy.encode())
                elif kind == 1:
                    status, _ = connection.call("GET", "/v1/jobs?limit=1000")
                else:
                    status, _ = connection.call("POST", "/v1/worker/sessions", {
                        "worker": hexadecimal(8), "name": "x", "session": hexadecimal(16), "slots": 1, "threads": 1, "labels": {}, "gpus": 0,
                        "memory": 0, "version": ""})
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
        "worker": worker, "name": "steady", "session": session, "slots": 1, "threads": 1, "labels": {}, "gpus": 0, "memory": 0, "version": ""})
    grant = coordinator.call("POST", "/v1/worker/exchange", {"session": session, "number": 1, "reports": [], "freeSlots": 1, "waitSeconds": 10})["grants"][0]
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
        "rss_mb_peak": round(peak, 1), "rss_mb_after": round(last["rss_mb"], 1), "heartbeat_p99_ms": round(latencies[int(0.99 * len(latencies))] * 1000, 1),
        "first_answer_after_s": round(recovery, 3), "faults": faults}


def part_syncs(options, folder):
    trace = folder + "/strace"
    # Not `strace -c`: with many threads its counts fall short.
    coordinator = Coordinator(folder + "/data", ["strace", "-f", "-e", "trace=fdatasync,fsync", "-o", trace])
    coordinator.start()
    connection, requests = Connection(coordinator.port), 200

    def syncs():
        with open(trace) as f:
            return len(re.findall(r"f(?:data)?sync\(", f.read()))

    before = syncs()
    for n in range(requests):
        body = {"worker": f"w{n}", "name": "w", "session": hexadecimal(16), "slots": 1, "threads": 1, "labels": {}, "gpus": 0, "memory": 0, "version": ""}
        status, answer = connection.call("POST", "/v1/worker/sessions", body)
        assert status == 200, answer
    total = syncs() - before
    connection.close()
    subprocess.run(["pkill", "-TERM", "-P", str(coordinator.process.pid)], check=False)
    coordinator.process.wait(60)
    return {"answers": requests, "syncs": total, "faults": [] if total >= requests else [f"{total} syncs for {requests} answers"]}


PARTS = {name[5:]: body for name, body in globals().items() if name.startswith("part_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--rate", type=float, default=200, help="outage: points a second of each worker")
    parser.add_argument("--kill-every", type=float, default=10, help="jobs: seconds; 0 for never")
    parser.add_argument("--compare", action="store_true", help="jobs: every fifth slice without kills, for the rate")
    parser.add_argument("--data", help="folder that stays and is gone on with")
    parser.add_argument("--append", help="Markdown file that gets one line")
    options = parser.parse_args()
    usual = {"jobs": (1_000_000, 10**9, 24), "outage": (0, 600, 5), "soak": (0, 9000, 2), "foreign": (1000, 0, 8), "overload": (0, 60, 300),
             "syncs": (0, 0, 1)}[options.part]
    options.count = usual[0] if options.count is None else options.count
    options.seconds = usual[1] if options.seconds is None else options.seconds
    options.workers = usual[2] if options.workers is None else options.workers
    folder = os.path.abspath(options.data) if options.data else tempfile.mkdtemp(prefix="radiata-campaign-")
    os.makedirs(folder, exist_ok=True)
    try:
        figures = PARTS[options.part](options, folder)
    finally:
        if not options.data:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"part": options.part, **figures}))
    if options.append:
        with open(options.append, "a") as f:
            f.write(f"| {datetime.date.today()} | {options.part} | `{json.dumps(figures)}` |\n")
    sys.exit(1 if figures["faults"] else 0)


if __name__ == "__main__":
    main()
