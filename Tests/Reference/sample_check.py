"""Draws with `radiata sample` from a picture, a mask and two adapters, and reads the files with Pillow as other programs do.

    python3 sample_check.py ../../.build/release/radiata     (numpy, pillow)

Wanted: settings as A1111's reader finds them, hashes as hashlib has them, a ComfyUI graph whose links all lead somewhere, and
the picture's own pixels outside the mask.
"""

import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

import numpy
from PIL import Image

tests = pathlib.Path(__file__).resolve().parent.parent
base = tests / "CoreDiffusionTests" / "Fixtures" / "pipeline-xl"
adapter = tests / "CoreAdaptersTests" / "Fixtures" / "adapter-xl_lora.safetensors"
PROMPT, NEGATIVE = "a red, old: \"heart\"\nand a caf\u00e9", "blue"
# How A1111 takes the last line apart.
PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')


def settings(text):
    *lines, last = text.strip().split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("Negative prompt:"))
    found = {"prompt": "\n".join(lines[:place]), "negative": "\n".join(lines[place:]).removeprefix("Negative prompt: ")}
    for key, value in PAIR.findall(last):
        found[key] = json.loads(value) if value.startswith('"') else value
    return found


def behind_header(path):
    content = path.read_bytes()
    return hashlib.sha256(content[8 + struct.unpack("<Q", content[:8])[0]:]).hexdigest()


def check_graph(graph):
    for number, node in graph.items():
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                assert value[0] in graph and isinstance(value[1], int), f"{number}.{name}: {value}"
    kinds = {}
    for node in graph.values():
        kinds.setdefault(node["class_type"], []).append(node["inputs"])
    sampler, = kinds["KSampler"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"], sampler["denoise"]) == (6, 4, 3, 0.75), sampler
    assert sampler["sampler_name"] == "dpmpp_2m"
    assert graph[sampler["positive"][0]]["inputs"]["text"] == PROMPT
    assert graph[sampler["negative"][0]]["inputs"]["text"] == NEGATIVE
    assert [node["strength_model"] for node in kinds["LoraLoader"]] == [0.5, 0.25]
    assert all(node["lora_name"] == adapter.name for node in kinds["LoraLoader"])
    # The sampler's latents are the masked picture, its model the one with both adapters.
    assert graph[sampler["latent_image"][0]]["class_type"] == "SetLatentNoiseMask"
    loader = graph[sampler["model"][0]]
    assert graph[loader["inputs"]["model"][0]]["class_type"] == "LoraLoader"


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    generator = numpy.random.default_rng(1)
    picture = generator.integers(0, 256, (16, 8, 3), dtype=numpy.uint8)
    mask = generator.integers(0, 2, (16, 8), dtype=numpy.uint8) * 255
    Image.fromarray(picture).save(folder / "picture.png")
    Image.fromarray(mask).save(folder / "mask.png")
    command = [
        sys.argv[1], "sample", "--base", base, "--adapter", f"{adapter}:0.5", "--adapter", f"{adapter}:0.25@0.5-1",
        "--prompt", PROMPT, "--negative", NEGATIVE, "--sampler", "dpm++2m", "--steps", 4, "--guidance", 3, "--seed", 5,
        "--images", 2, "--image", folder / "picture.png", "--mask", folder / "mask.png", "--strength", 0.75,
        "--keep-unmasked", "--out", folder / "out"]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    image = Image.open(folder / "out" / "seed-6.png")
    image.load()
    pixels = numpy.asarray(image.convert("RGB"))
    assert (pixels[mask == 0] == picture[mask == 0]).all() and (pixels[mask == 255] != picture[mask == 255]).any()
    found = settings(image.text["parameters"])
    wanted = {
        "prompt": f"{PROMPT} <lora:{adapter.stem}:0.5> <lora:{adapter.stem}:0.25>", "negative": NEGATIVE, "Steps": "4",
        "Sampler": "DPM++ 2M", "CFG scale": "3", "Seed": "6", "Size": "8x16", "Model": "pipeline-xl",
        "Denoising strength": "0.75", "Lora hashes": f"{adapter.stem}: {behind_header(adapter)[:12]}",
        "Lora schedules": f"{adapter.stem}: 0.25@0.5-1.0"}
    assert found == wanted, (found, wanted)
    check_graph(json.loads(image.text["prompt"]))
print("texts and pixels of samples: passed")
