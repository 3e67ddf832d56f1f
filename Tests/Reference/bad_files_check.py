"""Times `radiata model run` on damaged weight files: each must end with a clear error within a second and little memory.

    python3 bad_files_check.py ../../.build/release/radiata
"""

import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file

radiata = sys.argv[1]
source = pathlib.Path(__file__).parent.parent / "CoreDiffusionTests" / "Fixtures" / "unet"
weights = source / "diffusion_pytorch_model.safetensors"
raw = weights.read_bytes()
length = struct.unpack("<Q", raw[:8])[0]
header = json.loads(raw[8:8 + length])
data = raw[8 + length:]


def rebuilt(change):
    changed = json.loads(json.dumps(header))
    change(changed)
    text = json.dumps(changed).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensors(change):
    def write(path):
        state = load_file(weights)
        change(state)
        save_file(state, path)
    return write


def nan(state):
    state["conv_out.weight"][1, 2, 0, 0] = float("nan")


def huge(path):
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", 2_000_000_000) + b"{")
        file.truncate(2_100_000_000)


def offsets(changed):
    changed["conv_in.bias"]["data_offsets"] = changed["conv_norm_out.bias"]["data_offsets"]


cases = {
    "header longer than the file": struct.pack("<Q", len(raw) + 5) + raw[8:],
    "2 GB header, short file": struct.pack("<Q", 2_000_000_000) + raw[8:],
    "2 GB header, 2.1 GB file": huge,
    "overlapping offsets": rebuilt(offsets),
    "unknown dtype": rebuilt(lambda h: h["conv_in.bias"].update(dtype="F12")),
    "dtype of another size": rebuilt(lambda h: h["conv_in.bias"].update(dtype="F32")),
    "weight of integers": tensors(lambda s: s.update({"conv_in.bias": torch.ones(16, dtype=torch.int64)})),
    "NaN weight": tensors(nan),
    "missing tensor": tensors(lambda s: s.pop("mid_block.resnets.0.conv1.weight")),
    "superfluous tensor": tensors(lambda s: s.update(extra=torch.ones(3))),
    "wrong shape": tensors(lambda s: s.update({"conv_in.bias": torch.ones(17)})),
    "cut in half": raw[:len(raw) // 2],
    "empty": b"",
    "not safetensors": b"PK\x03\x04" + raw[:1000],
    "deep nesting": struct.pack("<Q", 2_000_000) + b"[" * 2_000_000,
    "width of a billion": "config",
}
failed = 0
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    save_file({"sample": torch.zeros(1, 4, 8, 8), "timestep": torch.tensor([1]), "encoder_hidden_states": torch.zeros(1, 5, 12)},
              folder / "in.safetensors")
    for case, content in cases.items():
        model = folder / "model"
        shutil.rmtree(model, ignore_errors=True)
        model.mkdir()
        config = json.loads((source / "config.json").read_text())
        if content == "config":
            config["block_out_channels"] = [10**9, 10**9]
            content = raw
        (model / "config.json").write_text(json.dumps(config))
        path = model / "diffusion_pytorch_model.safetensors"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
        ended = subprocess.run(
            ["/usr/bin/time", "-f", "%M %U %S %e", radiata, "model", "run", "--model", model, "--component", "unet", "--inputs",
             folder / "in.safetensors", "--out", folder / "out.safetensors"], capture_output=True, text=True)
        lines = ended.stderr.strip().split("\n")
        kilobytes, user, system, wall = map(float, lines[-1].split())
        message = re.sub(r"/\S*/", "", " ".join(lines[:-1]).replace("Command exited with non-zero status 1", ""))
        good = ended.returncode == 1 and user + system < 1 and kilobytes < 200_000 and "radiata: " in message
        failed += not good
        print(f"{'ok ' if good else 'BAD'} {case:28} {kilobytes / 1000:5.0f} MB  {user + system:4.2f} s  {message.strip()[:110]}")
sys.exit(failed > 0)
