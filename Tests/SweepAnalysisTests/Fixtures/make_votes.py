"""Strengths of votes on pairs by scipy: writes votes.json beside this file.

    pip install numpy scipy && python make_votes.py

The posterior of the model of Bradley and Terry with a normal prior of deviation 1 is minimised as it stands, and its
curvature taken by finite differences: nothing is shared with the program's Newton steps.
"""

import json
import pathlib

import numpy as np
from scipy.optimize import minimize


def cost(theta, pairs):
    total = 0.5 * np.sum(theta**2)
    for i, j, left, right in pairs:
        d = theta[i] - theta[j]
        total += left * np.logaddexp(0, -d) + right * np.logaddexp(0, d)
    return total


def curvature(theta, pairs, h=1e-4):
    n = len(theta)
    out = np.empty((n, n))
    unit = np.eye(n) * h
    for i in range(n):
        for j in range(n):
            out[i, j] = (cost(theta + unit[i] + unit[j], pairs) - cost(theta + unit[i] - unit[j], pairs)
                         - cost(theta - unit[i] + unit[j], pairs) + cost(theta - unit[i] - unit[j], pairs)) / (4 * h * h)
    return out


def main():
    random = np.random.default_rng(11)
    cases = []
    for items, votes in [(2, 3), (3, 1), (5, 40), (9, 60), (12, 400)]:
        truth = random.normal(size=items)
        counts = {}
        for _ in range(votes):
            i, j = random.choice(items, 2, replace=False)
            left, right = counts.get((int(i), int(j)), (0.0, 0.0))
            draw = random.random()
            if draw < 0.15:
                left, right = left + 0.5, right + 0.5
            elif random.random() < 1 / (1 + np.exp(truth[j] - truth[i])):
                left += 1
            else:
                right += 1
            counts[int(i), int(j)] = (left, right)
        pairs = [[i, j, *wins] for (i, j), wins in sorted(counts.items())]
        found = minimize(cost, np.zeros(items), args=(pairs,), method="BFGS", options={"gtol": 1e-10})
        covariance = np.linalg.inv(curvature(found.x, pairs))
        cases.append({"items": items, "pairs": pairs, "strengths": found.x.tolist(),
                      "deviations": np.sqrt(np.diag(covariance)).tolist(),
                      "difference": float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])})
    path = pathlib.Path(__file__).with_name("votes.json")
    path.write_text(json.dumps(cases, indent=1) + "\n")


main()
