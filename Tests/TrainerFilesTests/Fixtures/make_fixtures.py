"""Files as real trackers write them, and what the trackers' own packages read in them.

    python3 Tests/TrainerFilesTests/Fixtures/make_fixtures.py

Needs torch, tensorboard, wandb and pillow. Writes beside itself:

- torch/        event files of torch.utils.tensorboard: scalars in both forms, an image, text, a histogram, a
                folder of add_scalars, a second file as after a restart
- tensors/      an event file of tensorboard's own writer: scalars as tensors of every type, images as tensors
- wandb/        the log of an offline run, with rows longer than a block
- loss_log.db   a SQLite file in WAL mode with the tables of ai-toolkit's logger, its WAL beside it
- expected.json what tensorboard's loader and wandb's messages hold of them
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import struct
import tempfile
import zlib

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DISABLE_GIT="true", WANDB_CONSOLE="off")

import numpy as np
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.image import metadata as image_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util
from torch.utils.tensorboard import SummaryWriter

HERE = pathlib.Path(__file__).parent
EXPECTED = {}


def steady_names(folder):
    """Names without the machine's: `events.out.tfevents.1700000000.host.N`, N by folder."""
    for number, path in enumerate(sorted(folder.rglob("events.out.tfevents.*"), key=lambda p: p.stat().st_mtime_ns)):
        path.rename(path.parent / f"events.out.tfevents.{1700000000 + number}.host.{number}")


def shown(value):
    return repr(float(value)) if np.isfinite(value) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(float(value))]


def scalars_of(folder):
    """What tensorboard's loader reads: every scalar, in the order of the files, of floats the shortest decimal."""
    points, images = [], []
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                if plugin == "scalars":
                    number = tensor_util.make_ndarray(value.tensor).item()
                    if value.tensor.dtype in (1, 14, 19):
                        number = float(str(np.float32(number)))
                    points.append([path.relative_to(folder).as_posix(), value.tag, event.step, shown(number)])
                elif plugin == "images":
                    pictures = list(value.tensor.string_val)[2:]
                    images += [[value.tag, event.step, hashlib.sha256(p).hexdigest()] for p in pictures]
    return {"scalars": points, "images": images}


