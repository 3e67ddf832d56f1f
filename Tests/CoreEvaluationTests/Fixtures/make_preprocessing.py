"""Writes noise pictures of several shapes and what transformers' CLIPImageProcessor (its Pillow backend) makes of them.
Run with Pillow, numpy and transformers, in this folder. transformers 5.24.0 and Pillow 13.0.0 made the files kept here.

`preprocessing.bin`: for each case little-endian 32-bit width, height, side, then width * height * 3 bytes, then side * side * 3
floats, rows from the top.
"""
import struct

import numpy as np
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

rng = np.random.default_rng(3)
with open("preprocessing.bin", "wb") as out:
    for width, height, side in [(50, 120, 32), (120, 50, 32), (33, 47, 24), (47, 33, 31), (25, 24, 24), (9, 31, 21)]:
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        processor = CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        values = processor(Image.fromarray(picture), return_tensors="np")["pixel_values"][0]
        assert values.shape == (3, side, side), values.shape
        out.write(struct.pack("<III", width, height, side) + picture.tobytes())
        out.write(values.transpose(1, 2, 0).astype("<f4").tobytes())
