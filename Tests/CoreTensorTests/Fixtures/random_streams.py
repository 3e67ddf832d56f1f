"""The random streams of docs/explanation/numerics.md written again from that page alone, and numbers of them for CoreTensorTests.

python3 random_streams.py        (numpy only)
"""

import json
import pathlib

import numpy

MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al., SC 2011)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & MASK32, (first >> 32) ^ c[3] ^ k[1], first & MASK32]
        k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
    return c


class Stream:
    def __init__(self, seed, purpose, step=0, item=0):
        digest = 0xCBF29CE484222325
        for byte in purpose.encode():
            digest = ((digest ^ byte) * 0x100000001B3) & MASK64
        mixed = seed ^ (digest * 0x9E3779B97F4A7C15 & MASK64)
        self.key = (mixed & MASK32, mixed >> 32)
        self.rest = (step, item, digest >> 32)
        self.block, self.waiting = 0, []

    def word(self):
        if not self.waiting:
            self.waiting = philox((self.block, *self.rest), self.key)
            self.block += 1
        return self.waiting.pop(0)

    def uniform(self):
        return numpy.float32((self.word() >> 8) * 2.0**-24)

    def integer(self, below):
        high, low = self.word(), self.word()
        return ((high << 32 | low) * below) >> 64

    def normals(self, count):
        values = []
        while len(values) < count:
            radius = numpy.sqrt(-2 * numpy.log((self.word() + 1) * 2.0**-32))
            angle = 2 * numpy.pi * self.word() * 2.0**-32
            values += [radius * numpy.cos(angle), radius * numpy.sin(angle)]
        return numpy.array(values[:count], "float32")

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.integer(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


def timesteps(seed, batch, size, count=1000):
    """Of a training batch, by its number over the whole job."""
    return [Stream(seed, "timestep", batch, place).integer(count) for place in range(size)]


def noise(seed, batch, size, height, width, channels):
    """[size, channels, height, width]: channels change fastest while a stream is read."""
    parts = [Stream(seed, "noise", batch, place).normals(height * width * channels) for place in range(size)]
    return numpy.stack([part.reshape(height, width, channels).transpose(2, 0, 1) for part in parts])


def batches(seed, epoch, visits, size):
    """The batches of an epoch where all images have one size."""
    order = Stream(seed, "epoch order", epoch, 0).shuffled(visits)
    return [order[start:start + size] for start in range(0, len(order), size)]


if __name__ == "__main__":
    cases = []
    for seed, purpose, step, item in [
            (7, "noise", 3, 1), (0, "timestep", 0, 0), (2**63 + 12345, "posterior", 0, 4096), (42, "adapter/lora_unet_x.lora_down", 0, 0),
            (1000, "latents", 0, 0)]:
        stream = lambda: Stream(seed, purpose, step, item)  # noqa: E731
        words = stream()
        cases.append({
            "seed": str(seed), "purpose": purpose, "step": step, "item": item, "key": list(words.key),
            "words": [words.word() for _ in range(6)], "normals": [float(value) for value in stream().normals(7)],
            "uniforms": [float(value) for value in (lambda s: [s.uniform() for _ in range(5)])(stream())],
            "integers": (lambda s: [s.integer(1000) for _ in range(4)])(stream()), "shuffled": stream().shuffled(range(9)),
        })
    path = pathlib.Path(__file__).parent / "random-streams.json"
    path.write_text(json.dumps(cases, indent=1) + "\n")
    for case in cases[:2]:
        print(json.dumps(case))
