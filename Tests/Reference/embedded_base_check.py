"""Draws on the embedded base with `radiata sample` and with diffusers' StableDiffusionPipeline, from the same noise.

    python3 embedded_base_check.py ../../.build/release/radiata [--seed 1]

Wanted: every value of every picture within one level of 255.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from PIL import Image
from safetensors.torch import save_file

tests = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(tests / "CoreToolsTests" / "Fixtures"))
from generate_base import CASES, base, draw  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
torch.manual_seed(arguments.seed)
worst = 0
with tempfile.TemporaryDirectory() as folder:
    for case in CASES:
        latents = torch.randn(2, 4, 16, 16)
        save_file({"latents": latents}, f"{folder}/latents.safetensors")
        options = {key: value for key, value in case.items() if key != "name"}
        wanted = draw(latents, **options)
        command = [
            arguments.radiata, "sample", "--base", base, "--prompt", case["prompt"], "--negative", case["negative"],
            "--steps", case["steps"], "--guidance", case["guidance"], "--latents", f"{folder}/latents.safetensors",
            "--out", f"{folder}/out"]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        for index in range(2):
            found = numpy.asarray(Image.open(f"{folder}/out/latents-{index}.png").convert("RGB"))
            away = int(numpy.abs(found.astype(int) - wanted[index].astype(int)).max())
            worst = max(worst, away)
            print(f"{case['name']:10} {index}: at most {away} levels away")
print("embedded base against diffusers:", "passed" if worst <= 1 else "FAILED")
sys.exit(worst > 1)
