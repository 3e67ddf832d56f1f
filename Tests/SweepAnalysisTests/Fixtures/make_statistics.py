"""Reference numbers for Sources/SweepAnalysis/Statistics, computed with scipy and numpy.

    python3 make_statistics.py > statistics.json

Made with scipy 1.17.1 and numpy 2.4.6 on 2026-12-01. The moderated variances follow Smyth 2004, section 6.2, on
scipy's polygamma and a root finder; the variance components follow the expected mean squares of the two-way
layout; the chance to be best is an integral over grids instead of draws.
"""

import json

import numpy as np
from scipy import integrate, special, stats
from scipy.optimize import brentq

random = np.random.default_rng(20261130)


def moderated(variances, degrees):
    variances, degrees = np.array(variances), np.array(degrees)
    e = np.log(variances) - special.digamma(degrees / 2) + np.log(degrees / 2)
    excess = e.var(ddof=1) - special.polygamma(1, degrees / 2).mean()
    if excess <= 0:
        return {"excess": excess, "prior_degrees": None, "prior_variance": np.exp(e.mean())}
    prior = 2 * np.exp(brentq(lambda u: special.polygamma(1, np.exp(u)) - excess, -20, 20, xtol=1e-14))
    return {
        "excess": excess, "prior_degrees": prior,
        "prior_variance": np.exp(e.mean() + special.digamma(prior / 2) - np.log(prior / 2)),
    }


def moderated_case(variances, degrees):
    return {"variances": list(variances), "degrees": list(degrees)} | moderated(variances, degrees)


def components(tables):
    """Pooled mean squares of jobs (rows) and images (columns), set equal to their expectations."""
    ms = np.zeros((3, 2))
    for table in tables:
        n, m = table.shape
        rows, columns, grand = table.mean(1, keepdims=True), table.mean(0, keepdims=True), table.mean()
        ms[0] += (m * ((rows - grand) ** 2).sum(), n - 1)
        ms[1] += (n * ((columns - grand) ** 2).sum(), m - 1)
        ms[2] += (((table - rows - columns + grand) ** 2).sum(), (n - 1) * (m - 1))
    job, image, rest = ms[:, 0] / ms[:, 1]
    n, m = tables[0].shape
    return {
        "tables": [t.tolist() for t in tables], "seed": np.sqrt(max(0, job - rest) / m),
        "images": np.sqrt(max(0, image - rest) / n / m), "rest": np.sqrt(rest / m),
    }


def best_probabilities(means, counts, variance, degrees):
    """One common variance; over a fine grid of its posterior, of the shrinkage and of the common mean, the
    chance that each is the highest by an integral over its value: no draws."""
    means, counts = np.array(means), np.array(counts)
    grid = 96
    chi = stats.chi2.ppf((np.arange(grid) + 0.5) / grid, degrees)
    # Equally likely shrinkages of one seed.
    shrinkages = (np.arange(60) + 0.5) / 60
    best, shrunken, total = np.zeros(len(means)), np.zeros(len(means)), 0.0
    for c in chi:
        v = degrees * variance / c / counts
        for between in degrees * variance / c * (1 / shrinkages - 1):
            w = 1 / (v + between)
            mu = (w * means).sum() / w.sum()
            weight = np.exp(0.5 * (np.log(w).sum() - np.log(w.sum()) - (w * (means - mu) ** 2).sum()))
            shares, sd = between * w, np.sqrt(v * between * w)
            shrunken += weight * (mu + shares * (means - mu))
            nodes, quad = np.polynomial.hermite_e.hermegauss(9)
            m = mu + nodes[:, None] / np.sqrt(w.sum())
            center = (m + shares * (means - m))[..., None]
            x = np.linspace((center[..., 0] - 7 * sd).min(), (center[..., 0] + 7 * sd).max(), 801)
            place = (x - center) / sd[:, None]
            density = np.exp(-0.5 * place**2) / (sd[:, None] * np.sqrt(2 * np.pi))
            logs = special.log_ndtr(place)
            others = np.exp(logs.sum(1, keepdims=True) - logs)
            chances = integrate.simpson(density * others, x=x)
            best += weight * (quad / quad.sum()) @ chances
            total += weight
    return {
        "means": means.tolist(), "counts": counts.tolist(), "variance": variance, "degrees": degrees,
        "best": (best / total).tolist(), "shrunken": (shrunken / total).tolist(),
    }