def torch_files():
    folder = HERE / "torch"
    shutil.rmtree(folder, ignore_errors=True)
    writer = SummaryWriter(str(folder))
    for step in range(1, 21):
        writer.add_scalar("loss/current", 1 / step, step)
        writer.add_scalar("loss/average", 0.5 + 1 / (step + 2), step)
        if step % 5 == 0:
            # kohya's axis: the epoch, counted from 1.
            writer.add_scalar("loss/epoch_average", 0.1 * step, step // 5)
    writer.add_scalar("lr/unet", 1e-4, 20, new_style=True)
    writer.add_scalar("odd", float("nan"), 7)
    writer.add_scalar("odd", float("inf"), 8)
    writer.add_scalar("odd", float("-inf"), 9)
    gradient = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    writer.add_image("sample/cat", gradient, 10, dataformats="HWC")
    writer.add_text("config", "dim = 8", 0)
    writer.add_histogram("weights", np.linspace(-1, 1, 50), 3)
    writer.add_scalars("quality", {"train": 0.25, "val": 0.75}, 4)
    writer.close()
    # A restart writes another file, from an earlier step on.
    second = SummaryWriter(str(folder))
    for step in range(16, 25):
        second.add_scalar("loss/current", 2 / step, step)
    second.close()
    steady_names(folder)
    EXPECTED["torch"] = scalars_of(folder)


def tensor_files():
    folder = HERE / "tensors"
    shutil.rmtree(folder, ignore_errors=True)
    writer = EventFileWriter(str(folder))

    def add(tag, array, metadata, step):
        value = summary_pb2.Summary.Value(tag=tag, tensor=tensor_util.make_tensor_proto(array), metadata=metadata)
        writer.add_event(event_pb2.Event(wall_time=1.0, step=step, summary=summary_pb2.Summary(value=[value])))

    for step, kind in enumerate(["float32", "float64", "float16", "int32", "int64", "uint8", "bool"], 1):
        add(f"as/{kind}", np.array(1 if kind == "bool" else 3, dtype=kind), scalar_metadata.create_summary_metadata("", ""), step)
    add("as/fraction", np.array(-1e-7, dtype="float64"), scalar_metadata.create_summary_metadata("", ""), 2**33)
    add("as/zero", np.array(0, dtype="float32"), scalar_metadata.create_summary_metadata("", ""), 0)
    raw = summary_pb2.Summary.Value(tag="as/raw", metadata=scalar_metadata.create_summary_metadata("", ""))
    raw.tensor.dtype, raw.tensor.tensor_content = 2, np.array(0.1).tobytes()
    raw.tensor.tensor_shape.SetInParent()
    writer.add_event(event_pb2.Event(wall_time=1.0, step=5, summary=summary_pb2.Summary(value=[raw])))
    pictures = [(HERE / "pixel.png").read_bytes(), (HERE / "pixel.png").read_bytes()]
    metadata = image_metadata.create_summary_metadata("", "")
    add("drawn", np.array([b"1", b"1", *pictures], dtype=object), metadata, 6)
    add("vector", np.array([1.0, 2.0]), scalar_metadata.create_summary_metadata("", ""), 1)
    writer.close()
    steady_names(folder)
    found = scalars_of_tensors(folder)
    EXPECTED["tensors"] = found


def scalars_of_tensors(folder):
    """As above, without the vector, which is no scalar."""
    points, images = [], []
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                array = tensor_util.make_ndarray(value.tensor)
                if value.metadata.plugin_data.plugin_name == "images":
                    images += [[value.tag, event.step, hashlib.sha256(p).hexdigest()] for p in list(array)[2:]]
                elif array.ndim == 0:
                    points.append([path.name, value.tag, event.step, shown(array.item())])
    return {"scalars": points, "images": images}


def wandb_file():
    import wandb
    from wandb.proto import wandb_internal_pb2

    target = HERE / "wandb"
    shutil.rmtree(target, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = wandb.Settings(
            mode="offline", host="host", username="user", email="", program="train.py", program_relpath="train.py",
            root_dir=folder, x_disable_stats=True, x_disable_meta=True, disable_git=True, save_code=False,
            disable_job_creation=True, silent=True, console="off", run_id="fixture1", run_name="fixture", project="p",
            x_save_requirements=False)
        run = wandb.init(settings=settings, config={"lr": 1e-4})
        for step in range(30):
            run.log({"loss": 1 / (step + 1), "lr": 1e-4, "trainer/global_step": step * 10})
        run.log({"loss": float("nan"), "best": float("inf")})
        run.log({"loss": 0.125, "nested": {"deep": {"a": 1, "b": -2.5}}, "word": "text"})
        # Longer than a block of 32 KiB.
        run.log({f"wide/{index:05}": index / 8 for index in range(1500)})
        run.log({"loss": 0.0625}, step=99)
        run.finish()
        (path,) = pathlib.Path(folder).rglob("*.wandb")
        target.mkdir()
        shutil.copy(path, target / "run-fixture1.wandb")
    points = []
    for data in wandb_records((target / "run-fixture1.wandb").read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") != "history":
            continue
        row = {}
        for item in record.history.item:
            row[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
        step = row.get("_step", record.history.step.num)
        for key, value in row.items():
            for name, number in flat(key, value):
                points.append([name, step, number])
    EXPECTED["wandb"] = {"scalars": points}


def wandb_records(data):
    """The framing, with Python's own CRC; wandb's packages read its logs in Go only."""
    assert data[:6] == b":W&B\xe1\xbe"
    place, record = 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        checksum, length, kind = struct.unpack_from("<IHB", data, place)
        content = data[place + 7:place + 7 + length]
        assert zlib.crc32(bytes([kind]) + content) == checksum
        record = content if kind in (1, 2) else record + content
        if kind in (1, 4):
            yield record
        place += 7 + length


def flat(key, value):
    if key.startswith("_"):
        return
    if isinstance(value, dict) and "_type" not in value:
        for inner, part in value.items():
            yield from flat(f"{key}.{inner}", part)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield key, shown(value)
    elif value in ("NaN", "Infinity", "-Infinity"):
        yield key, value


def sqlite_file():
    """ai-toolkit's toolkit/logging_aitk.py: WAL, three tables, a value as a number or as text, NaN as NULL."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "loss_log.db")
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA foreign_keys=ON")
        database.execute("BEGIN")
        database.execute("CREATE TABLE steps (step INTEGER PRIMARY KEY, wall_time REAL NOT NULL)")
        database.execute("CREATE TABLE metric_keys (key TEXT PRIMARY KEY, first_seen_step INTEGER, last_seen_step INTEGER)")
        database.execute(
            "CREATE TABLE metrics (step INTEGER NOT NULL, key TEXT NOT NULL, value_real REAL, value_text TEXT, "
            "PRIMARY KEY (step, key), FOREIGN KEY (step) REFERENCES steps(step) ON DELETE CASCADE)")
        rows = []
        for step in range(10):
            database.execute("INSERT INTO steps VALUES (?, 0)", (step,))
            loss = float("nan") if step == 9 else 1 / (step + 1)
            for key, value, text in [("loss/loss", loss, None), ("learning_rate", 1e-4, None), ("note", None, "warm")]:
                database.execute("INSERT INTO metrics VALUES (?, ?, ?, ?)", (step, key, value, text))
                if text is None:
                    rows.append([key, step, shown(value)])
        database.execute("COMMIT")
        # Copied while it is open: what a trainer that was killed leaves.
        for suffix in ("", "-wal"):
            shutil.copy(path + suffix, HERE / ("loss_log.db" + suffix))
        database.close()
    EXPECTED["sqlite"] = {"scalars": rows}


def pixel():
    from PIL import Image
    Image.new("RGB", (1, 1), (200, 30, 60)).save(HERE / "pixel.png")


pixel()
torch_files()
tensor_files()
wandb_file()
sqlite_file()
(HERE / "expected.json").write_text(json.dumps(EXPECTED, indent=0) + "\n")
for path in sorted(HERE.rglob("*")):
    if path.is_file() and re.search(rb"/(tmp|srv|root|home|work)/", path.read_bytes()) and path.suffix != ".py":
        print(f"{path.name} names a folder of this machine")
