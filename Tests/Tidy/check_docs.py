#!/usr/bin/env python3
"""Checks the documentation: run it from anywhere, it needs Python's standard library and git alone.

    python3 Tests/Tidy/check_docs.py

What must hold:

- every relative link of a page leads to a file, and every `#anchor` to a heading of that file;
- every path of the repository that a page or a comment names exists (`docs/decisions/0002` names the file that begins so,
  `Tests/**/Fixtures` what the pattern matches);
- every page below `docs/` is listed in `docs/README.md`;
- no line of a page is longer than 140 characters.

Prints `file:line: what is wrong` for each fault, and exits with 1 if there is one.
"""

import fnmatch
import os
import re
import subprocess
import sys
import unicodedata

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LONGEST_LINE = 140
INDEX = "docs/README.md"

# Folders and files of users and of builds: examples in pages, not parts of the repository.
EXAMPLES = ("data/mine",)

LINK = re.compile(r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
MENTION = re.compile(r"(?<![\w/.~{}$*-])((?:docs|Sources|Tests|coordinator|worker|sweeps|data|\.ci)/[\w*+./-]*[\w*+-]/?)")
DOCS_MENTION = re.compile(r"(?<![\w/.~{}$*-])(docs/[\w*+./-]*[\w*+-]/?)")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
FENCE = re.compile(r"^\s*(```|~~~)")
COMMENT = re.compile(r"^\s*(//|#|\*|/\*)|\s(//|#)\s")

TEXT_ENDINGS = (".swift", ".c", ".h", ".py", ".sh", ".yaml", ".yml", ".toml", ".modulemap")
TEXT_NAMES = ("Makefile", ".gitignore", ".editorconfig")


def tracked():
    """Paths of all files that git knows or would add."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, stdout=subprocess.PIPE).stdout
    names = [name.decode("utf-8", "surrogateescape") for name in listing.split(b"\0") if name]
    return sorted({name for name in names if os.path.lexists(os.path.join(ROOT, name))})


def is_source(name):
    """Whether a file's comments and strings are looked at. Of test data only the scripts that make them are."""
    if name.endswith(".py"):
        return True
    if name.endswith(".md") or "/Fixtures/" in name or "/Corpus/" in name:
        return False
    return name.endswith(TEXT_ENDINGS) or os.path.basename(name) in TEXT_NAMES or name.startswith(".ci/")


def read_lines(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read().split("\n")


def slug(heading):
    """The anchor that a heading has on code hosting sites."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    kept = []
    for character in text.lower():
        if character in " -_" or unicodedata.category(character)[0] in "LNM":
            kept.append(character)
    return "".join(kept).replace(" ", "-")


def anchors(lines):
    """Anchors of all headings; of equal headings the second has `-1` at its end, and so on."""
    found, counts, fenced = set(), {}, False
    for line in lines:
        if FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else HEADING.match(line)
        if heading is None:
            continue
        name = slug(heading.group(2))
        count = counts.get(name, 0)
        counts[name] = count + 1
        found.add(name if count == 0 else f"{name}-{count}")
    return found


class Tree:
    """The files of the repository, and the folders that they lie in."""

    def __init__(self, files):
        self.files = set(files)
        self.folders = set()
        for name in files:
            while "/" in name:
                name = name.rsplit("/", 1)[0]
                self.folders.add(name)
        self.all = self.files | self.folders

    def has(self, path):
        return path.rstrip("/") in self.all

    def is_named(self, mention):
        """Whether a mention leads somewhere: a path, the beginning of a numbered name, a pattern."""
        path = mention.rstrip("/")
        if any(path == example or path.startswith(example + "/") for example in EXAMPLES):
            return True
        path = re.sub(r"(?<![A-Za-z])NAME(?![A-Za-z])", "*", path)
        if "*" in path:
            pattern = path.replace("**/", "*").replace("**", "*")
            return any(fnmatch.fnmatchcase(name, pattern) for name in self.all)
        if self.has(path) or self.has(path.rstrip(".")):
            return True
        # Sources are also named without their ending, and decisions by their number.
        if any(self.has(path + ending) for ending in TEXT_ENDINGS + (".md",)):
            return True
        return bool(re.search(r"/\d{4}$", path)) and any(name.startswith(path + "-") for name in self.files)


class Checker:
    def __init__(self):
        names = tracked()
        self.tree = Tree(names)
        self.pages = [name for name in names if name.endswith(".md")]
        self.sources = [name for name in names if is_source(name)]
        self.faults = []
        self.linked = {}
        self.known_anchors = {}

    def fault(self, path, number, text):
        self.faults.append(f"{path}:{number}: {text}")

    def run(self):
        for page in self.pages:
            self.check_page(page)
        for source in self.sources:
            self.check_source(source)
        self.check_index()
        return self.faults

    def check_page(self, page):
        fenced = False
        for number, line in enumerate(read_lines(page), 1):
            if len(line) > LONGEST_LINE:
                self.fault(page, number, f"{len(line)} characters, at most {LONGEST_LINE} are wanted")
            if FENCE.match(line):
                fenced = not fenced
            if not fenced:
                for target in LINK.findall(line):
                    self.check_link(page, number, target)
            text = LINK.sub(" ", line)
            for mention in MENTION.findall(text):
                if not self.tree.is_named(mention):
                    self.fault(page, number, f"names {mention}, which does not exist")

    def check_link(self, page, number, target):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            return
        path, _, anchor = target.partition("#")
        full = page if not path else os.path.normpath(os.path.join(os.path.dirname(page), path))
        if full.startswith("..") or not self.tree.has(full):
            self.fault(page, number, f"the link {target} leads to {full}, which does not exist")
            return
        self.linked.setdefault(page, set()).add(full)
        if not anchor:
            return
        if full not in self.known_anchors:
            self.known_anchors[full] = anchors(read_lines(full)) if full.endswith(".md") else set()
        if anchor not in self.known_anchors[full]:
            self.fault(page, number, f"the link {target}: {full} has no heading #{anchor}")

    def check_source(self, source):
        for number, line in enumerate(read_lines(source), 1):
            pattern = MENTION if COMMENT.search(line) else DOCS_MENTION
            for mention in pattern.findall(line):
                # Names inside the worker's or a user's own folders look alike: only what may be meant is
                # asked.
                if pattern is MENTION and mention.startswith("data/") and not self.tree.is_named(mention):
                    continue
                if not self.tree.is_named(mention):
                    self.fault(source, number, f"names {mention}, which does not exist")

    def check_index(self):
        listed = self.linked.get(INDEX, set())
        for page in self.pages:
            if page.startswith("docs/") and page != INDEX and page not in listed:
                self.fault(page, 1, f"{INDEX} does not list this page")


def main():
    faults = Checker().run()
    for fault in faults:
        print(fault)
    if faults:
        print(f"{len(faults)} faults in the documentation", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
