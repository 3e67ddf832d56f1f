"""A coordinator and three workers in network namespaces of their own, joined by a bridge; nftables loses, cuts and resets between
them. Needs root, `ip` and `nft`."""
import os, random, shutil, signal, subprocess, sys, time

from curves import check_ledger, check_waves
from harness import PROGRAM, Coordinator, Worker, hexadecimal, spawn, tail
from kills import Supply, left_behind

LEASE, PORT, WORKERS = 5.0, 7070, 3


def refusal():
    """Why this machine cannot do it; None if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool, package in (("ip", "iproute2"), ("nft", "nftables")):
        if not shutil.which(tool):
            return f"'{tool}' is missing (Debian: {package})"
    trial = f"radiata-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", trial], capture_output=True, text=True)
    if made.returncode != 0:
        return f"no network namespace can be made: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", trial], check=False)
    return None


class Node:
    """A namespace on the bridge."""

    def __init__(self, hub, number):
        self.name, self.address = f"{hub}-{number}", f"10.213.0.{number}"
        command("ip", "netns", "add", self.name)
        command("ip", "link", "add", "eth0", "netns", self.name, "type", "veth", "peer", "name", f"port{number}", "netns", hub)
        self.run("ip", "address", "add", self.address + "/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            self.run("ip", "link", "set", device, "up")
        command("ip", "-n", hub, "link", "set", f"port{number}", "master", "bridge", "up")

    @property
    def prefix(self):
        return ["ip", "netns", "exec", self.name]

    def run(self, *words, text=None):
        done = subprocess.run(self.prefix + list(words), input=text, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)} in {self.name}: {done.stderr}")
        return done.stdout

    def rules(self, out="", into=""):
        """What meets packets on their way out and in."""
        self.run("nft", "-f", "-", text=(
            "flush ruleset\ntable inet fault {\n"
            f"chain out {{ type filter hook output priority 0; oifname \"lo\" accept; {out}; }}\n"
            f"chain into {{ type filter hook input priority 0; iifname \"lo\" accept; {into}; }}\n}}\n"))

    def heal(self):
        self.run("nft", "flush", "ruleset")

    def connections(self):
        """Local ports of connections to the coordinator that are established now."""
        rows = [line.split() for line in self.run("cat", "/proc/net/tcp").splitlines()[1:]]
        return [int(row[1].split(":")[1], 16) for row in rows if row[3] == "01" and int(row[2].split(":")[1], 16) == PORT]


def command(*words):
    subprocess.run(list(words), check=True, capture_output=True)


class Remote(Coordinator):
    """The coordinator in its namespace: others reach it, so it wants a token."""

    def __init__(self, folder, node):
        self.token = hexadecimal(32)
        with open(os.open(f"{folder}/token", os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
            f.write(self.token + "\n")
        super().__init__(folder + "/data", node.prefix)
        self.node, self.folder, self.client_prefix = node, folder, node.prefix
        self.environment = {**os.environ, "RADIATA_TOKEN": self.token}

    @property
    def url(self):
        return f"http://{self.node.address}:{PORT}"

    def start(self):
        began = time.monotonic()
        self.process = spawn(
            self.prefix + [PROGRAM, "coordinator", "run", "--data", self.data, "--listen", f"{self.node.address}:{PORT}", "--insecure-lan",
                           "--token-file", f"{self.folder}/token", "--lease", f"{LEASE}s"], stdout=self.log, stderr=self.log)
        while (answer := self.client(["status"])).returncode != 0:
            if self.process.poll() is not None or time.monotonic() - began > 60:
                sys.exit(f"the coordinator did not start: {answer.stderr}\n{tail(self.log.name)}")
            time.sleep(0.05)
        return time.monotonic() - began


# What befalls which nodes for how long: a function of (coordinator's node, workers' nodes, random numbers)
# that sets the rules.
def lose(share):
    rule = f"meta l4proto tcp numgen random mod 100 < {share} drop"
    return lambda coordinator, workers, rng: [worker.rules(rule, rule) for worker in workers]


def cut(how_many, out="drop", into="drop"):
    return lambda coordinator, workers, rng: [worker.rules(out, into) for worker in rng.sample(workers, how_many)]


def reset(coordinator, workers, rng):
    for worker in workers:
        worker.rules(out=f"tcp dport {PORT} numgen random mod 100 < 30 reject with tcp reset")


def half_open(coordinator, workers, rng):
    """What is connected falls silent both ways without a word; new connections work."""
    for worker in workers:
        if ports := ", ".join(map(str, worker.connections())):
            worker.rules(f"tcp sport {{ {ports} }} drop", f"tcp dport {{ {ports} }} drop")


CASES = [
    ("loss of 5 %", lose(5), 10), ("loss of 20 %", lose(20), 20), ("loss of 40 %", lose(40), 10),
    ("one worker cut off for 5 s", cut(1), 5), ("all cut off for 5 s", cut(WORKERS), 5), ("two cut off for 2 leases", cut(2), 2 * LEASE),
    ("all cut off for 2 leases", cut(WORKERS), 2 * LEASE), ("requests arrive, answers do not, 2 leases", cut(2, out=""), 2 * LEASE),
    ("answers would arrive, requests do not, 2 leases", cut(2, into=""), 2 * LEASE), ("resets", reset, 15), ("half-open", half_open, 20),
]


def part_netns(options, folder):
    if why := refusal():
        return {"skipped": why, "faults": []}
    rng = random.Random(options.seed)
    hub, nodes, workers, faults, ran = f"radiata-{os.getpid()}", [], [], [], []
    try:
        command("ip", "netns", "add", hub)
        command("ip", "-n", hub, "link", "add", "bridge", "type", "bridge")
        command("ip", "-n", hub, "link", "set", "bridge", "up")
        nodes = [Node(hub, n + 1) for n in range(1 + WORKERS)]
        coordinator = Remote(folder, nodes[0])
        coordinator.start()
        supply = Supply(coordinator, folder, 0.2)
        workers = [Worker(folder, f"worker-{n}", coordinator.url, ["--label", "real=yes", "--slots", "2"],
                          node.prefix, coordinator.environment)
                   for n, node in enumerate(nodes[1:])]
        for worker in workers:
            worker.start()
        supply.start()
        done = lambda: coordinator.sql("SELECT count(*) FROM job WHERE state = 'done'")[0][0]
        while done() < 3:
            time.sleep(0.2)
        drawn = CASES * (options.count // len(CASES)) + rng.sample(CASES, options.count % len(CASES))
        rng.shuffle(drawn)
        for name, begin, seconds in drawn:
            begin(nodes[0], nodes[1:], rng)
            if rng.random() < 0.25:  # the coordinator dies behind it too
                time.sleep(seconds / 2)
                coordinator.kill()
                coordinator.start()
                time.sleep(seconds / 2)
            else:
                time.sleep(seconds)
            for node in nodes[1:]:
                node.heal()
            # Healed, work goes on before the next case: two more jobs than now.
            before, began = done(), time.monotonic()
            while done() < before + 2 and time.monotonic() - began < 60:
                time.sleep(0.1)
            ran.append([name, round(time.monotonic() - began, 1)])
            print(f"# {name}: two more jobs {ran[-1][1]} s after healing", file=sys.stderr)
            if ran[-1][1] >= 60:
                faults.append(f"{name}: no two jobs within 60 s of healing")
        supply.ended.set()
        supply.join(120)
        began = time.monotonic()
        while (left := coordinator.sql("SELECT count(*) FROM job WHERE state <> 'done'")[0][0]) and time.monotonic() - began < 300:
            time.sleep(0.3)
        faults += [f"{left} jobs did not end"] if left else []
        for worker in workers:
            if worker.process.poll() is not None:
                faults.append(f"{worker.name} ended by itself: {tail(worker.log.name, 500)}")
            faults += worker.stop()
        coordinator.stop()
        faults += check_waves(coordinator, supply.acknowledged) + check_ledger(coordinator)
        outcomes = dict(coordinator.sql("SELECT coalesce(outcome, 'open'), count(*) FROM attempt GROUP BY 1"))
    finally:
        for process in [worker.process for worker in workers]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGKILL)
        for node in nodes:
            command("ip", "netns", "delete", node.name)
        subprocess.run(["ip", "netns", "delete", hub], check=False, capture_output=True)
    faults += left_behind(folder + "/worker")
    return {
        "seed": options.seed, "cases": len(ran), "healed_s_most": max(seconds for _, seconds in ran),
        "jobs": sum(supply.acknowledged.values()), "coordinator_kills": coordinator.kills, "attempts": outcomes, "faults": faults}
