"""Shapley values of boosted trees by brute force, for Tests/BoostedTreesTests.

    python3 make_shap.py > shap.json

Made with xgboost 3.2.0, shap 0.51.0 and numpy 2.4.6 on 2026-11-30. Trees are trained by Python's xgboost with the
settings that `BoostedTrees` has. The Shapley value of a column is then added up over all subsets of the others, where
the value of a subset is the tree's expectation with these columns known: at a split on an unknown column both sides
count by the rows that went there in training. Nothing of TreeSHAP's recursion is used. The script refuses to write
where shap's TreeExplainer or xgboost's own contributions are further than 1e-5 from that.
"""

import itertools
import json
import math

import numpy as np
import shap
import xgboost

random = np.random.default_rng(20261130)


def trained(x, y, rounds, rate, depth, least_rows, penalty):
    matrix = xgboost.DMatrix(x, label=y)
    settings = {
        "booster": "gbtree", "objective": "reg:squarederror", "tree_method": "exact", "nthread": 1, "eta": rate,
        "max_depth": depth, "min_child_weight": least_rows, "lambda": penalty, "base_score": float(np.mean(y)),
    }
    return xgboost.train(settings, matrix, rounds), matrix


def expectation(node, row, known):
    """Of a tree, with the columns in `known` as in the row."""
    if "leaf" in node:
        return node["leaf"]
    children = {child["nodeid"]: child for child in node["children"]}
    column = int(node["split"][1:])
    if column in known:
        value = np.float32(row[column])
        if np.isnan(value):
            way = node["missing"]
        else:
            way = node["yes"] if value < np.float32(node["split_condition"]) else node["no"]
        return expectation(children[way], row, known)
    return sum(child["cover"] * expectation(child, row, known) for child in children.values()) / node["cover"]


def shapley(trees, row):
    columns = range(len(row))
    value = {
        subset: sum(expectation(tree, row, set(subset)) for tree in trees)
        for size in range(len(row) + 1) for subset in itertools.combinations(columns, size)
    }
    result = []
    for column in columns:
        rest = [other for other in columns if other != column]
        total = 0.0
        for size in range(len(rest) + 1):
            weight = math.factorial(size) * math.factorial(len(rest) - size) / math.factorial(len(row))
            for subset in itertools.combinations(rest, size):
                joined = tuple(sorted(subset + (column,)))
                total += weight * (value[joined] - value[subset])
        result.append(total)
    return result, value[()]


def case(x, y, **settings):
    booster, matrix = trained(x, y, **settings)
    trees = [json.loads(text) for text in booster.get_dump(with_stats=True, dump_format="json")]
    brute = [shapley(trees, row) for row in x]
    values = np.array([own for own, _ in brute])
    expected = np.array([base for _, base in brute]) + float(np.float32(np.mean(y)))
    own = booster.predict(matrix, pred_contribs=True)
    assert np.abs(own[:, :-1] - values).max() < 1e-5, np.abs(own[:, :-1] - values).max()
    assert np.abs(own[:, -1] - expected).max() < 1e-5
    peer = shap.TreeExplainer(booster)
    assert np.abs(peer.shap_values(x) - values).max() < 1e-5
    return {
        "rows": [[None if np.isnan(v) else float(v) for v in row] for row in x], "targets": y.tolist(), **settings,
        "values": values.tolist(), "expected": float(expected[0]),
        "predictions": booster.predict(matrix).astype(float).tolist(),
    }


def table(rows, columns, missing=0.0, levels=None):
    x = random.normal(size=(rows, columns)) if levels is None else random.integers(0, levels, (rows, columns)) * 1.0
    x = np.round(x, 2)
    x[random.random(x.shape) < missing] = np.nan
    return x


def target(x):
    z = np.nan_to_num(x, nan=-1.5)
    return np.round(z[:, 0] * 2 + z[:, -1] * z[:, z.shape[1] // 2] + random.normal(size=len(z)) / 5, 3)


def made(rows, columns, settings, **kind):
    x = table(rows, columns, **kind)
    return case(x, target(x), **settings)


print(json.dumps([
    made(24, 2, {"rounds": 1, "rate": 1.0, "depth": 2, "least_rows": 1, "penalty": 0.0}),
    made(40, 4, {"rounds": 6, "rate": 0.3, "depth": 3, "least_rows": 2, "penalty": 1.0}),
    # Few levels, as grids have them, and one column that the trees can go without.
    made(48, 5, {"rounds": 10, "rate": 0.1, "depth": 4, "least_rows": 2, "penalty": 1.0}, levels=3),
    made(48, 4, {"rounds": 8, "rate": 0.2, "depth": 4, "least_rows": 2, "penalty": 1.0}, missing=0.25),
    # One column only, and rows that are all the same.
    made(12, 1, {"rounds": 3, "rate": 0.5, "depth": 2, "least_rows": 1, "penalty": 0.0}),
    case(np.ones((6, 3)), np.arange(6.0), rounds=3, rate=0.5, depth=3, least_rows=1, penalty=1.0),
]))
