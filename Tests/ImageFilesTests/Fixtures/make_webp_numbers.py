"""Writes webp.json: how large and how near Pillow's WebP files of a picture are. Run with Pillow and numpy, in this folder.

The picture is made of integers only, so that a test can make it again; Pillow 13.0.0 made the numbers kept here.
"""
import io
import json

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 121, 83
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
picture = np.stack([x * 2, y * 3, (x * x + y * y) // 96], -1).astype(np.uint8)

numbers = []
for quality in (20, 50, 80, 95):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "WEBP", quality=quality)
    shown = np.array(Image.open(out).convert("RGB"))
    error = ((shown.astype(float) - picture) ** 2).mean()
    numbers.append({"quality": quality, "bytes": len(out.getvalue()), "psnr": round(10 * np.log10(255**2 / error), 3)})
json.dump(numbers, open("webp.json", "w"), indent=1)
