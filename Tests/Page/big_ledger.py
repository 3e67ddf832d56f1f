"""Makes a ledger large for measurements of the page: copies the jobs of its only sweep until there are enough.

    python3 Tests/Page/big_ledger.py DATA --jobs 50000 --points 20000000 --long 1000000

DATA is the folder of a coordinator that is stopped and that launched one sweep with parameters lr and dim. Every job
gets an attempt that is done, with a curve `loss` and a result; one job gets a curve of `--long` points. Only for
measuring: a ledger that was written by anything but the program has none of its promises. Standard library only.
"""

import argparse
import hashlib
import json
import random
import sqlite3
import time


def columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--points", type=int, default=20_000_000)
    parser.add_argument("--long", type=int, default=1_000_000)
    given = parser.parse_args()
    db = sqlite3.connect(f"{given.data}/ledger.db")
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -400000;")
    sweep, = db.execute("SELECT id FROM sweep").fetchone()
    template = db.execute("SELECT * FROM job ORDER BY id LIMIT 1").fetchone()
    names = columns(db, "job")
    job = dict(zip(names, template))
    spec = db.execute("SELECT spec FROM job_spec WHERE job = ?", (job["id"],)).fetchone()[0]
    setting = json.loads(db.execute("SELECT parameters FROM member WHERE job = ?", (job["id"],)).fetchone()[0])
    noise = random.Random(1)
    now = int(time.time() * 1000)
    first = db.execute("SELECT max(id) FROM job").fetchone()[0] + 1
    configuration = db.execute("SELECT max(id) FROM configuration").fetchone()[0]
    attempt = db.execute("SELECT coalesce(max(id), 0) FROM attempt").fetchone()[0]
    count = given.jobs - db.execute("SELECT count(*) FROM job").fetchone()[0]
    each = max(1, (given.points - given.long) // max(1, count))
    db.execute("INSERT OR IGNORE INTO metric_key (name) VALUES ('loss')")
    key, = db.execute("SELECT id FROM metric_key WHERE name = 'loss'").fetchone()
    db.execute("INSERT OR IGNORE INTO measure (metric, prompts) VALUES ('paired_fidelity', 'train')")
    measure, = db.execute("SELECT id FROM measure WHERE metric = 'paired_fidelity' AND prompts = 'train'").fetchone()
    attempts = columns(db, "attempt")
    for start in range(0, count, 1000):
        rows, metrics, curves, results = [], [], [], []
        for index in range(start, min(start + 1000, count)):
            row = first + index
            lr, dim = 10 ** noise.uniform(-5, -2), noise.choice([2, 4, 8, 16, 32, 64])
            if index % 3 == 0:
                configuration += 1
                settings = {**setting, "lr": lr, "dim": dim}
                text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
                db.execute("INSERT INTO configuration (id, digest, parameters) VALUES (?, ?, ?)",
                           (configuration, hashlib.sha256(f"c{index}".encode()).hexdigest(), text))
            state = "failed" if index % 50 == 7 else "done"
            rows.append({**job, "id": row, "identity": hashlib.sha256(f"j{index}".encode()).hexdigest(),
                         "configuration": configuration, "seed": index % 3 + 1, "state": state, "attempt": 1,
                         "failure": "crash" if state == "failed" else None,
                         "message": f"CUDA error {index} in /tmp/x{index}" if state == "failed" else None,
                         "worker": f"w{index % 40}", "updated": now - noise.randrange(86_400_000)})
            attempt += 1
            made = dict.fromkeys(attempts)
            made.update(id=attempt, job=row, number=1, epoch=job["epoch"], worker=f"w{index % 40}", started=now - 9e7,
                        ended=now - 8e7, outcome=state if state == "failed" else "done", resumed_step=0, resumed_epoch=0, points=each,
                        log_end=0)
            db.execute(f"INSERT INTO attempt ({','.join(attempts)}) VALUES ({','.join('?' * len(attempts))})",
                       [made[name] for name in attempts])
            best = 0.1 + 0.05 * abs(noise.gauss(0, 1))
            points = given.long if index == 0 else each
            curve = [best + 1 / (1 + 40 * step / points) + noise.random() * 0.02 for step in range(points)]
            if index == 0:
                # One point stands out each way: a drawing that loses either is wrong.
                curve[points // 3], curve[points // 2] = 7.0, -7.0
            metrics += [(attempt, key, step, value) for step, value in enumerate(curve)]
            low, high = min(curve), max(curve)
            curves.append((key, row, points - 1, curve[-1], low, curve.index(low), high, curve.index(high)))
            results.append((measure, row, "final", 1, points, 1 - best, 8))
            db.execute("INSERT INTO evaluation (attempt, checkpoint, epoch, step, class, prompts, metric, value, n)"
                       " VALUES (?, 'final', 1, ?, '', 'train', 'paired_fidelity', ?, 8)", (attempt, points, 1 - best))
            db.execute("INSERT INTO event (at, kind, job, attempt, detail) VALUES (?, ?, ?, 1, '')",
                       (now, "done" if state == "done" else "failed", row))
        db.executemany(f"INSERT INTO job ({','.join(names)}) VALUES ({','.join('?' * len(names))})",
                       [[row[name] for name in names] for row in rows])
        db.executemany("INSERT INTO job_spec (job, spec) VALUES (?, ?)", [(row["id"], spec) for row in rows])
        db.executemany(
            "INSERT INTO member (sweep, job, group_name, parameters) SELECT ?, ?, 'g', parameters FROM configuration WHERE id = ?",
            [(sweep, row["id"], row["configuration"]) for row in rows])
        # The program keeps these in the transactions that write what they sum up.
        db.executemany("INSERT INTO curve_summary (key, job, step, value, low, low_step, high, high_step)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", curves)
        db.executemany("INSERT INTO result_mean (measure, job, checkpoint, epoch, step, value, n)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?)", results)
        db.executemany("INSERT INTO metric (attempt, key, step, value) VALUES (?, ?, ?, ?)", metrics)
        db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    print(db.execute("SELECT (SELECT count(*) FROM job), (SELECT count(*) FROM metric)").fetchone())


main()
