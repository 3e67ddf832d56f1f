"""Reference values of metrics that compare sets of feature rows or pictures, for CoreEvaluationTests.

Run: python3 make_distributions.py   (writes distributions.json and pictures.bin beside itself)
Needs numpy, scikit-learn (kernels), vendi-score, POT (Wasserstein distances), scikit-image (SSIM, PSNR, HSV) and torch
(cosines); scikit-learn 1.9.1, vendi-score 0.0.3, POT and scikit-image 0.26.0 made the files kept here.
"""

import json
import pathlib
import struct

import numpy as np
import ot
import torch
from skimage.color import rgb2hsv
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics.pairwise import cosine_similarity, polynomial_kernel, rbf_kernel
from vendi_score import vendi

random = np.random.default_rng(11)
here = pathlib.Path(__file__).parent


def f32(rows):
    return np.float32(rows).astype(np.float64)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def kid(a, b):
    """The unbiased estimate (arXiv:1801.01401, equation 4), all rows in one subset."""
    if min(len(a), len(b)) < 2:
        return None
    kernel = dict(degree=3, gamma=1 / a.shape[1], coef0=1)
    aa, bb, ab = (polynomial_kernel(x, y, **kernel) for x, y in ((a, a), (b, b), (a, b)))
    m, n = len(a), len(b)
    return float((aa.sum() - np.trace(aa)) / (m * (m - 1)) + (bb.sum() - np.trace(bb)) / (n * (n - 1)) - 2 * ab.mean())


def cmmd(a, b):
    """arXiv:2401.09603: sigma 10, times 1000, means over all pairs."""
    a, b = unit(a), unit(b)
    gamma = 1 / (2 * 10**2)
    return float(1000 * (rbf_kernel(a, gamma=gamma).mean() + rbf_kernel(b, gamma=gamma).mean() - 2 * rbf_kernel(a, b, gamma).mean()))


def case(name, a, b, projections=40):
    a, b = f32(a), f32(b)
    directions = f32(unit(random.normal(size=(projections, a.shape[1]))))
    directions = unit(directions)
    return {
        "name": name, "a": a.tolist(), "b": b.tolist(), "directions": directions.tolist(),
        "kid": kid(a, b), "cmmd": cmmd(a, b),
        "sliced_wasserstein": float(ot.sliced_wasserstein_distance(unit(a), unit(b), projections=directions.T, p=2)),
        # score_X of this version takes no heed of q.
        "vendi": {str(q): float(vendi.score_K(unit(a) @ unit(a).T, q=q)) for q in (0.5, 1, 2, 3.5, "inf")},
    }


shared = random.normal(size=16)
pictures = random.normal(size=(7, 16)) + shared
cases = [
    case("two clouds", random.normal(size=(9, 16)) * 3 + shared, pictures),
    case("one image", random.normal(size=(1, 16)), pictures),
    case("one picture", random.normal(size=(5, 16)), pictures[:1]),
    case("identical images", np.repeat(pictures[:1], 6, axis=0), pictures),
    case("the pictures themselves", pictures, pictures),
    case("more images than dimensions", random.normal(size=(23, 3)) + 1, random.normal(size=(10, 3))),
    case("long vectors", 40 * (random.normal(size=(4, 5)) + 2), 35 * (random.normal(size=(6, 5)) + 2)),
]

images, bases, concept = (f32(random.normal(size=(count, 12))) for count in (5, 5, 4))
origins, texts, origin_texts = (f32(random.normal(size=(5, 12))) for _ in range(3))
origins[3], images[3] = images[1], images[1]  # nothing has changed: no direction
t = lambda rows: torch.tensor(unit(rows))
direction = torch.nn.functional.cosine_similarity(t(images) - t(origins), t(texts) - t(origin_texts), dim=-1)
changes = {
    "images": images.tolist(), "bases": bases.tolist(), "pictures": concept.tolist(), "origins": origins.tolist(),
    "texts": texts.tolist(), "origin_texts": origin_texts.tolist(),
    "direction": [None if row == 3 else float(x) for row, x in enumerate(direction)],
    "leakage": (cosine_similarity(images, concept).mean(1) - cosine_similarity(bases, concept).mean(1)).tolist(),
}

pairs = []
with open(here / "pictures.bin", "wb") as out:
    for name, width, height, noise in (
        ("wide", 29, 13, 20), ("tall", 12, 31, 90), ("one window", 11, 11, 60), ("small", 9, 8, 30), ("same", 14, 12, 0),
        ("grey and flat", 12, 12, 3),
    ):
        a = random.integers(0, 256, (height, width, 3))
        if name == "grey and flat":
            a = np.full((height, width, 3), 128)
            a[:2] = 0
        b = np.clip(a + np.rint(random.normal(size=a.shape) * noise), 0, 255)
        a, b = a.astype(np.uint8), b.astype(np.uint8)
        out.write(struct.pack("<II", width, height) + a.tobytes() + b.tobytes())
        x, y = a / 255, b / 255
        both = dict(data_range=1, channel_axis=-1)
        gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        pairs.append({
            "name": name,
            "psnr": None if name == "same" else float(peak_signal_noise_ratio(x, y, data_range=1)),
            "ssim": float(structural_similarity(x, y, **both, **gaussian)) if min(width, height) >= 11 else None,
            "ssim_uniform": float(structural_similarity(x, y, **both)),
            "saturation": float(rgb2hsv(a)[..., 1].mean()),
        })

out = {"cases": cases, "changes": changes, "pairs": pairs}
(here / "distributions.json").write_text(json.dumps(out) + "\n")
