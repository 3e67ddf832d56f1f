"""Reference values of the evaluation metrics, by numpy and scipy in double precision.

Run: python3 make_metrics.py   (writes metrics.json beside itself)
Needs numpy and scipy. Formulas: Yeh et al., arXiv:2309.14859, section 5; Friedman and Dieng, arXiv:2210.02410;
Gatys et al., arXiv:1508.06576 (Gram matrices).
"""

import json
import pathlib

import numpy as np
import scipy.linalg
import scipy.spatial.distance as distance

random = np.random.default_rng(5)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def vendi(rows):
    rows = unit(rows)
    values = scipy.linalg.eigvalsh(rows @ rows.T / len(rows))  # always the n x n matrix: a second way for n > d
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def sets(count_a, count_b, width, shared):
    common = random.normal(size=width) * shared
    return (random.normal(size=(count, width)) + common for count in (count_a, count_b))


cases = []
for count_a, count_b, width, shared in [(12, 9, 24, 1.0), (20, 7, 6, 0.3), (3, 3, 16, 3.0), (1, 5, 8, 1.0)]:
    a, b = (np.float32(x).astype(np.float64) for x in sets(count_a, count_b, width, shared))
    texts = np.float32(random.normal(size=(count_a, width))).astype(np.float64)
    cases.append(
        {
            "generated": a.tolist(),
            "reference": b.tolist(),
            "texts": texts.tolist(),
            # cdist knows nothing of centroids: the mean over all pairs, as the definition says
            "image_similarity": float(np.mean(1 - distance.cdist(a, b, "cosine"))),
            "squared_centroid_distance": float(distance.sqeuclidean(unit(a).mean(0), unit(b).mean(0))),
            "text_similarity": float(np.mean([1 - distance.cosine(x, y) for x, y in zip(a, texts)])),
            "vendi": vendi(a),
        }
    )

layers = [(6, 4), (9, 3)]  # (pixels, channels) of two layers
grams = []
for _ in range(2):
    grams.append([np.float32(random.normal(size=shape)).astype(np.float64) for shape in layers])
style = sum(
    float(np.sum((x.T @ x / x.size - y.T @ y / y.size) ** 2)) for x, y in zip(grams[0], grams[1])
)

symmetric = random.normal(size=(7, 7))
symmetric = (symmetric + symmetric.T) / 2

out = {
    "cases": cases,
    "style": {"a": [x.tolist() for x in grams[0]], "b": [x.tolist() for x in grams[1]], "distance": style},
    "symmetric": {"matrix": symmetric.tolist(), "eigenvalues": scipy.linalg.eigvalsh(symmetric).tolist()},
}
text = json.dumps(out)
pathlib.Path(__file__).with_name("metrics.json").write_text(text + "\n")
