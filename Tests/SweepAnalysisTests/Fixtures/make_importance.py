"""Reference numbers for what mattered: Sources/SweepAnalysis/Statistics/{ChiSquareDistribution, Contrast, FactorialDesign}.

    python3 make_importance.py > importance.json

Made with scipy 1.17.1 and numpy 2.4.6 on 2026-11-30. Grids are split by projections on columns of a design matrix in
place of means of means; empty cells come from one least-squares fit in place of repeated filling; bounds of variances
from an integral over the noise's distribution in place of its quantiles.
"""

import itertools
import json

import numpy as np
from scipy import integrate, stats
from scipy.optimize import brentq

random = np.random.default_rng(20261130)


def columns(levels, factors):
    """Orthonormal columns of what these factors do together and none of them alone."""
    cells = list(itertools.product(*map(range, levels)))
    parts = []
    for factor, count in enumerate(levels):
        if factor in factors:
            # Columns that add up to 0 over the levels.
            basis = np.linalg.svd(np.eye(count) - 1 / count)[0][:, : count - 1]
        else:
            basis = np.ones((count, 1))
        parts.append(basis)
    matrix = np.array([[np.prod(c) for c in itertools.product(*[p[i] for p, i in zip(parts, cell)])] for cell in cells])
    return matrix / np.linalg.norm(matrix, axis=0)


def filled(levels, means):
    cells = list(itertools.product(*map(range, levels)))
    additive = np.hstack([np.ones((len(cells), 1))] + [columns(levels, {f}) for f in range(len(levels))])
    known = [i for i, m in enumerate(means) if m is not None]
    fit = np.linalg.lstsq(additive[known], np.array([means[i] for i in known]), rcond=None)[0]
    return np.array([additive[i] @ fit if m is None else m for i, m in enumerate(means)])


def interval(observed, degrees, noise, noise_degrees):
    """Where the chance of an observation as large, averaged over the noise's own uncertainty, is 5 % and 95 %."""
    def chance(truth):
        def weighted(u):
            sigma = noise * noise_degrees / stats.chi2.ppf(u, noise_degrees)
            shift = truth / sigma
            return stats.ncx2.sf(observed / sigma, degrees, shift) if shift > 0 else stats.chi2.sf(observed / sigma, degrees)
        return integrate.quad(weighted, 0, 1, limit=200)[0]
    def bound(level):
        if chance(0) >= level:
            return 0.0
        top = max(observed, noise * degrees)
        while chance(top) < level:
            top *= 2
        return brentq(lambda truth: chance(truth) - level, 0, top, rtol=1e-8)
    return bound(0.05), bound(0.95)


def design(levels, seeds, spread, missing=()):
    """`seeds` values a cell; a list gives each cell its own number."""
    cells = list(itertools.product(*map(range, levels)))
    effects = [random.normal(size=count) for count in levels]
    cross = random.normal(size=levels[:2]) * 0.4
    counts = [seeds] * len(cells) if isinstance(seeds, int) else seeds
    values = [
        None if i in missing else
        np.round(sum(e[l] for e, l in zip(effects, cell)) + cross[cell[0], cell[1]] + spread * random.normal(size=n), 4).tolist()
        for i, (cell, n) in enumerate(zip(cells, counts))
    ]
    means = filled(levels, [None if v is None else float(np.mean(v)) for v in values])
    present = [v for v in values if v is not None]
    degrees = sum(len(v) - 1 for v in present)
    pooled = sum(np.var(v, ddof=1) * (len(v) - 1) for v in present if len(v) > 1) / degrees if degrees else 0.0
    of_cell = pooled * np.mean([1 / len(v) for v in present])
    names = [(f,) for f in range(len(levels))] + list(itertools.combinations(range(len(levels)), 2))
    left, raw = len(missing), []
    explained = np.full(len(cells), means.mean())
    for name in names:
        basis = columns(levels, set(name))
        part = basis @ (basis.T @ means)
        explained = explained + part
        own = basis.shape[1]
        if len(name) > 1 and left:
            taken = min(left, own - 1)
            own, left = own - taken, left - taken
        raw.append((name, own, float(np.mean(part**2))))
    rest_degrees = max(0, len(cells) - 1 - len(missing) - sum(columns(levels, set(n)).shape[1] for n in names))
    clean = [max(0.0, v - d * of_cell / len(cells)) for _, d, v in raw]
    rest = max(0.0, float(np.mean((means - explained) ** 2)) - rest_degrees * of_cell / len(cells))
    total = sum(clean) + rest
    effects = []
    for (name, own, v), c in zip(raw, clean):
        low = high = None
        if degrees:
            low, high = (float(np.sqrt(b)) for b in interval(v, own, of_cell / len(cells), degrees))
        effects.append({
            "factors": list(name), "degrees": own, "share": c / total, "deviation": float(np.sqrt(c)), "low": low, "high": high})
    return {"levels": list(levels), "values": values, "mean": float(means.mean()), "effects": effects, "rest": rest / total}


def contrast(groups, weights):
    """Pooled t."""
    degrees = sum(len(g) - 1 for g in groups)
    pooled = sum(np.var(g, ddof=1) * (len(g) - 1) for g in groups if len(g) > 1) / degrees
    value = sum(w * np.mean(g) for g, w in zip(groups, weights))
    error = np.sqrt(pooled * sum(w * w / len(g) for g, w in zip(groups, weights)))
    low, high = stats.t.interval(0.9, degrees, loc=value, scale=error)
    return {"groups": groups, "weights": weights, "value": value, "low": low, "high": high}


def numbers(count):
    """Around a mean of their own, all equally wide: unequal variances would be moderated."""
    around = np.array([-1, 1, 0, 0][:count]) + random.normal(size=count) / 20
    return np.round(random.normal() + around, 3).tolist()


print(json.dumps({
    "chi_square": [[x, d, stats.chi2.sf(x, d)] for x in (0.01, 0.7, 3.0, 12.0, 60.0) for d in (1, 2, 5.5, 40)],
    "chi_square_quantile": [[p, d, stats.chi2.ppf(p, d)] for p in (0.01, 0.3, 0.95) for d in (1, 3, 26, 130)],
    "noncentral": [
        [x, d, s, stats.ncx2.sf(x, d, s)]
        for d in (1, 2, 9) for s in (0.2, 3.0, 40.0, 900.0, 3900.0) for x in (0.3 * s, d + s, 1.15 * (d + s), d + s + 8)
    ],
    "far": [[x, d, s, stats.ncx2.sf(x, d, s)] for d in (1, 4) for s in (5000.0, 80000.0) for x in (0.98 * s, s + d, 1.01 * s)],
    "designs": [
        design([3, 4], 3, 0.3), design([2, 2], 2, 0.8), design([3, 2, 3], 2, 0.5), design([3, 4], 1, 0.0),
        design([3, 4], [2, 3, 1, 2, 2, 4, 2, 2, 3, 2, 2, 2], 0.4), design([3, 4], 2, 0.4, missing=(5,)),
        design([4, 3, 2], 2, 0.6, missing=(0, 17, 8)),
    ],
    "contrasts": [
        contrast([numbers(3), numbers(3)], [1, -1]), contrast([numbers(2), numbers(4), numbers(3)], [1, -0.5, -0.5]),
        contrast([numbers(2), numbers(2), numbers(2), numbers(2)], [0.5, -0.5, 0.5, -0.5]),
    ],
}))
