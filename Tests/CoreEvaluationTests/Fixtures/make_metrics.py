"""Reference values of the evaluation metrics, by numpy, scipy and scikit-learn in double precision.

Run: python3 make_metrics.py   (writes metrics.json beside itself)
Needs numpy, scipy and scikit-learn. Formulas: Yeh et al., arXiv:2309.14859, section 5; Friedman and Dieng, arXiv:2210.02410;
Gatys et al., arXiv:1508.06576 (Gram matrices).
"""

import json
import pathlib

import numpy as np
import scipy.linalg
import scipy.spatial.distance as distance
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

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

TOLERANCE = 1e-6  # cosines of identical pictures differ in the last bits


def nearest(queries, pictures, count=1):
    """Cosines to the `count` nearest pictures, nearest first."""
    found, _ = NearestNeighbors(n_neighbors=count, metric="cosine", algorithm="brute").fit(pictures).kneighbors(queries)
    return 1 - found


def paired(name, images, pictures, own):
    images, pictures = (np.float32(x).astype(np.float64) for x in (images, pictures))
    cosines = cosine_similarity(images, pictures)
    fidelity = cosines[np.arange(len(images)), own]
    # By rank: no picture may be strictly nearer than the own one.
    retrieval = [int(np.sum(row > mine + TOLERANCE) == 0) for row, mine in zip(cosines, fidelity)]
    closest = nearest(images, pictures)[:, 0]
    case = {
        "name": name,
        "images": images.tolist(),
        "pictures": pictures.tolist(),
        "own": [int(x) for x in own],
        "paired_fidelity": fidelity.tolist(),
        "own_picture_retrieval": retrieval if len(pictures) > 1 else None,
        "nearest": closest.tolist(),
        "mean_similarity": cosines.mean(axis=1).tolist(),
        # By its definition: the mean cosine of the unit vector that has the largest one.
        "bound": float(np.mean(unit(pictures) @ (unit(pictures).mean(0) / np.linalg.norm(unit(pictures).mean(0))))),
    }
    if len(pictures) > 1:
        # The nearest of all is the picture itself, so the second one counts.
        between = nearest(pictures, pictures, 2)[:, 1]
        case["threshold"] = float(np.percentile(between, 95))
        case["copying"] = [int(x > case["threshold"] + TOLERANCE) for x in closest]
    return case


def noisy(rows, by):
    return rows + random.normal(size=rows.shape) * by


pictures = random.normal(size=(9, 24)) + random.normal(size=24)
few = random.normal(size=(4, 3))
twins = np.vstack([pictures[:3], pictures[:2], pictures[4:5]])
pairs = [
    paired("each near its own", noisy(pictures, 0.3), pictures, np.arange(9)),
    paired("cycled, more images than pictures and dimensions", noisy(few[np.arange(11) % 4], 0.8), few, np.arange(11) % 4),
    paired("unlike all", random.normal(size=(12, 24)), pictures, np.arange(12) % 9),
    paired("one image", noisy(pictures[:1], 0.1), pictures, [0]),
    paired("one picture", noisy(pictures[:3], 0.5), pictures[:1], [0, 0, 0]),
    paired("identical images", np.repeat(pictures[2:3], 6, axis=0), pictures, np.arange(6)),
    paired("copies of their pictures", pictures, pictures, np.arange(9)),
    paired("pictures there twice", np.vstack([twins, noisy(twins, 0.2)]), twins, np.arange(12) % 6),
]

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
    "pairs": pairs,
    "style": {"a": [x.tolist() for x in grams[0]], "b": [x.tolist() for x in grams[1]], "distance": style},
    "symmetric": {"matrix": symmetric.tolist(), "eigenvalues": scipy.linalg.eigvalsh(symmetric).tolist()},
}
text = json.dumps(out)
pathlib.Path(__file__).with_name("metrics.json").write_text(text + "\n")
