"""SIGKILL and SIGSTOP of a coordinator and of real workers, seeded, while jobs go on."""
import json, os, random, signal, threading, time

from curves import check_core, check_ledger, check_waves, core_job, write_wave
from harness import Coordinator, NoopWorker, Worker, launch, quantile, run, tail

LEASE = 2.5
# Ten seconds each in turn, since a coordinator that was killed gives every lease anew: while it dies again
# and again nobody's runs out. Of 15 disturbances: 2 of the coordinator, 10 of a worker, 1 of a whole machine,
# 2 sleeps beyond the lease.
MIXES = [["coordinator"] * 4 + ["worker"] * 10 + ["machine"], ["worker"] * 10 + ["machine"] + ["zombie"] * 4]


class Shadow(threading.Thread):
    """A client that remembers what it was told: a job told to be done stays done, counts of attempts and points never shrink."""

    QUERY = ("SELECT j.identity, j.state = 'done', j.attempt, (SELECT coalesce(sum(points), 0) FROM attempt a WHERE a.job = j.id) "
             "FROM job j ORDER BY j.id DESC LIMIT 300")

    def __init__(self, coordinator):
        super().__init__(daemon=True)
        self.coordinator, self.told, self.answers, self.ended = coordinator, {}, 0, threading.Event()
        self.faults = []

    def run(self):
        connection = None
        while not self.ended.wait(0.3):
            try:
                connection = connection or self.coordinator.connect(30)
                status, answer = connection.call("POST", "/v1/query", {"sql": self.QUERY, "limit": 300})
            except OSError:
                connection = None
                continue
            if status == 200:
                self.answers += 1
                self.compare(json.loads(answer)["rows"], "later answer")

    def compare(self, rows, where):
        for job, *now in rows:
            before = self.told.get(job, now)
            if any(new < old for new, old in zip(now, before)):
                self.faults.append(f"job {job[:8]}: told done, attempts, points {before}; in a {where} {now}")
            self.told[job] = now


class Supply(threading.Thread):
    """Launches wave after wave, again and again under its name until the launch is acknowledged."""

    def __init__(self, coordinator, folder, pause):
        super().__init__(daemon=True)
        self.coordinator, self.folder, self.pause = coordinator, folder, pause
        self.acknowledged, self.repeats, self.refusal, self.ended = {}, 0, "", threading.Event()

    def run(self):
        wave = 0
        while not self.ended.wait(0.5):
            waiting = self.coordinator.sql(
                "SELECT coalesce(sum(c.jobs), 0) FROM sweep_count c JOIN sweep s ON s.id = c.sweep "
                "WHERE c.state = 'waiting' AND s.name LIKE 'wave-%'")[0][0]
            if waiting > 15:
                continue
            wave += 1
            path = write_wave(self.folder, wave, 40, self.pause)
            while (told := self.coordinator.client(["launch", path])).returncode != 0:
                self.repeats, self.refusal = self.repeats + 1, told.stderr
            self.acknowledged[wave] = 40


class CoreVictim:
    """A worker that trains with the core; killed at a random moment after every state that was committed, so that it does get on."""

    def __init__(self, coordinator, worker, rng):
        self.coordinator, self.worker, self.rng = coordinator, worker, rng
        self.states, self.due, self.kills = 0, None, 0

    def step(self, now):
        if self.due is None:
            states = self.coordinator.sql(
                "SELECT count(*) FROM checkpoints c JOIN jobs j ON j.id = c.job WHERE j.sweep LIKE 'core-%' AND c.kind = 'state'")[0][0]
            if states > self.states:
                self.states, self.due = states, now + self.rng.random() * 4
        elif now > self.due:
            self.due = None
            self.worker.kill(whole_machine=self.rng.random() < 0.3)
            self.worker.start()
            self.kills += 1


def left_behind(folder, patience=15):
    """Faults: processes that still have the folder in their command line `patience` seconds after the workers' end."""
    end = time.monotonic() + patience
    while (found := still_there(folder)) and time.monotonic() < end:
        time.sleep(0.2)
    return [f"left behind: {line}" for line in found]


def still_there(folder):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as f:
                line = f.read().replace("\0", " ")
        except OSError:
            continue
        if folder in line and int(pid) != os.getpid():
            found.append(line.strip()[:200])
    return found


