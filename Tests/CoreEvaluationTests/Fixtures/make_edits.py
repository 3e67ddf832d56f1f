"""Measures edits inside and outside of the changed region with numpy, for EditRegionTests.

python3 make_edits.py
"""

import json
import pathlib

import numpy as np

TOLERANCE, FLOOR = 12, 1 / 12
rng = np.random.default_rng(17)


def region(source, target):
    differs = (np.abs(source.astype(int) - target.astype(int)) > TOLERANCE).any(axis=2)
    margin = max(1, max(differs.shape) // 64)
    padded = np.pad(differs, margin)
    height, width = differs.shape
    return np.array([
        [padded[y:y + 2 * margin + 1, x:x + 2 * margin + 1].any() for x in range(width)] for y in range(height)])


def psnr(a, b, mask):
    if not mask.any():
        return None
    error = ((a.astype(float) - b.astype(float)) ** 2)[mask].mean()
    return float(10 * np.log10(255 ** 2 / max(error, FLOOR)))


def ssim(a, b, mask):
    """Wang et al. 2004: a Gaussian window of 11 pixels with deviation 1.5, windows inside the picture alone."""
    taps = np.exp(-np.arange(-5, 6) ** 2 / (2 * 1.5 ** 2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    height, width = mask.shape
    values = []
    for y in range(height - 10):
        for x in range(width - 10):
            if not mask[y + 5, x + 5]:
                continue
            channels = []
            for c in range(3):
                p, q = (image[y:y + 11, x:x + 11, c] / 255 for image in (a, b))
                mean = lambda values: float((window * values).sum())
                mp, mq = mean(p), mean(q)
                vp, vq, cov = mean((p - mp) ** 2), mean((q - mq) ** 2), mean((p - mp) * (q - mq))
                c1, c2 = 0.01 ** 2, 0.03 ** 2
                channels.append((2 * mp * mq + c1) * (2 * cov + c2) / ((mp ** 2 + mq ** 2 + c1) * (vp + vq + c2)))
            values.append(np.mean(channels))
    return float(np.mean(values)) if values else None


cases = []
for name, height, width, box in (("small", 18, 22, (4, 9, 6, 15)), ("wide", 14, 130, (2, 12, 40, 90)),
                                 ("all", 12, 12, (0, 12, 0, 12)), ("none", 12, 13, (0, 0, 0, 0))):
    source = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    # Below the tolerance nothing counts as changed.
    target = np.clip(source.astype(int) + rng.integers(-12, 13, source.shape), 0, 255).astype(np.uint8)
    top, bottom, left, right = box
    target[top:bottom, left:right] = 255 - source[top:bottom, left:right] // 2
    image = np.clip(target.astype(int) + rng.integers(-30, 31, source.shape), 0, 255).astype(np.uint8)
    mask = region(source, target)
    case = {"name": name, "width": width, "height": height, "inside": int(mask.sum())}
    case |= {key: value.ravel().tolist() for key, value in (("source", source), ("target", target), ("image", image))}
    for side, where in (("Inside", mask), ("Outside", ~mask)):
        case[f"psnr{side}"], case[f"ssim{side}"] = psnr(image, target, where), ssim(image, target, where)
    case["psnrEqual"] = psnr(target, target, np.ones_like(mask))
    cases.append(case)
path = pathlib.Path(__file__).parent / "edits.json"
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
