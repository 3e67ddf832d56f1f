"""Files that appear whole: made under another name, synced, and renamed."""

import json
import os
import shutil

import torch
from safetensors.torch import save_file


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def save_adapter(path, tensors, metadata):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{os.path.dirname(path)}/.{os.path.basename(path)}.tmp"
    plain = {key: value.detach().to("cpu", torch.float32).contiguous().clone() for key, value in tensors.items()}
    save_file(plain, temporary, {key: str(value) for key, value in metadata.items()})
    sync(temporary)
    os.replace(temporary, path)
    sync(os.path.dirname(path))


def save_state(folder, step, tensors, facts, keep=2):
    """`folder`/step-N, with state.json written last; older ones but `keep` are removed."""
    target = f"{folder}/step-{step:08d}"
    temporary = f"{folder}/.step-{step:08d}"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary)
    torch.save(tensors, f"{temporary}/training.pt")
    sync(f"{temporary}/training.pt")
    with open(f"{temporary}/state.json", "w") as file:
        json.dump(facts, file)
    sync(f"{temporary}/state.json")
    shutil.rmtree(target, ignore_errors=True)
    os.rename(temporary, target)
    sync(folder)
    for old in sorted(name for name in os.listdir(folder) if name.startswith("step-"))[:-keep]:
        shutil.rmtree(f"{folder}/{old}")


def load_state(folder):
    with open(f"{folder}/state.json") as file:
        facts = json.load(file)
    return facts, torch.load(f"{folder}/training.pt", map_location="cpu", weights_only=True)


class Metrics:
    """One JSON object a line, flushed."""

    def __init__(self, path):
        self.file = open(path, "a")

    def write(self, **values):
        print(json.dumps(values), file=self.file, flush=True)
