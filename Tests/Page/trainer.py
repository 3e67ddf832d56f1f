"""A trainer for the page's check: logs curves, draws samples and saves checkpoints, at a pace that can be watched.

Standard library only. A learning rate of 1 or more fails, as it would.
"""

import argparse
import json
import math
import os
import random
import struct
import sys
import time
import zlib


def png(path, size, pixel):
    rows = b"".join(b"\0" + bytes(v for x in range(size) for v in pixel(x, y)) for y in range(size))

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    with open(path + ".part", "wb") as file:
        file.write(data)
    os.rename(path + ".part", path)


def sample(path, quality, hue, prompt):
    """A disc (or, for the second prompt, a square) that comes out of noise as the training goes on."""
    noise = random.Random(prompt)
    grain = [noise.random() for _ in range(96 * 96)]

    def pixel(x, y):
        u, v = (x - 48) / 40, (y - 48) / 40
        inside = max(abs(u), abs(v)) < 0.7 if prompt else u * u + v * v < 0.6
        shape = (230, 60 + int(150 * hue), 60) if inside else (245, 240, 228)
        return [int(quality * part + (1 - quality) * 255 * grain[96 * y + x]) for part in shape]

    png(path, 96, pixel)


def main():
    parser = argparse.ArgumentParser()
    for name, kind in [("lr", float), ("dim", int), ("seed", int), ("steps", int), ("pace", float)]:
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    print(f"training with lr {given.lr}, dim {given.dim}", flush=True)
    if given.lr >= 1:
        sys.exit("ValueError: the loss is not a number at step 3; lower the learning rate")
    noise = random.Random(given.seed)
    for folder in ("ckpt", "samples"):
        os.makedirs(f"{given.out}/{folder}", exist_ok=True)
    best = 0.1 + 0.03 * abs(math.log10(given.lr) + 3.5) + 0.2 / given.dim
    with open(f"{given.out}/metrics.jsonl", "a") as metrics:
        for step in range(1, given.steps + 1):
            done = 1 - math.exp(-4 * step / given.steps)
            loss = 1 - (1 - best) * done + noise.gauss(0, 0.03)
            line = {"step": step, "loss": loss, "lr_now": given.lr * (1 - step / given.steps)}
            if step % 10 == 0:
                line["val_loss"] = 1.02 - (1 - best) * done + noise.gauss(0, 0.005)
                print(f"step {step}: loss {loss:.4f}", flush=True)
            metrics.write(json.dumps(line) + "\n")
            metrics.flush()
            if step % (given.steps // 4) == 0:
                for prompt in (0, 1):
                    sample(f"{given.out}/samples/step-{step:06}-{prompt}.png", done * (1 - best), given.dim / 16, prompt)
                path = f"{given.out}/ckpt/adapter-{step:06}.safetensors"
                with open(path + ".part", "wb") as file:
                    file.write(random.Random(step).randbytes(2000))
                os.rename(path + ".part", path)
            time.sleep(given.pace)


main()
