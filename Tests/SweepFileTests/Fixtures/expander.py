#!/usr/bin/env python3
"""Random sweeps and their points, expanded by brute force without any code of this project:
python3 expander.py > expansions.json            the 36 cases that are kept
python3 expander.py 10000 7 > more.json           more, from another seed (make properties)

A grid is expanded by walking the full product of all axes, conditional ones included, deciding for each parameter by
recursion whether its axis is on, and dropping duplicates: slower than any sensible way, and independent of order.
Sampled values follow the documented formula: SHA-256 of "seed/index/name", 32 bits, mapped to the range, six digits.
"""
import hashlib
import itertools
import json
import math
import random
import sys

from scipy.stats import qmc


def as_list(v):
    return v if isinstance(v, list) else [v]


def grid_points(start, grid):
    axes = []  # (names, rows, when)
    for name, spec in grid.items():
        if name == "zip":
            for z in spec:
                axes.append((list(z), list(zip(*[as_list(z[k]) for k in z])), None))
        elif isinstance(spec, dict):
            axes.append(([name], [(v,) for v in as_list(spec["values"])], spec.get("when")))
        else:
            axes.append(([name], [(v,) for v in as_list(spec)], None))
    out = []
    for choice in itertools.product(*[rows for _, rows, _ in axes]):
        def value(name, depth=0):
            for (names, _, when), row in zip(axes, choice):
                if name in names and (when is None or on(when, depth + 1)):
                    return row[names.index(name)]
            return start.get(name)

        def on(when, depth):
            assert depth < 20
            return all(value(k, depth) in as_list(allowed) and value(k, depth) is not None for k, allowed in when.items())

        point = dict(start)
        for names, _, when in axes:
            if when is None or on(when, 0):
                for n in names:
                    point[n] = value(n)
        out.append(point)
    return out


def vary_points(start, entries):
    out = [dict(start)]
    for entry in entries:
        for row in itertools.product(*[as_list(v) for v in entry.values()]):
            out.append({**start, **dict(zip(entry, row))})
    return out


def word32(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def sample_points(start, sample, space):
    names = sorted(space)
    seed, count = sample.get("seed"), sample["count"]
    out = []
    sobol = qmc.Sobol(d=len(names), scramble=False, bits=32).random(count) if sample["method"] == "sobol" else None
    for i in range(count):
        point = dict(start)
        for d, name in enumerate(names):
            if sobol is None:
                bits = word32(f"{seed or 0}/{i}/{name}")
            else:
                bits = int(sobol[i][d] * 2**32)
                if seed is not None:
                    bits ^= word32(f"{seed}/{name}")
            u = bits / 2**32
            kind, r = next(iter(space[name].items()))
            if kind == "log":
                v = float("%.6g" % math.exp(math.log(r[0]) + u * (math.log(r[1]) - math.log(r[0]))))
            elif kind == "uniform":
                v = float("%.6g" % (r[0] + u * (r[1] - r[0])))
            elif kind == "int":
                v = r[0] + int(u * (r[1] - r[0] + 1))
            else:
                v = r[int(u * len(r))]
            point[name] = v
        out.append(point)
    return out


def expand(sweep):
    jobs = []
    for group in sweep["groups"]:
        start = {**sweep.get("defaults", {}), **group.get("baseline", {})}
        if "grid" in group:
            points = grid_points(start, group["grid"])
        elif "list" in group:
            points = [{**start, **p} for p in group["list"]]
        elif "sample" in group:
            points = sample_points(start, group["sample"], group["space"])
        else:
            points = vary_points(start, group.get("vary", []))
        for p in points:
            p = {k: v for k, v in p.items() if v is not None}
            for _ in range(5):
                for name, expression in group.get("derive", {}).items():
                    try:
                        p.setdefault(name, eval(expression, {"__builtins__": {}}, dict(p))) if name not in p else None
                    except NameError:
                        pass
            if any(all(p.get(k) is not None and p[k] in as_list(a) for k, a in e.items()) for e in group.get("exclude", [])):
                continue
            for seed in sweep["seeds"]:
                jobs.append((json.dumps(p, sort_keys=True), seed))
    return jobs


def make(rng):
    def numbers(n):
        return rng.sample([1, 2, 4, 8, 16, 32, 0.5, 1e-4, 5e-4], n)

    groups = []
    for _ in range(rng.randint(1, 3)):
        group = {}
        baseline = {"algo": "lora", "r": rng.choice([4, 8])}
        if rng.random() < 0.5:
            baseline["extra"] = "x"
        kind = rng.choice(["vary", "grid", "grid", "grid", "list", "sample"])
        if kind != "grid" or rng.random() < 0.5:
            group["baseline"] = baseline
        if kind == "vary":
            group["vary"] = []
            for _ in range(rng.randint(1, 3)):
                entry = {rng.choice(["r", "rate", "algo", "mode"]): numbers(rng.randint(1, 3))}
                if rng.random() < 0.4:
                    entry["a"] = rng.choice([1, 2, None])
                group["vary"].append(entry)
        elif kind == "grid":
            grid = {"algo": rng.sample(["lora", "loha", "lokr", "full"], rng.randint(1, 4)), "rate": numbers(rng.randint(1, 3))}
            if rng.random() < 0.7:
                grid["r"] = {"values": numbers(2), "when": {"algo": ["lora", "loha"]}}
            if rng.random() < 0.7:
                grid["f"] = {"values": [4, 8], "when": {"algo": "lokr"}}
            if rng.random() < 0.5 and "f" in grid:
                grid["deep"] = {"values": [True, False], "when": {"f": 8}}
            if rng.random() < 0.5:
                grid["zip"] = [{"mode": ["p", "q", "s"], "epochs": [10, 30, 50]}]
                if rng.random() < 0.5:
                    grid["g"] = {"values": [1, 2], "when": {"mode": ["p", "s"], "algo": "full"}}
            items = list(grid.items())
            rng.shuffle(items)
            group["grid"] = dict(items)
            if rng.random() < 0.5:
                group["exclude"] = [{"algo": rng.choice(["loha", "lora"]), "rate": as_list(grid["rate"])[0]}]
        elif kind == "list":
            group["list"] = [{"rate": n, "mode": rng.choice(["p", "q"])} for n in numbers(3)]
        else:
            group["sample"] = {"method": rng.choice(["random", "sobol"]), "count": rng.randint(1, 9)}
            if rng.random() < 0.7:
                group["sample"]["seed"] = rng.randint(0, 99)
            group["space"] = {
                "rate": {"log": [1e-5, 1e-2]}, "r": {"choice": [4, 8, 16]}, "drop": {"uniform": [0, 0.3]},
                "f": {"int": [2, 16]}}
        if rng.random() < 0.5 and (kind != "grid" or "r" in group["grid"] or "baseline" in group):
            group["derive"] = {"a": "r / 2 + 1", "b": "(a - 1) * 4 - r"}
        groups.append(group)
    return {
        "name": "random", "trainer": {"command": ["true"]}, "seeds": rng.sample(range(100), rng.randint(1, 3)),
        "defaults": {"batch": 8, "list": [1, 2]}, "groups": groups,
    }


count, seed = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) == 3 else (36, 23)
rng = random.Random(seed)
cases = []
while len(cases) < count:
    sweep = make(rng)
    jobs = expand(sweep)
    if jobs:
        unique = sorted(set(jobs))
        cases.append({"sweep": json.dumps(sweep), "jobs": [{"parameters": json.loads(p), "seed": s} for p, s in unique]})
print(json.dumps(cases, separators=(",", ":")))
