"""How well could the chances of CalibrationTests be known? By those who know more than any program can:

    python3 calibration_reference.py [SWEEPS [FIRST]]

- all: knows every configuration's spread and how far configurations lie apart.
- kind: knows the kind of sweep (equal or unequal spreads), not which configuration has which spread, nor how far
  configurations lie apart in this sweep, only how often each distance is drawn.
- either: as kind, but is told only how frequent unequal sweeps are: 1/2, and what would come of believing 2/3 and 4/5.

All know that the common mean is 0 and that everything is normal. Chances are sums over grids, no draws. Prints stated
minus true chance of the highest mean, in points, over all sweeps and by tertile of the stated chance. The sweeps are
those of the test; FIRST gives others. Needs numpy (made with 2.4.6).
"""

from statistics import NormalDist
import sys

import numpy as np

CONFIGURATIONS = 8
SHARES = (1 / 2, 2 / 3, 4 / 5)
DISTANCES = (0.5, 1.0, 2.0)
SPREADS = 3.0 ** (np.arange(CONFIGURATIONS) / (CONFIGURATIONS - 1))
x = np.linspace(-9, 9, 241)


class CounterStream:
    """Sources/SweepAnalysis/Statistics/CounterStream.swift"""

    def __init__(self, key):
        self.word = key * 0xD1342543DE82EF95

    def normal(self):
        self.word += 0x9E3779B97F4A7C15
        word = self.word % 2**64
        word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        word = (word ^ (word >> 27)) * 0x94D049BB133111EB % 2**64
        word ^= word >> 31
        return NormalDist().inv_cdf(((word >> 11) + 0.5) / 2**53)


def likelihood(means, squares, seeds, spread):
    """Of true values x, by configuration."""
    errors = squares[:, None] + seeds * (means[:, None] - x) ** 2
    return np.exp(-errors / (2 * spread**2)) / spread**seeds


def chance(likelihoods, named, distance):
    """Evidence, and the chance that `named` has the highest true value."""
    density = likelihoods * np.exp(-(x**2) / (2 * distance**2)) / distance
    each = density.sum(1)
    density = density / each[:, None]
    below = np.maximum(np.cumsum(density, 1) - density / 2, 1e-300)
    below[named] = 1
    return each.prod(), (density[named] * below.prod(0)).sum()


def average(cases, named):
    """Chance by pairs of a weight and likelihoods."""
    found = [(weight, *chance(each, named, distance)) for weight, each in cases for distance in DISTANCES]
    total = sum(weight * evidence for weight, evidence, _ in found)
    return sum(weight * evidence * p for weight, evidence, p in found) / total


def sweep(stream, is_unequal, seeds, number):
    distance = DISTANCES[number % 3]
    spreads = SPREADS if is_unequal else np.ones(CONFIGURATIONS)
    truth = distance * np.array([stream.normal() for _ in range(CONFIGURATIONS)])
    noise = np.array([[stream.normal() for _ in range(seeds)] for _ in range(CONFIGURATIONS)])
    values = truth[:, None] + spreads[:, None] * noise
    means = values.mean(1)
    squares = ((values - means[:, None]) ** 2).sum(1)
    named = int(means.argmax())
    exact = likelihood(means, squares, seeds, spreads[:, None])
    equal = likelihood(means, squares, seeds, 1.0)
    unequal = sum(likelihood(means, squares, seeds, spread) for spread in SPREADS) / CONFIGURATIONS
    return (
        chance(exact, named, distance)[1], average([(1, unequal if is_unequal else equal)], named),
        *(average([(1 - share, equal), (share, unequal)], named) for share in SHARES), named == truth.argmax(),
    )


sweeps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
first = int(sys.argv[2]) if len(sys.argv) > 2 else 1234500007
names = ["all", "kind", *(f"either {share:.2f}" for share in SHARES)]
for is_unequal in (False, True):
    for seeds in (2, 3, 5):
        streams = ((number, CounterStream(first + number * 10 + seeds)) for number in range(sweeps))
        found = np.array([sweep(stream, is_unequal, seeds, number) for number, stream in streams])
        for column, name in enumerate(names):
            order = found[found[:, column].argsort(kind="stable")]
            errors = 100 * (order[:, column] - order[:, -1])
            thirds = " ".join(f"{third.mean():.1f}" for third in np.array_split(errors, 3))
            kind = "unequal" if is_unequal else "equal"
            print(f"{kind:8} {seeds} seeds, {name:11}: {errors.mean():5.1f}, by tertile {thirds}", flush=True)
