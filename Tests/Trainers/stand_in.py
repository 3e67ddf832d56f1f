"""What the stand-ins for trainers share: their "weights", the files that real ones write, and gates for tests.

Standard library only.
"""
import hashlib
import io
import json
import os
import pickle
import struct
import time
import zipfile
import zlib


class Chain:
    """Weights and an optimizer's state as digests over everything that was trained.

    A step that is done twice or left out, or weights that go on with the optimizer of another step, end elsewhere.
    """

    def __init__(self, *start):
        self.optimizer = hashlib.sha256(f"optimizer {start}".encode()).digest()
        self.weights = hashlib.sha256(f"weights {start}".encode()).digest()

    def train(self, *what):
        self.optimizer = hashlib.sha256(self.optimizer + f"{what}".encode()).digest()
        self.weights = hashlib.sha256(self.weights + self.optimizer).digest()


class Gates:
    """Places at which a test holds the program: stub_wait of a fresh run, stub_resumed_wait of one that went on.

    At stub_early it waits for another file, GATE-early, and says nothing: until what it saved was taken, or until it is
    stopped.
    """

    def __init__(self, options, is_resumed):
        self.gate = options.get("stub_gate")
        self.place = str(options.get("stub_resumed_wait" if is_resumed else "stub_wait", ""))
        self.early = str(options.get("stub_early", ""))

    def pass_by(self, place):
        if not self.gate:
            return
        if place == self.early:
            self.wait(self.gate + "-early")
        if place == self.place:
            print(f"waiting for {self.gate}", flush=True)
            self.wait(self.gate)

    @staticmethod
    def wait(path):
        while not os.path.exists(path):
            time.sleep(0.02)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


class Events:
    """A TensorBoard event file; flushed at every point, where real writers wait up to two minutes."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.file = open(f"{folder}/events.out.tfevents.{int(time.time())}.host.{os.getpid()}.0", "wb")
        self.write(b"\x1a" + self.text(b"brain.Event:2"))

    @staticmethod
    def text(data):
        return varint(len(data)) + data

    def write(self, fields):
        event = b"\x09" + struct.pack("<d", time.time()) + fields
        head = struct.pack("<Q", len(event))
        self.file.write(head + struct.pack("<I", masked(head)) + event + struct.pack("<I", masked(event)))
        self.file.flush()

    def scalar(self, tag, value, step):
        value = b"\x0a" + self.text(tag.encode()) + b"\x15" + struct.pack("<f", value)
        self.write(b"\x10" + varint(step) + b"\x2a" + self.text(b"\x0a" + self.text(value)))

    def image(self, tag, data, step):
        image = b"\x08\x08\x10\x08\x18\x03\x22" + self.text(data)
        value = b"\x0a" + self.text(tag.encode()) + b"\x22" + self.text(image)
        self.write(b"\x10" + varint(step) + b"\x2a" + self.text(b"\x0a" + self.text(value)))


def write_safetensors(path, tensors, metadata):
    header = {"__metadata__": metadata}
    data = b""
    for name, content in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(content)], "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    """Its metadata, and all that stands behind the header."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        return header.get("__metadata__", {}), file.read()


def torch_bytes(value):
    """An archive such as torch.save makes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(value))
        archive.writestr("archive/version", "3\n")
    return out.getvalue()


def torch_load(path):
    with zipfile.ZipFile(path) as archive:
        return pickle.loads(archive.read("archive/data.pkl"))


def read_events(path):
    """(tag, step, value) of every scalar of an event file of Events."""

    def number(data, at):
        result = shift = 0
        while True:
            result |= (data[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if data[at - 1] < 0x80:
                return result, at

    def fields(data):
        at = 0
        while at < len(data):
            key, at = number(data, at)
            if key & 7 == 0:
                value, at = number(data, at)
            elif key & 7 == 2:
                length, at = number(data, at)
                value, at = data[at:at + length], at + length
            else:
                size = 8 if key & 7 == 1 else 4
                value, at = data[at:at + size], at + size
            yield key >> 3, value

    with open(path, "rb") as file:
        data = file.read()
    found, at = [], 0
    while at + 12 <= len(data):
        length = struct.unpack_from("<Q", data, at)[0]
        event = dict(fields(data[at + 12:at + 12 + length]))
        at += length + 16
        for _, value in fields(event.get(5, b"")):
            parts = dict(fields(value))
            if 2 in parts:
                found.append((parts[1].decode(), event.get(2, 0), struct.unpack("<f", parts[2])[0]))
    return found


def png(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(png_bytes())


def png_bytes():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([y * 32, y * 32, 128]) * 8 for y in range(8))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
