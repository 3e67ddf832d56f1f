"""Foreign programs at the ledger, and what SQLite does to keep what was answered."""
import hashlib, os, random, re, subprocess, threading

from harness import Coordinator, NoopWorker, hexadecimal, launch, run


def part_foreign(options, folder):
    coordinator = Coordinator(folder + "/data")
    coordinator.start()
    launch(coordinator, folder, "foreign", min(200_000, 1000 * max(10, options.count // 5)))
    stop = threading.Event()
    workers = [NoopWorker(coordinator, f"noop-{n}", stop) for n in range(8)]
    for worker in workers:
        worker.start()
    ledger, failed, rng = folder + "/data/ledger.db", 0, random.Random(1)
    statements = [
        "SELECT count(*) FROM attempt", "SELECT * FROM jobs LIMIT 10", "PRAGMA quick_check(1)", "BEGIN IMMEDIATE; ROLLBACK",
        "BEGIN; SELECT count(*) FROM event; COMMIT", "PRAGMA journal_mode"]
    for number in range(options.count):
        if number % 100 == 50:  # a copy and a collection by the coordinator itself between them
            run(["ledger", "backup", "--coordinator", coordinator.url])
            run(["ledger", "gc", "--coordinator", coordinator.url])
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
    return {
        "shells": options.count, "shells_failed": failed, "acknowledged": len(acknowledged),
        "lost": len(acknowledged - in_ledger), "faults": faults}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def part_syncs(options, folder):
    trace = folder + "/strace"
    # Not `strace -c`: with many threads its counts fall short.
    coordinator = Coordinator(folder + "/data", ["strace", "-f", "-y", "-e", "trace=fdatasync,fsync", "-o", trace])
    coordinator.start()
    connection, requests, blobs = coordinator.connect(), 200, 20

    def syncs():
        """How many until now of the log, of files below blobs, and of folders there."""
        with open(trace) as f:
            paths = re.findall(r"f(?:data)?sync\(\d+<([^>]*)>", f.read())
        store = [path for path in paths if "/data/blobs" in path]
        files = sum("/uploads/" in path for path in store)
        return {"log": sum(path.endswith("ledger.db-wal") for path in paths), "files": files, "folders": len(store) - files}

    def ask(method, path, body, kind="application/json"):
        status, answer = connection.call(method, path, body, kind)
        assert status == 200, answer

    def counted(body):
        before = syncs()
        body()
        return {name: count - before[name] for name, count in syncs().items()}

    def register():
        for n in range(requests):
            ask("POST", "/v1/worker/sessions", {
                "worker": f"w{n}", "name": "w", "session": hexadecimal(16), "slots": 1, "threads": 1, "labels": {}, "gpus": 0,
                "memory": 0, "version": ""})

    def upload():
        for _ in range(blobs):
            data = os.urandom(100)
            digest = hashlib.sha256(data).hexdigest()
            ask("POST", "/v1/blobs", {"sha256": digest, "bytes": len(data)})
            ask("PUT", f"/v1/blobs/{digest}/chunks/0?crc32c={crc32c(data):08x}", data, "application/octet-stream")
            ask("POST", f"/v1/blobs/{digest}/commit", {})

    answers, stored = counted(register), counted(upload)
    connection.close()
    subprocess.run(["pkill", "-TERM", "-P", str(coordinator.process.pid)], check=False)
    coordinator.process.wait(60)
    faults = [f"{answers['log']} syncs of the log for {requests} answers"] if answers["log"] < requests else []
    faults += [f"{count} syncs of {name} for {blobs} blobs" for name, count in stored.items() if count < blobs]
    return {"answers": requests, "syncs": answers, "blobs": blobs, "syncs_of_blobs": stored, "faults": faults}
