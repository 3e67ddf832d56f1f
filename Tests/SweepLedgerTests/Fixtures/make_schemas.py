#!/usr/bin/env python3
"""Makes schema-N.sql: a ledger of each earlier schema as text, with rows in every table.

The statements of a schema are those of the commit that brought it, taken from the history; the rows are the same for
all, so that a test can hold what the views answer before and after a ledger was brought up to date. `ledger-1.sql`
beside them was written by a program of that schema (make_ledger.sh).

Schemas after 5 are schema 5 with its rows, brought up to date by the statements of their own commit, and rows in the
tables that are new since.

Usage: make_schemas.py [N...]   (in the repository; all by default)
"""
import hashlib
import json
import pathlib
import re
import sqlite3
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# The commit that brought the schema. Schemas 2 and 3 came together; 10 to 12 are as they were merged.
COMMITS = {1: "75f7dbd", 2: "816aa62", 3: "816aa62", 4: "ca9b1b0", 5: "bdb727f", 8: "4ab1abd", 10: "61e8895", 11: "61e8895",
           12: "61e8895", 13: "61e8895", 14: "81b6faf"}
# The last schema that is filled as it was made; later ones are migrated with their rows.
FILLED = 5


def source(commit, name):
    show = subprocess.run(
        ["git", "show", f"{commit}:Sources/SweepLedger/{name}"], cwd=HERE, capture_output=True, text=True)
    return show.stdout if show.returncode == 0 else ""


def strings(text):
    """The string literals of Swift text, in order."""
    found = []
    for match in re.finditer(r'"""\n(.*?)\n[ ]*"""|"([^"\n]*)"', text, re.S):
        found.append(match.group(1) if match.group(1) is not None else match.group(2))
    return [re.sub(r"\n[ ]{8}", "\n", one.strip()) for one in found]


def named(text, name):
    """`let NAME = \"\"\"…\"\"\"` with what it interpolates."""
    body = strings(text[text.index(f"let {name} ="):])[0]
    visible = re.search(r'func isVisible.*?"""\n(.*?)\n\s*"""', text, re.S)

    def filled(match):
        return re.sub(r"\s+", " ", visible.group(1).strip().replace("\\(step)", match.group(1)))

    return re.sub(r'\\\(isVisible\("([^"]+)"\)\)', filled, body)


def listed(text, name):
    """The elements of `let NAME: [String] = […]`: literals, and names of other constants."""
    start = text.index("[", text.index("=", text.index(f"let {name}: [String]")))
    end = text.index("\n    ]", start)
    body = text[start:end]
    elements = strings(body)
    if re.match(r"\[\s*span,", body):
        elements.insert(0, named(text, "span"))
    return elements


# Where the statements of a schema stand.
PLACES = {
    "secretsApart": "Schema+Secrets.swift", "blame": "Schema+Blame.swift", "sweepMetrics": "Schema+Metrics.swift",
    "evaluationJobs": "Schema+Evaluations.swift", "stopRules": "Schema+StopRules.swift", "keeping": "Schema+Keeping.swift",
}


def mixed(text, views, name):
    """The elements of `let NAME = [\u2026]`: literals, and names of views of the same file in between."""
    start = text.index("[\n", text.index(f"let {name}"))
    body = re.sub(r"\n\s*//[^\n]*", "", text[start:text.index("\n    ]", start)])
    for literal, other in re.findall(r'("""\n.*?"""|"[^"\n]*")|\b([a-z][A-Za-z]+)\b(?=,)', body, re.S):
        if literal:
            yield strings(literal)[0]
            continue
        own = text[text.index(f"let {other} ="):]
        changed = re.match(r"let \w+ = (\w+)\.replacing\(", own)
        if changed is None:
            yield named(text, other)
        else:
            old, new = strings(own)[:2]
            base = named(views, changed.group(1))
            assert old in base
            yield base.replace(old, new)


