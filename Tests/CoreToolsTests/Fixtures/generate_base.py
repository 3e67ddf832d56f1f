"""Draws with diffusers' own StableDiffusionPipeline on the embedded base, for CoreToolsTests.

python3 generate_base.py
"""

import json
import pathlib

import torch
from PIL import Image
from diffusers import StableDiffusionPipeline
from diffusers.utils.logging import disable_progress_bar
from safetensors.torch import save_file

root = pathlib.Path(__file__).resolve().parents[3]
base = root / "sweeps" / "base" / "emoji-64"
# Guidance of 1 and less means none, there as here.
CASES = [
    dict(name="guided", prompt="red heart", negative="", steps=20, guidance=3.0),
    dict(name="negative", prompt="cat face", negative="red heart", steps=8, guidance=2.0),
    dict(name="plain", prompt="green apple", negative="", steps=8, guidance=1.0),
    dict(name="below", prompt="green apple", negative="", steps=8, guidance=0.5),
]


def draw(latents, prompt, negative, steps, guidance, folder=base):
    """Pictures [N, h, w, 3] of 0 to 255, one for each of the latents."""
    disable_progress_bar()
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    count = len(latents)
    images = pipeline(
        [prompt] * count, negative_prompt=[negative] * count if negative else None, latents=latents,
        num_inference_steps=steps, guidance_scale=guidance, output_type="np").images
    return (images * 255).round().astype("uint8")


if __name__ == "__main__":
    out = pathlib.Path(__file__).parent / "embedded-base"
    out.mkdir(exist_ok=True)
    torch.manual_seed(41)
    latents = torch.randn(2, 4, 16, 16)
    save_file({"latents": latents}, out / "latents.safetensors")
    for case in CASES:
        options = {key: value for key, value in case.items() if key != "name"}
        for index, image in enumerate(draw(latents, **options)):
            Image.fromarray(image).save(out / f"{case['name']}-{index}.png", optimize=True)
    (out / "cases.json").write_text(json.dumps(CASES, indent=1) + "\n")
