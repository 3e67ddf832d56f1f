"""Writes the image fixtures with Pillow, and what Pillow reads back from them. Run with Pillow installed, in this folder."""

import numpy as np
from PIL import Image, PngImagePlugin

width, height = 13, 9
rng = np.random.default_rng(5)
y, x = np.mgrid[0:height, 0:width]
rgb = np.stack([x * 19, y * 28, (x * y * 7) % 256], -1).astype(np.uint8)
noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
alpha = ((x + y) * 12 % 256).astype(np.uint8)


def raw(name, array):
    open(name, "wb").write(np.ascontiguousarray(array, dtype=np.uint8).tobytes())


Image.fromarray(rgb).save("rgb.png")
raw("rgb.raw", rgb)
Image.fromarray(np.dstack([noise, alpha])).save("rgba.png")
raw("rgba.raw", np.dstack([noise, alpha]))
palette = Image.fromarray(rgb).quantize(16)
palette.save("palette.png")
raw("palette.raw", np.array(palette.convert("RGB")))
Image.fromarray(rgb[:, :, 0]).save("gray.png")
raw("gray.raw", np.repeat(rgb[:, :, :1], 3, -1))
big = Image.fromarray(rgb).resize((40, 30), Image.BICUBIC)
big.save("photo.jpg", quality=90, subsampling=0)
raw("photo.raw", np.array(Image.open("photo.jpg").convert("RGB")))
Image.fromarray(rgb[:, :, 1]).resize((40, 30)).save("gray.jpg", quality=90)
raw("grayjpg.raw", np.array(Image.open("gray.jpg").convert("RGB")))

text = PngImagePlugin.PngInfo()
text.add_text("parameters", "prompt: red heart, steps: 20", zip=False)
Image.fromarray(rgb).save("text.png", pnginfo=text)

source = Image.fromarray(noise)
for name, size, filter in [
    ("down-bicubic", (5, 4), Image.BICUBIC),
    ("up-bicubic", (29, 17), Image.BICUBIC),
]:
    raw(f"{name}.raw", np.array(source.resize(size, filter)))
# Pillow's BOX takes whole pixels by their centres. The mean over the covered area by a second way: every
# pixel becomes a block of new-size pixels, and blocks of old-size ones are averaged.
large = np.repeat(np.repeat(noise.astype(np.float64), 4, 0), 5, 1)
raw("down-area.raw", np.rint(large.reshape(4, height, 5, width, 3).mean((1, 3))))
raw("noise.raw", noise)
# Pillow's BOX samples the box at pixel centres; the exact area mean is that of whole copies of each pixel.
fine = noise.astype(np.float64).repeat(4, axis=0).repeat(5, axis=1)  # [36, 65]: divisible by 4 and 5
raw("down-area.raw", np.rint(fine.reshape(4, 9, 5, 13, 3).mean(axis=(1, 3))))
