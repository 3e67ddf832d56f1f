"""Training pictures in kohya's layout: folders N_name, each picture with its caption beside it."""

import hashlib
import pathlib
import re

import torch
from PIL import Image, ImageOps

from .job import BadJob

ENDINGS = {".png", ".jpg", ".jpeg", ".webp"}


def read(folder):
    """(path, caption, visits in an epoch) in the order of their names."""
    visits = []
    for child in sorted(pathlib.Path(folder).iterdir()):
        match = re.match(r"^([0-9]+)_(.+)$", child.name)
        if not child.is_dir() or not match:
            continue
        for path in sorted(child.iterdir()):
            if path.suffix.lower() not in ENDINGS:
                continue
            caption = match[2].replace("_", " ")
            for ending in (".txt", ".caption"):
                text = path.with_suffix(ending)
                if text.is_file():
                    lines = text.read_text(encoding="utf-8-sig").splitlines()
                    caption = lines[0].strip() if lines else ""
                    break
            visits.append((path, caption, int(match[1])))
    if not visits:
        raise BadJob(f"{folder}: no folder N_name with pictures (PNG, JPEG, WebP)")
    return visits


def load(path, size):
    """A picture as [3, height, width] from -1 to 1: the middle of it, as large as it goes."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
        image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
        data = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return data.view(size[1], size[0], 3).permute(2, 0, 1).float() / 127.5 - 1


def generator(*words):
    """Random numbers for one purpose at one place: nothing that is drawn elsewhere moves them."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def epoch_batches(count_by_picture, batch, seed, epoch):
    """Indices of pictures in batches: every visit once, in an order of the epoch's own; the last may be smaller."""
    visits = [index for index, count in enumerate(count_by_picture) for _ in range(count)]
    order = torch.randperm(len(visits), generator=generator("order", seed, epoch)).tolist()
    return [[visits[i] for i in order[start:start + batch]] for start in range(0, len(order), batch)]
