"""Writes noise pictures of several shapes and what the reference libraries make of them before a network sees them.

Run: python3 make_preparation.py   (writes preparation.bin beside itself)
Needs Pillow, numpy, transformers (DINOv2's processor on Pillow), open_clip_torch and torchvision (OpenCLIP's
transform, VGG's, and the two other fits of the LyCORIS paper's evaluation: squeezed to a square, and letterboxed).
transformers 5.23.0, open_clip 3.3.0, torchvision 0.29.2 and Pillow made the files kept here.

For each case: little-endian 32-bit kind, width, height, short side, side, result width and height; then width * height * 3
bytes; then the result's floats, rows from the top. Kinds: 0 DINOv2, 2 OpenCLIP, 3 squeezed, 4 padded,
5 VGG (CLIP's own are in preprocessing.bin).
"""

import pathlib
import struct

import numpy as np
import open_clip
import torchvision.transforms as transforms
import torchvision.transforms.functional as functional
from PIL import Image
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

rng = np.random.default_rng(4)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
tail = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)]
bicubic = transforms.InterpolationMode.BICUBIC


def padded(side):
    """The paper's: the longer side resized, black on both sides, one more at the right and below."""

    def fit(image):
        width, height = image.size
        scale = side / float(max(height, width))
        size = tuple(round(length * scale) for length in (height, width))
        image = functional.resize(image, size, bicubic)
        rows, columns = side - size[0], side - size[1]
        return functional.pad(image, [columns // 2, rows // 2, columns - columns // 2, rows - rows // 2], fill=0)

    return fit


def prepared(kind, image, short, side):
    if kind == 0:
        processor = BitImageProcessorPil(
            size={"shortest_edge": short}, crop_size={"height": side, "width": side}, do_resize=True, do_center_crop=True,
            resample=3, do_rescale=True, do_normalize=True, image_mean=MEAN, image_std=STD)
        return processor(image, return_tensors="np")["pixel_values"][0]
    if kind == 2:
        return open_clip.image_transform(side, is_train=False, mean=MEAN, std=STD)(image).numpy()
    if kind == 3:
        return transforms.Compose([transforms.Resize((side, side), interpolation=bicubic)] + tail)(image).numpy()
    if kind == 4:
        return transforms.Compose([padded(side)] + tail)(image).numpy()
    return transforms.Compose([transforms.Resize(side, interpolation=bicubic)] + tail)(image).numpy()


with open(pathlib.Path(__file__).with_name("preparation.bin"), "wb") as out:
    for width, height, short, side in [(50, 37, 20, 17), (31, 64, 18, 16), (40, 40, 21, 18), (13, 11, 16, 14), (11, 40, 13, 12)]:
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        for kind in (0, 2, 3, 4, 5):
            values = prepared(kind, Image.fromarray(picture), short, side)
            out.write(struct.pack("<7I", kind, width, height, short, side, values.shape[2], values.shape[1]))
            out.write(picture.tobytes() + values.transpose(1, 2, 0).astype("<f4").tobytes())
