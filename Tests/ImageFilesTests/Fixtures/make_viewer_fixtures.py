"""Writes small pictures as people have them, and what Pillow shows of them. Run with Pillow, numpy and transformers, in this
folder. Pillow 13.0.0 and transformers 5.24.0 made the files kept here.

Files end in their format's letters; `NAME.rgb` holds the pixels that a viewer shows, on white, and `viewers.json` each
picture's size. Pillow turns it upright (ImageOps.exif_transpose) and into sRGB (ImageCms) where the file says so.
"""
import io
import json
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

rng = np.random.default_rng(11)
width, height = 11, 7
y, x = np.mgrid[0:height, 0:width]
rgb = np.stack([x * 23, y * 40, (x * 9 + y * 17) % 256], -1).astype(np.uint8)
sizes = {}


def shown(name, data, picture=None):
    """Keeps the file and what Pillow shows of it."""
    open(name, "wb").write(data)
    image = ImageOps.exif_transpose(picture or Image.open(io.BytesIO(data)))
    profile = image.info.get("icc_profile")
    if profile:
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        image = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode=mode)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        pixels = np.array(image).astype(int)
        alpha = pixels[:, :, 3:]
        pixels = (pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
    else:
        pixels = np.array(image.convert("RGB"))
    sizes[name] = list(image.size)
    open(name + ".rgb", "wb").write(np.ascontiguousarray(pixels, dtype=np.uint8).tobytes())


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif(way):
    data = Image.Exif()
    data[0x0112] = way
    return data.tobytes()


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(colour, bits, rows, chunks=b"", interlace=0):
    """A PNG with exactly these chunks; Pillow would add its own."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    high, wide = rows.shape[:2]
    parts = [rows[y::down, x::across] for x, y, across, down in ADAM7] if interlace else [rows]
    raw = b"".join(
        b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes() for part in parts if part.shape[1] for row in part)
    head = struct.pack(">IIBBBBB", wide, high, bits, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


picture = Image.fromarray(rgb)
for way in range(1, 9):
    shown(f"exif{way}.png", saved(picture, "PNG", exif=exif(way)))
for way in (3, 6, 8):
    shown(f"exif{way}.jpg", saved(picture, "JPEG", quality=95, subsampling=0, exif=exif(way)))
shown("exif6.webp", saved(picture, "WEBP", lossless=True, exif=exif(6)))

# 16 bits without gAMA: the same picture as the 8-bit one.
sixteen = rgb.astype(np.uint16) * 257
shown("rgb16.png", png(2, 16, sixteen), picture)
shown("gray16.png", png(0, 16, sixteen[:, :, 0]), Image.fromarray(rgb[:, :, 0]))
shown("interlaced.png", png(2, 8, rgb, interlace=1))
alpha = ((x + y) * 14).astype(np.uint8)
shown("grayalpha.png", saved(Image.merge("LA", [Image.fromarray(rgb[:, :, 1]), Image.fromarray(alpha)]), "PNG"))
shown("bits1.png", saved(Image.fromarray(rgb[:, :, 0]).convert("1"), "PNG"))
key = picture.quantize(8)
shown("palettekey.png", saved(key, "PNG", transparency=2), None)

# Colour profiles: Display P3 and Adobe RGB by their published primaries, a grey one with gamma 2.2.
def profile_bytes(kind):
    return open(f"{kind}.icc", "rb").read()


for kind in ("p3", "adobe"):
    shown(f"{kind}.png", saved(picture, "PNG", icc_profile=profile_bytes(kind)))
shown("p3.jpg", saved(picture, "JPEG", quality=95, subsampling=0, icc_profile=profile_bytes("p3")))
shown("p3.webp", saved(picture, "WEBP", lossless=True, icc_profile=profile_bytes("p3")))
srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
shown("srgb.png", saved(picture, "PNG", icc_profile=srgb))
gray = Image.fromarray(rgb[:, :, 0])
gray_profile = profile_bytes("gray18")
tagged = saved(gray, "PNG", icc_profile=gray_profile)
open("graytagged.png", "wb").write(tagged)
out = ImageCms.profileToProfile(
    gray, ImageCms.ImageCmsProfile(io.BytesIO(gray_profile)), ImageCms.createProfile("sRGB"), outputMode="RGB")
sizes["graytagged.png"] = list(gray.size)
open("graytagged.png.rgb", "wb").write(np.array(out).tobytes())

# Four inks: Pillow writes them Adobe's way, inverted.
inks = Image.fromarray(np.dstack([rgb, (x * 11).astype(np.uint8)]), "CMYK")
shown("cmyk.jpg", saved(inks, "JPEG", quality=95))

# A stray byte before a marker, and a missing end marker.
photo = saved(picture.resize((40, 32), Image.BICUBIC), "JPEG", quality=90, subsampling=0)
at = photo.index(b"\xff\xdb", 2)
shown("stray.jpg", photo[:at] + b"\x00" + photo[at:], Image.open(io.BytesIO(photo)))
shown("noend.jpg", photo[:-2], Image.open(io.BytesIO(photo)))

large = Image.fromarray(rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)).resize((40, 48), Image.BICUBIC)
shown("lossy.webp", saved(large, "WEBP", quality=80))
shown("lossless.webp", saved(picture, "WEBP", lossless=True))
soft = Image.fromarray(np.dstack([rgb, alpha]))
shown("alpha.webp", saved(soft, "WEBP", lossless=True, exact=True))
frames = [picture, Image.fromarray(rgb[::-1])]
moving = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, duration=100)
shown("moving.webp", moving, picture)

for name, format in [("other.gif", "GIF"), ("other.bmp", "BMP"), ("other.tiff", "TIFF")]:
    open(name, "wb").write(saved(Image.new("RGB", (2, 2)), format))
open("other.heic", "wb").write(struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic")
open("other.avif", "wb").write(struct.pack(">I", 24) + b"ftypavif\0\0\0\0mif1avif")
huge = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
open("huge.png", "wb").write(
    b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + huge + struct.pack(">I", zlib.crc32(b"IHDR" + huge)))

json.dump(sizes, open("viewers.json", "w"), indent=1, sort_keys=True)

# Pillow's order of passes: 50 × 120 → 40 × 96 takes the columns first.
for (w, h), (a, b) in [((50, 120), (40, 96)), ((20, 50), (8, 11)), ((50, 20), (11, 8)), ((30, 12), (35, 9))]:
    noise = rng.integers(0, 256, (h, w, 3), dtype=np.uint8)
    open(f"order-{w}x{h}.raw", "wb").write(noise.tobytes())
    open(f"order-{w}x{h}-{a}x{b}.raw", "wb").write(np.array(Image.fromarray(noise).resize((a, b), Image.BICUBIC)).tobytes())