def best_of_own_spreads(means, variances, counts):
    """A variance for each configuration. Given prior degrees, scale, common mean and spread between
    configurations these are independent, and their own variances integrate to a t density: what is left is a
    sum over grids, no draws."""
    means, variances, counts = np.array(means), np.array(variances), np.array(counts)
    pooled = ((counts - 1) * variances).sum() / (counts - 1).sum()
    unit = np.sqrt(pooled)
    z = np.linspace(-8, 8, 601)
    fixed = np.linspace(means.min() - 25 * unit, means.max() + 25 * unit, 1201)
    best, shrunken, total = np.zeros(len(means)), np.zeros(len(means)), 0.0
    n = counts[:, None, None]
    shrinkages = (np.arange(24) + 0.5) / 24
    for scale in pooled * np.exp(np.linspace(-6, 4, 21)):
        for tau in np.sqrt(scale * (1 / shrinkages - 1)):
            reach = max((means.max() - means.min()) / 2 + 4 * unit, 4 * tau)
            centers = ((means.max() + means.min()) / 2 + reach * np.linspace(-1, 1, 31))[:, None]
            # Narrow around each centre, or over all that the seeds allow: whichever is finer.
            x = centers + tau * z if tau * 32 < means.max() - means.min() + 50 * unit else centers * 0 + fixed
            expected = stats.norm.pdf(x, centers, tau) * (x[:, 1:2] - x[:, :1]) * reach
            squares = (n - 1) * variances[:, None, None] + n * (means[:, None, None] - x) ** 2
            for prior in (2, 4, 8, np.inf):
                if np.isinf(prior):
                    logs = -n / 2 * np.log(2 * scale) - squares / (2 * scale)
                else:
                    logs = (special.gammaln((prior + n) / 2) - special.gammaln(prior / 2)
                            + prior / 2 * np.log(prior * scale) - (prior + n) / 2 * np.log(prior * scale + squares))
                density = np.exp(logs) * expected
                evidence = np.maximum(density.sum(2), 1e-200)
                below = np.maximum((np.cumsum(density, 2) - density / 2) / evidence[..., None], 1e-60)
                # Every configuration has the reach of the centres as a factor, which is wanted once.
                weight = evidence.prod(0) / reach ** (len(means) - 1)
                total += weight.sum()
                shrunken += (weight * (density * x).sum(2) / evidence).sum(1)
                others = below.prod(0, keepdims=True) / below
                best += (weight * (density * others).sum(2) / evidence).sum(1)
    return {
        "means": means.tolist(), "variances": variances.tolist(), "counts": counts.tolist(),
        "best": (best / total).tolist(), "shrunken": (shrunken / total).tolist(),
    }


def welch(a, b):
    test = stats.ttest_ind(a, b, equal_var=True)
    interval = test.confidence_interval(0.9)
    return {"a": list(a), "b": list(b), "low": interval.low, "high": interval.high}


def seeds_effect(table):
    """Two-way layout without repetition: rows are configurations, columns seeds."""
    rows, columns, grand = table.mean(1, keepdims=True), table.mean(0, keepdims=True), table.mean()
    left = (table.shape[0] - 1) * (table.shape[1] - 1)
    rest = ((table - rows - columns + grand) ** 2).sum() / left
    effect = table.shape[0] * ((columns - grand) ** 2).sum() / (table.shape[1] - 1)
    return {"table": table.tolist(), "p": stats.f.sf(effect / rest, table.shape[1] - 1, left), "residual": rest}


xs = [0.05, 0.5, 1.0, 1.5, 2.0, 3.7, 9.99, 25.0, 400.0]
ps = [1e-9, 1e-4, 0.01, 0.05, 0.3, 0.5, 0.77, 0.95, 0.995, 1 - 1e-9]
equal = random.chisquare(2, 9) / 2
unequal = np.geomspace(0.01, 20, 9) * random.chisquare(2, 9) / 2
correlated = random.normal(size=(12, 2)) @ np.array([[1.0, 0.6], [0.0, 0.7]])
correlated[3] = correlated[5]
common = random.normal(0, 2, 4)
print(json.dumps({
    "digamma": [[x, special.digamma(x)] for x in xs],
    "trigamma": [[x, float(special.polygamma(1, x))] for x in xs],
    "pentagamma": [[x, float(special.polygamma(3, x))] for x in xs],
    "normal": [[p, stats.norm.ppf(p)] for p in ps],
    "student": [[p, d, stats.t.ppf(p, d)] for p in ps[2:-1] for d in (0.7, 1, 2, 5.5, 8, 30, 1000)],
    "chisquare": [[p, d, stats.chi2.ppf(p, d)] for p in ps for d in (2, 3.4, 16, 200)],
    "fisher": [[x, a, b, stats.f.sf(x, a, b)] for x in (0.2, 1.0, 4.0, 20.0) for a in (1, 4) for b in (7, 30)],
    "moderated": [
        moderated_case(equal, [2] * 9), moderated_case(unequal, [2] * 9),
        moderated_case([0.5, 4.0, 0.02, 1.1], [1, 2, 4, 1]),
    ],
    "difference": welch([0.61, 0.66, 0.59], [0.71, 0.69, 0.78]),
    "components": [
        components([random.normal(size=(3, 1)) * 0.5 + random.normal(size=(1, 6)) + random.normal(size=(3, 6)) * 0.3
                    for _ in range(4)]),
        components([random.normal(size=(2, 5)) for _ in range(2)]),
    ],
    "pairing": [
        seeds_effect(random.normal(size=(6, 1)) + common[None, :3] + random.normal(size=(6, 3)) * 0.4),
        seeds_effect(random.normal(size=(6, 1)) + random.normal(size=(6, 3)) * 0.4),
    ],
    "best": [
        best_probabilities([0.82, 0.79, 0.7, 0.41], [3, 3, 3, 3], 0.004, 8),
        best_probabilities([5.0, 4.9, 4.85, 4.8, 1.0], [2, 3, 5, 2, 2], 0.09, 9),
        best_probabilities([1.0, 1.1], [2, 2], 0.5, 2),
    ],
    "bestOfOwnSpreads": [
        best_of_own_spreads([0.82, 0.79, 0.7, 0.41], [0.0001, 0.02, 0.004, 0.001], [2, 3, 3, 2]),
        best_of_own_spreads([3.0, 0.2, 0.4, -0.3, 0.1], [9.0, 1.0, 0.3, 1.5, 0.6], [2, 2, 2, 2, 2]),
    ],
    "correlation": {
        "x": correlated[:, 0].tolist(), "y": correlated[:, 1].tolist(),
        "pearson": stats.pearsonr(*correlated.T).statistic, "spearman": stats.spearmanr(*correlated.T).statistic,
    },
}, indent=1))