def part_kill(options, folder):
    rng = random.Random(options.seed)
    core_folder = options.core or folder
    os.makedirs(core_folder, exist_ok=True)
    cores = {seed: core_job(core_folder, seed) for seed in (5, 6)[:options.core_jobs]}
    coordinator = Coordinator(folder + "/data", arguments=["--lease", f"{LEASE}s"])
    restarts = [coordinator.start()]
    faults, made = [], dict.fromkeys(("coordinator", "worker", "machine", "zombie"), 0)
    for path, _ in cores.values():
        run(["launch", path, "--coordinator", coordinator.url])
    launch(coordinator, folder, "noop", 40 * options.count, {"noop": "yes"})
    workers = [Worker(folder, f"worker-{n}", coordinator.url, ["--label", "real=yes"]) for n in range(options.workers)]
    core = Worker(folder, "worker-core", coordinator.url, ["--label", "core=yes"])
    for worker in workers + [core]:
        worker.start()
    victim = CoreVictim(coordinator, core, rng)
    supply, shadow, stop = Supply(coordinator, folder, 0.05), Shadow(coordinator), threading.Event()
    # Two that report at once, and three that are silent beyond their lease before each report.
    talkers = [NoopWorker(coordinator, f"noop-{n}", stop, 0.02 if n < 2 else LEASE * 1.6, {"noop": "yes"}) for n in range(5)]
    for thread in [supply, shadow] + talkers:
        thread.start()

    def tend(now):
        for worker in workers:
            if worker.wakes is not None and now > worker.wakes[0]:
                worker.signal(signal.SIGCONT, worker.wakes[1])
                worker.wakes = None
            elif worker.process.poll() is not None:
                faults.append(f"{worker.name} ended by itself ({worker.process.returncode}): {tail(worker.log.name, 500)}")
                worker.start()

    began, last_core, busy, owed = time.monotonic(), 0.0, 0, None
    while sum(made.values()) < options.count and len(faults) < 10:
        time.sleep(rng.uniform(0.02, 0.2) * options.pace)
        now = time.monotonic()
        tend(now)
        if now > last_core + 1:
            victim.step(now)
            last_core = now
        kind, owed = owed or rng.choice(MIXES[int((now - began) / 10) % 2]), None
        # Not one that has just begun: it would never hold anything.
        awake = [worker for worker in workers if worker.wakes is None and now > worker.began + rng.uniform(0.3, 2)]
        if kind == "coordinator":
            coordinator.kill()
            restarts.append(coordinator.start())
        elif not awake or kind == "zombie" and sum(worker.wakes is not None for worker in workers) > 4:
            owed = kind
            continue
        elif kind == "zombie":
            worker, machine = rng.choice(awake), rng.random() < 0.3
            busy += worker.is_training()
            worker.signal(signal.SIGSTOP, machine)
            worker.wakes = (now + LEASE * rng.uniform(1.2, 2.0), machine)
        else:
            worker = rng.choice(awake)
            busy += worker.is_training()
            worker.kill(whole_machine=kind == "machine")
            worker.start()
        made[kind] += 1

    # Healed: everything ends.
    supply.ended.set()
    supply.join(120)
    if supply.is_alive():
        faults.append(f"a launch is still refused: {supply.refusal}")
    stop.set()
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and len(faults) < 10:
        tend(time.monotonic())
        victim.step(time.monotonic())
        left = coordinator.sql("SELECT count(*) FROM jobs WHERE state <> 'done' AND (sweep LIKE 'wave-%' OR sweep LIKE 'core-%')")[0][0]
        if left == 0 and all(worker.wakes is None for worker in workers):
            break
        time.sleep(0.5)
    else:
        faults.append(f"not everything ended: {coordinator.sql('SELECT sweep, state, count(*) FROM jobs GROUP BY 1, 2')}")
    for talker in talkers:
        talker.join(30)
        faults += [talker.fault] if talker.fault else []
    shadow.ended.set()
    shadow.join(60)
    for worker in workers + [core]:
        faults += worker.stop()
    faults += left_behind(folder + "/worker")
    coordinator.kill()
    coordinator.start()
    coordinator.stop()
    # What anybody was told, against what is there.
    in_ledger = {row[0] for row in coordinator.sql("SELECT identity FROM job WHERE state = 'done'")}
    told = {job for job, (is_done, *_) in shadow.told.items() if is_done}
    accepted = [job for talker in talkers for job in talker.done]
    if len(set(accepted)) != len(accepted):
        faults.append(f"{len(accepted) - len(set(accepted))} results were accepted twice")
    lost = (set(accepted) | told) - in_ledger
    if lost:
        faults.append(f"{len(lost)} results that were acknowledged are not there")
    shadow.compare(coordinator.sql(Shadow.QUERY), "last look")
    faults += shadow.faults[:10] + check_waves(coordinator, supply.acknowledged) + check_ledger(coordinator)
    for seed, (_, alone) in cores.items():
        faults += check_core(coordinator, seed, alone)
    outcomes = dict(coordinator.sql("SELECT coalesce(outcome, 'open'), count(*) FROM attempt GROUP BY 1"))
    if not faults:
        left = coordinator.sql("SELECT count(*) FROM attempt WHERE outcome = 'failed'")[0][0]
        faults += [f"{left} attempts count as failures of their jobs"] if left else []
    return {
        "seed": options.seed, "kills": {**made, "core worker": victim.kills}, "with_a_trainer": busy,
        "jobs": sum(supply.acknowledged.values()) + len(cores),
        "core_jobs": len(cores), "acknowledged_results": len(accepted), "zombie_clients_refused": sum(len(t.refused) for t in talkers),
        "shadow_answers": shadow.answers, "launches_repeated": supply.repeats, "attempts": outcomes, "lost": len(lost),
        "restart_p50_s": round(quantile(restarts, 0.5), 2), "restart_p95_s": round(quantile(restarts, 0.95), 2), "faults": faults}
