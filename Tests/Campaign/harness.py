"""What all parts of the campaign share: the coordinator and workers as processes, a small HTTP client, a worker that only talks."""
import atexit, json, os, random, re, signal, socket, sqlite3, subprocess, sys, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("RADIATA", os.path.join(ROOT, ".build/release/radiata"))


def free_port():
    """Below the ports that the system gives to outgoing connections: while the coordinator is away, a client that tries again and
    again would sooner or later be given that very port, connect to itself and keep the port taken."""
    while True:
        with socket.socket() as s:
            try:
                port = random.randrange(20_000, 30_000)
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


STARTED = []


def spawn(*arguments, **options):
    """A process that does not outlive the campaign, however that ends."""
    STARTED.append(subprocess.Popen(*arguments, **options))
    return STARTED[-1]


@atexit.register
def end_started():
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.wait()


class Coordinator:
    """One on a port that stays, so that clients find it again."""

    #: Before commands of users, where they do not run beside it.
    client_prefix, environment = [], None
    program = PROGRAM

    def __init__(self, data, prefix=(), arguments=()):
        self.data, self.port, self.prefix, self.arguments = data, free_port(), list(prefix), list(arguments)
        self.process, self.kills = None, 0
        self.log = open(os.path.join(os.path.dirname(data), "coordinator.log"), "ab")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def secret(self):
        """The admin's token; empty before the first start has made it."""
        try:
            with open(self.data + "/admin.token") as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""

    def connect(self, timeout=60):
        return Connection(self.port, timeout, self.secret)

    def start(self):
        """Returns the seconds to the first answer."""
        began = time.monotonic()
        self.process = spawn(
            self.prefix + [self.program, "coordinator", "run", "--data", self.data, "--listen", f"127.0.0.1:{self.port}"] + self.arguments,
            stdout=self.log, stderr=self.log)
        while True:
            try:
                return self.call("GET", "/v1/health") and time.monotonic() - began
            except OSError:
                if self.process.poll() is not None or time.monotonic() - began > 120:
                    sys.exit(f"the coordinator did not start:\n{tail(self.log.name)}")
                time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def client(self, arguments):
        """A command of a user."""
        return subprocess.run(self.client_prefix + [self.program] + arguments + ["--coordinator", self.url], capture_output=True, text=True,
                              env=self.environment)

    def call(self, method, path, body=None, timeout=600):
        connection = self.connect(timeout)
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
            "rss_mb": int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024,
            # Without the program's own pages, which come in as they are first used.
            "heap_mb": int(re.search(r"RssAnon:\s+(\d+)", text)[1]) / 1024, "threads": int(re.search(r"Threads:\s+(\d+)", text)[1]),
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "wal_mb": os.stat(wal).st_size / 2**20 if os.path.exists(wal) else 0,
            "ledger_mb": os.stat(self.data + "/ledger.db").st_size / 2**20}

    def sql(self, query):
        """Read-only, by SQLite, as the documentation tells users."""
        connection = sqlite3.connect(f"file:{self.data}/ledger.db?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


class Connection:
    """HTTP/1.1 kept alive, as little as is needed."""

    def __init__(self, port, timeout=60, secret=""):
        self.authorization = f"Authorization: Bearer {secret}\r\n" if secret else ""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.headers = b""

    def send(self, method, path, body=None, kind="application/json"):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        head = (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{self.authorization}"
                f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n")
        self.socket.sendall(head.encode() + data)

    def receive(self):
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        self.headers, _, rest = self.buffer.partition(b"\r\n\r\n")
        self.buffer = rest
        if re.search(rb"(?i)transfer-encoding: *chunked", self.headers):
            answer = self._chunks()
        else:
            length = re.search(rb"(?i)content-length: *(\d+)", self.headers)
            answer = self._take(int(length[1]) if length else 0)
        return int(self.headers[9:12]), answer

    def call(self, method, path, body=None, kind="application/json"):
        self.send(method, path, body, kind)
        return self.receive()

    def _chunks(self):
        answer = b""
        while True:
            while b"\r\n" not in self.buffer:
                self._more()
            size, _, self.buffer = self.buffer.partition(b"\r\n")
            piece = self._take(int(size, 16) + 2)[:-2]
            if not piece:
                return answer
            answer += piece

    def _take(self, length):
        while len(self.buffer) < length:
            self._more()
        answer, self.buffer = self.buffer[:length], self.buffer[length:]
        return answer

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
    """Claims and reports as fast as it is answered, or after `pause` seconds without a sign of life; sends again with the same
    number until it is answered."""

    def __init__(self, coordinator, name, stop, pause=0.0, labels=None):
        super().__init__(daemon=True)
        self.coordinator, self.name, self.stop_event, self.pause, self.labels = coordinator, name, stop, pause, labels or {}
        self.session, self.worker = hexadecimal(16), hexadecimal(16)
        self.done, self.refused, self.granted, self.fault = [], [], set(), None
        self.connection, self.number = None, 0

    def ask(self, path, body):
        while True:
            try:
                if self.connection is None:
                    self.connection = self.coordinator.connect()
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
                "worker": self.worker, "name": self.name, "session": self.session, "slots": 1, "threads": 1, "labels": self.labels,
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


class Worker:
    """A real one, with its folder, its guard and its trainers."""

    program = PROGRAM

    def __init__(self, folder, name, url, arguments=(), prefix=(), environment=None):
        self.work, self.name, self.url = f"{folder}/{name}", name, url
        self.arguments, self.prefix, self.environment = list(arguments), list(prefix), environment
        self.process, self.wakes = None, None
        self.log = open(f"{folder}/{name}.log", "ab")

    def start(self):
        self.began = time.monotonic()
        self.process = spawn(
            self.prefix + [self.program, "worker", "run", "--coordinator", self.url, "--work", self.work, "--name", self.name]
            + ["--threads", "1"] + self.arguments, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=self.environment)

    def members(self):
        """Guard and trainers by the worker's own records, if they still are what was recorded: (pid, is a group's leader)."""
        found = []
        for place, _, files in os.walk(self.work):
            for name in files:
                if name not in ("guard", "process"):
                    continue
                try:
                    with open(os.path.join(place, name)) as f:
                        pid, ticks = map(int, f.read().split())
                    with open(f"/proc/{pid}/stat") as f:
                        if int(f.read().rpartition(")")[2].split()[19]) == ticks:
                            found.append((pid, name == "process"))
                except (OSError, ValueError):
                    continue  # ended meanwhile
        return found

    def is_training(self):
        return any(is_leader for _, is_leader in self.members())

    def signal(self, number, whole_machine=False):
        others = self.members() if whole_machine else []
        self.process.send_signal(number)
        for pid, is_leader in others:
            try:
                (os.killpg if is_leader else os.kill)(pid, number)
            except OSError:
                pass  # gone by itself

    def kill(self, whole_machine=False):
        self.signal(signal.SIGKILL, whole_machine)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                return [f"{self.name} did not stop within 60 s"]
        return []


def tail(path, size=2000):
    with open(path, "rb") as f:
        return f.read()[-size:].decode(errors="replace")


def launch(coordinator, folder, name, jobs, labels=None):
    seeds = max(n for n in range(1, 1001) if jobs % n == 0)
    points = ", ".join(f"{n + 1}e-9" for n in range(jobs // seeds))
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w") as f:
        f.write(f"name: {name}\ntrainer: {{ command: [\"true\", \"{{lr}}\", \"{{seed}}\", \"{name}\"] }}\n"
                + (f"requires: {{ labels: {json.dumps(labels)} }}\n" if labels else "")
                + f"seeds: [{', '.join(map(str, range(1, seeds + 1)))}]\ngroups: [ {{ name: g, grid: {{ lr: [ {points} ] }} }} ]\n")
    run(["launch", path, "--coordinator", coordinator.url])


def run(arguments):
    done = subprocess.run([PROGRAM] + arguments, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"radiata {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