def statements(version):
    """(schema, statement) in order."""
    commit = COMMITS[version]
    tables, views = source(commit, "Schema.swift"), source(commit, "Schema+Views.swift")
    for statement in listed(tables, "tables") + listed(views, "triggers") + listed(views, "views"):
        yield 1, statement
    migrations = source(commit, "Migrations.swift")
    for match in re.finditer(r"Migration\(\s*version: (\d+),\s*statements: (\[.*?\n?\s*\]|\w+)\)", migrations, re.S):
        schema = int(match.group(1))
        if schema > version:
            return
        if not match.group(2).startswith("["):
            text = source(commit, PLACES[match.group(2)])
            if schema <= 8:
                yield from ((schema, statement) for statement in listed(text, match.group(2)))
            else:
                yield from ((schema, statement) for statement in mixed(text, views, match.group(2)))
            continue
        for literal, name in re.findall(r'("""\n.*?"""|"[^"\n]*")|\b([a-z][A-Za-z]+)\b(?=[,\]])', match.group(2), re.S):
            yield schema, strings(literal)[0] if literal else named(views, name)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def fill(db, version):
    def add(table, **values):
        marks = ", ".join("?" * len(values))
        db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))

    at = 1_795_000_000_000
    add("ledger", one=1, id=digest("ledger")[:32], epoch=2, created=at)
    bundle = json.dumps({"text": "name: one\n", "files": {}, "env": {"API_KEY": "secret"}})
    for sweep, name in enumerate(["one", "two"], 1):
        add("sweep", id=sweep, name=name, digest=digest(name), priority=sweep, configurations=2, checkpoints=3,
            created=at + sweep)
        add("sweep_file", sweep=sweep, digest=digest(name), bundle=bundle, launched=at + sweep)
    add("sweep_file", sweep=1, digest=digest("one, earlier"), bundle="{}", launched=at)
    for configuration, rate in enumerate([1e-4, 5e-4], 1):
        add("configuration", id=configuration, digest=digest(f"c{rate}"), parameters=json.dumps({"lr": rate}))
    states = ["done", "failed", "running", "waiting", "done"]
    for job, state in enumerate(states, 1):
        attempts = {"done": 2, "failed": 1, "running": 1, "waiting": 0}[state]
        values = dict(
            id=job, identity=digest(f"job {job}"), sweep=1, configuration=1 + job % 2, seed=job, state="waiting",
            priority=1, attempt=attempts, epoch=2, worker="w" * 32 if attempts else None,
            failure="crash" if state == "failed" else None, message="it broke" if state == "failed" else None,
            spec=json.dumps({"seed": job, "retention": {"last": 2}, "env": {"TOKEN": "secret"}}),
            requirements='{"gpus":0,"labels":{},"memoryBytes":0}', retries="{}", states_kept=2, created=at + job, updated=at + 100 + job)
        add("job", **values)
        add("member", sweep=1, job=job, group_name="g", parameters=json.dumps({"lr": 1e-4}))
        if job % 2:
            add("member", sweep=2, job=job, group_name="h", parameters="{}")
        db.execute("UPDATE job SET state = ? WHERE id = ?", (state, job))
    for key, name in enumerate(["loss", "val_loss"], 1):
        add("metric_key", id=key, name=name)
    blobs = 0

    def blob(kind):
        nonlocal blobs
        blobs += 1
        sha256 = digest(f"{kind} {blobs}")
        add("blob", sha256=sha256, bytes=100 + blobs, created=at, keep_until=at)
        return dict(sha256=sha256, bytes=100 + blobs)

    attempt = 0
    for job, state in enumerate(states, 1):
        for number in range(1, {"done": 3, "failed": 2, "running": 2}.get(state, 1)):
            attempt += 1
            ends = {"done": ["lost", "done"][number - 1], "failed": "failed", "running": None}[state]
            add("attempt", id=attempt, job=job, number=number, epoch=2, worker="w" * 32, session=f"{attempt:032x}",
                started=at + 10 * attempt, ended=None if ends is None else at + 10 * attempt + 5, outcome=ends,
                failure={"failed": "crash", "lost": "lost"}.get(ends), resumed_step=4 if number == 2 else 0,
                points=8, log_end=6)
            # The second goes on from step 4; the first had come to step 6, which was done again.
            for step in range(4, 9) if number == 2 else range(0, 7):
                for key in (1, 2):
                    value = 1 / (1 + step) + number + key
                    is_odd = (job, key, step) == (1, 2, 7)
                    add("metric", attempt=attempt, key=key, step=step, value=None if is_odd else value)
                    if is_odd:
                        add("metric_bits", attempt=attempt, key=key, step=step, bits=0x7FF8000000000000)
            for step in ((8,) if number == 2 else (2, 4, 6)):
                checkpoint = attempt * 10 + step
                add("checkpoint", id=checkpoint, attempt=attempt, name=f"step-{step}", epoch=step // 2, step=step,
                    final=int(step == 8), resumable=int(step == 4), created=at + checkpoint)
                add("checkpoint_file", checkpoint=checkpoint, name="a.safetensors", kind="adapter", **blob("adapter"))
                if step == 4:
                    add("checkpoint_file", checkpoint=checkpoint, name="s.bin", kind="state", **blob("state"))
                add("evaluated", attempt=attempt, checkpoint=f"step-{step}", step=step)
                for metric in ("image_similarity", "drift"):
                    add("evaluation", attempt=attempt, checkpoint=f"step-{step}", epoch=step // 2, step=step,
                        prompts="train", metric=metric, value=step / 10 + number, n=4, **{"class": ""})
                add("artifact", attempt=attempt, kind="sample", name=f"{step}.png", checkpoint=f"step-{step}",
                    step=step, **blob("sample"))
            add("log_text", attempt=attempt, start=0, bytes=6, text="hello\n")
            add("event", id=100 + attempt, at=at + attempt, kind="claim", job=job, attempt=number, worker="w" * 32)
    add("input", digest=digest("input"), name="data", is_folder=1, bytes=7, created=at)
    add("input_file", input=digest("input"), path="2_cat/p0.png", **blob("input"))
    for worker, name in ("w" * 32, "old"), ("v" * 32, "other"):
        add("worker", id=worker, name=name, slots=2, threads=4, gpus=0, memory=1 << 33, labels="{}", version="1",
            session=digest(name)[:32], first_seen=at, last_seen=at + 1000)
    add("exchange", session=digest("old")[:32], number=7, reply="1,2")
    add("request_key", key="k" * 20, digest=digest("k"), reply="5 5 0", created=at)
    for token in ("admin", "reader"):
        add("token", id=token, hash=digest(token), scope=token.replace("reader", "read"), note="", created=at,
            expires=None, revoked=at if token == "reader" else None)
    add("quarantine", id=1, at=at, job=digest("job 1"), attempt=1, kind="finished", body="{}")
    if version >= 2:
        add("audit", id=1, at=at, actor="admin", call="launch", detail="one")
    if version >= 3:
        add("worker_owner", worker="w" * 32, token="admin", session=digest("old")[:32], key=digest("key"))
        db.execute("UPDATE job SET thinned = 1 WHERE id = 1")


