"""Checks the tree for what a formatter does not see; `make check` runs it. Standard library only.

    python3 Tests/Tidy/check_tree.py

- no file above 1 MB without an entry in large_files.txt, and no entry without its file
- no line over 140 columns, no comment line over 110
- no file that nothing names: its name, its name without the ending, or its folder stands in another file
- no package in Package.swift that no target uses, and no edge of a target that it does not import
- no import that Package.swift does not grant: its edges are the layers of docs/explanation/architecture.md
- no `@testable`, and no SQL outside of the ledger, the public queries and the simulator's checker
- no commit subject over 72 characters
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINE, COMMENT, SUBJECT, LARGE = 140, 110, 72, 1_000_000
CODE = {".swift", ".c", ".h", ".py", ".sh", ".md", ".yaml", ".yml", ".js", ".css"}
# Older commits were made before the rule.
RULED_FROM = "2026-11-30"
# FoundationNetworking is absent on purpose: HTTP goes through libcurl.
FREE_IMPORTS = {"Swift", "Synchronization", "Glibc", "Foundation", "FoundationEssentials", "Dispatch"}
FREE_IN_TESTS = {"Testing", "XCTest", "FoundationXML"}
# Modules that come with a product under another name.
COME_WITH = {
    "Yams": {"CYaml"},
    "GRDB": {"GRDBSQLite"},
    "ServiceLifecycle": {"UnixSignals"},
    "Hummingbird": {"HummingbirdCore", "HTTPTypes", "NIOCore", "NIOHTTPTypes", "NIOFoundationCompat"},
    "HummingbirdTLS": {"NIOSSL"},
}
# Where SQL may stand: beside the ledger, queries over its public views, a checker that shares nothing with
# it, the reader of trainers' databases, and profiles that speak with a trainer through one.
SQL_IN = (
    "Sources/SweepLedger/", "Sources/SweepAnalysis/PublicQueries", "Sources/ClusterSimulator/", "Tests/",
    "Sources/TrainerFiles/SQLiteTail", "Sources/SweepFile/EmbeddedProfiles")

faults = []


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (ROOT / name).is_file()]


def text_of(name):
    data = (ROOT / name).read_bytes()
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def check_sizes(names):
    entries = {}
    listing = "Tests/Tidy/large_files.txt"
    for line in (ROOT / listing).read_text().splitlines():
        if line and not line.startswith("#"):
            path, _, reason = line.partition("  ")
            entries[path] = reason.strip()
    for name in names:
        size = (ROOT / name).stat().st_size
        if size > LARGE and not entries.get(name):
            faults.append(f"{name}: {size} bytes; give its reason in {listing}, or make it smaller")
    for path in entries:
        if path not in names or (ROOT / path).stat().st_size <= LARGE:
            faults.append(f"{listing}: {path} is not there or not large any more")


def is_link_or_table(line):
    return line.lstrip().startswith("|") or re.search(r"\]\([^)]*\)|https?://", line)


def check_lines(texts):
    comment = {".swift": r"\s*//", ".c": r"\s*//", ".h": r"\s*//", ".py": r"\s*#", ".sh": r"\s*#"}
    for name, text in texts.items():
        ending = pathlib.Path(name).suffix or (".sh" if text.startswith("#!") else "")
        if ending not in CODE and pathlib.Path(name).name != "Makefile":
            continue
        if "/Fixtures/" in name and ending not in {".py", ".swift"}:
            continue  # what the tested program or a peer wrote
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LINE and not (ending == ".md" and is_link_or_table(line)):
                faults.append(f"{name}:{number}: {len(line)} columns, at most {LINE}")
            elif ending in comment and len(line) > COMMENT and re.match(comment[ending], line):
                if not re.search(r"https?://\S{40}", line):
                    faults.append(f"{name}:{number}: a comment of {len(line)} columns, at most {COMMENT}")


def check_use(names, texts):
    # Compiled or found by convention: Swift and C sources, what a test runner or a forge looks for by name.
    by_convention = re.compile(
        r"\.(swift|c|h|modulemap)$|^(README|LICENSE|NOTICE|CHANGELOG|CONTRIBUTING|SECURITY)|^\.|^Makefile$|/README\.md$")
    words = collections.Counter()
    for name, text in texts.items():
        for word in set(re.findall(r"[A-Za-z0-9_.+-]+", text)):
            words[word] += 1
            for part in (word.strip("."), word.rsplit(".", 1)[0]):
                if part != word:
                    words[part] += 1
    for name in names:
        if by_convention.search(name):
            continue
        path = pathlib.PurePosixPath(name)
        # A folder that a reader lists names its files: the data sets, the base model, the corpora.
        candidates = [path.name, path.stem, *path.parts[-4:-1]]
        own = texts.get(name)
        if not any(words[word] - (1 if own and word in own else 0) > 0 for word in candidates if len(word) > 2):
            faults.append(f"{name}: nothing names it; remove it, or say in its folder's README what it is for")


def folders_of(target):
    folder = ROOT / (target.get("path") or ("Tests/" if target["type"] == "test" else "Sources/") + target["name"])
    return [folder / part for part in target["sources"]] if target.get("sources") else [folder]


IMPORT = re.compile(
    r"^(?:@\w+(?:\([^)]*\))? )*(?:public |package |internal |private |fileprivate )?"
    r"import (?:(?:struct|class|enum|func|protocol|var|let|typealias) )?(\w+)", re.M)


def check_package():
    described = subprocess.run(
        ["swift", "package", "--scratch-path", str(ROOT / ".build/tidy"), "dump-package"], cwd=ROOT,
        capture_output=True, text=True, check=True).stdout
    package = json.loads(described)
    programs = {target["name"] for target in package["targets"] if target["type"] == "executable"}
    used = set()
    for target in package["targets"]:
        granted = set()
        for dependency in target["dependencies"]:
            kind, (name, *rest) = next(iter(dependency.items()))
            if kind == "product":
                used.add(rest[0].lower())
            granted.add(name)
        imported = collections.defaultdict(list)
        for path in sorted(path for folder in folders_of(target) for path in folder.rglob("*.swift")):
            for module in IMPORT.findall(path.read_text()):
                imported[module].append(path.relative_to(ROOT))
        allowed = FREE_IMPORTS | granted | set().union(*(COME_WITH.get(name, set()) for name in granted))
        if target["type"] == "test":
            allowed |= FREE_IN_TESTS
        for module in sorted(set(imported) - allowed):
            faults.append(f"{imported[module][0]}: imports {module}, which Package.swift does not grant {target['name']}")
        for name in sorted(granted - programs):  # a program is built beside, not imported
            if not ({name} | COME_WITH.get(name, set())) & set(imported):
                faults.append(f"Package.swift: {target['name']} depends on {name} and does not import it")
    for dependency in package["dependencies"]:
        for kind in dependency.values():
            identity = kind[0]["identity"].lower()
            if identity not in used:
                faults.append(f"Package.swift: nothing uses the package {identity}")
    folders = [
        str(folder.relative_to(ROOT)) + "/" for target in package["targets"] for folder in folders_of(target)]
    for name in names:
        if name.endswith(".swift") and name != "Package.swift" and not any(name.startswith(f) for f in folders):
            faults.append(f"{name}: no target of Package.swift compiles it")


STRING = re.compile(r'#*"""(.*?)"""#*|#*"((?:[^"\\\n]|\\.)*)"#*', re.S)
SQL = re.compile(
    r"(?:^|\n)\s*(?:WITH \w+ AS|SELECT\s.*\sFROM\s|INSERT (?:OR \w+ )?INTO\s|REPLACE INTO\s|UPDATE \w+\s+SET\s|"
    r"DELETE FROM\s|(?:CREATE|DROP|ALTER) (?:TABLE|VIEW|INDEX|TRIGGER)\s|PRAGMA \w)", re.S)


def check_sources(texts):
    for name, text in texts.items():
        if not name.endswith(".swift"):
            continue
        if re.search(r"^@testable import", text, re.M):
            faults.append(f"{name}: @testable import; make what it tests package-visible")
        if not name.startswith(SQL_IN):
            for match in STRING.finditer(text):
                if SQL.search(match.group(1) or match.group(2) or ""):
                    line = text.count("\n", 0, match.start()) + 1
                    faults.append(f"{name}:{line}: SQL stands in {', '.join(SQL_IN)} only")


def check_subjects():
    shown = subprocess.run(
        # With the hour: a date alone means that day at the present time of day.
        ["git", "log", f"--since={RULED_FROM}T04:00:00Z", "--format=%h %s"], cwd=ROOT, capture_output=True, text=True)
    for line in shown.stdout.splitlines():
        digest, _, subject = line.partition(" ")
        if len(subject) > SUBJECT:
            faults.append(f"commit {digest}: a subject of {len(subject)} characters, at most {SUBJECT}")


names = tracked()
texts = {name: text for name in names if (text := text_of(name)) is not None}
check_sizes(names)
check_lines(texts)
check_use(names, texts)
check_package()
check_sources(texts)
check_subjects()
for fault in faults:
    print(fault)
print(f"tidy: {len(names)} files, {len(faults)} faults")
sys.exit(bool(faults))