def fill_later(db):
    """Rows in the tables of schemas 7 and 8."""
    at = 1_795_000_000_000
    for table, row in [
        ("sweep_stop", (2, at, "three configurations failed alike")),
        ("sweep_progress", (1,)),
        ("job_failure", (2, digest("it broke"), 1, 1, "w" * 32)),
        ("worker_suspension", ("v" * 32, at, 1, at + 60_000, 3, "three jobs failed here")),
        ("worker_mark", ("v" * 32, "goodbye", at)),
        ("worker_core", ("w" * 32, '["1.1","2.1"]')),
        ("forgotten_worker", ("u" * 32, "gone", at)),
        ("attempt_notice", (1, "metric-line", 2, "a line that is no JSON")),
        ("log_line", (4, " 50%")),
    ]:
        db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


# Rows of the tables that are new with a schema; what a row does not say and must have is 1.
NEWER = {
    10: [("sweep_metric", dict(sweep=1, name="val_loss", place=0, better="lower", unit="nats", title="loss", weight=2.0)),
         ("sweep_metric", dict(sweep=1, name="drift", place=1, prompts="style"))],
    11: [("evaluation_wish", dict(id=1, sweep=1, spec="{}", scope="all", created=7)),
         ("evaluation_job", dict(job=4, subject=1, checkpoint="step-8", purpose="measure")),
         ("confirmation", dict(source=4, checkpoint="step-8", epoch=4, step=8, prompts="train", metric="drift", value=0.5,
                               n=4, image_values="[0.4,0.6]", **{"class": ""})),
         ("confirmation_choice", dict(sweep=1, trained=2, configuration="1", created=7))],
    12: [("stop_rule", dict(job=3, metric="loss", better="lower", patience=3, min_delta=0.0, after=0, needs_adapter=1)),
         ("stop_decision", dict(job=1, attempt=2, step=8, reason="enough", at=7))],
    13: [("job_origin", dict(job=2, way="rerun", parent=digest("job 1"), changes='{"lr":0.001}')),
         ("origin_file", dict(job=2, name="s.bin", sha256=digest("adapter 1"), bytes=101)),
         ("sweep_archive", dict(sweep=2, at=7, bytes=9)),
         ("removed_sweep", dict(name="gone")), ("removed_job", dict(identity=digest("gone"), attempts=3)),
         ("sweep_tag", dict(sweep=1, name="good", at=7)), ("job_tag", dict(job=1, name="best", at=7)),
         ("sweep_note", dict(sweep=1, text="a note", at=7)), ("job_note", dict(job=1, text="another", at=7))],
    14: [("worker_gpu", dict(worker="w" * 32, devices='[]', share=1))],
}


def fill_newer(db, version):
    for table, values in [row for schema in sorted(NEWER) if schema <= version for row in NEWER[schema]]:
        for _, name, _, needed, default, _ in db.execute(f"PRAGMA table_info({table})").fetchall():
            if needed and default is None and name not in values:
                values = values | {name: 1}
        marks = ", ".join("?" * len(values))
        db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def make(version):
    db = sqlite3.connect(":memory:")
    steps = list(statements(version))
    for schema, statement in steps:
        if schema <= FILLED:
            db.execute(statement)
    fill(db, min(version, FILLED))
    for schema, statement in steps:
        if schema > FILLED:
            db.execute(statement)
    if version > FILLED:
        fill_later(db)
    fill_newer(db, version)
    db.commit()
    head = [f"PRAGMA application_id = {0x52616469};", f"PRAGMA user_version = {version};", "PRAGMA foreign_keys=OFF;"]
    path = HERE / f"schema-{version}.sql"
    path.write_text("\n".join(head + list(db.iterdump())) + "\n")
    print(path.name, path.stat().st_size, "bytes")


for version in map(int, sys.argv[1:] or COMMITS):
    make(version)
