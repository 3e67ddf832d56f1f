"""Holds a full-size random Stable Diffusion 1.5 U-Net against diffusers, once: too large for the test suite.

    python3 full_size_check.py ../../.build/release/radiata /tmp/large [--threads 2]

diffusers writes the model as f16 (1.7 GB in the given folder, removed at the end) and runs the same file as f32. Wanted:
1e-5 of the largest value, for a square and an odd latent, batches with different timesteps, and inputs scaled by 0.01.
"""

import argparse
import pathlib
import shutil
import subprocess
import time

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--threads", default="2")
arguments = parser.parse_args()
folder = arguments.folder / "sd15-unet"
torch.manual_seed(0)
torch.set_num_threads(int(arguments.threads))

unet = UNet2DConditionModel(
    sample_size=64, in_channels=4, out_channels=4, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2,
    cross_attention_dim=768, attention_head_dim=8,
    down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
)
with torch.no_grad():
    for name, weight in unet.named_parameters():
        if "norm" in name:
            weight.add_(0.1 * torch.randn_like(weight))
unet.half().save_pretrained(folder)
del unet
cases = {
    "32x32, batch 1": (torch.randn(1, 4, 32, 32), torch.tensor([481]), torch.randn(1, 77, 768)),
    "19x27, batch 2": (torch.randn(2, 4, 19, 27), torch.tensor([3, 950]), torch.randn(2, 77, 768)),
    "16x16, times 0.01": (0.01 * torch.randn(1, 4, 16, 16), torch.tensor([20]), 0.01 * torch.randn(1, 77, 768)),
}
unet = UNet2DConditionModel.from_pretrained(folder, torch_dtype=torch.float32).eval()
wanted = {}
with torch.no_grad():
    for case, (sample, timestep, context) in cases.items():
        wanted[case] = unet(sample, timestep, context).sample
del unet
worst = 0
for number, (case, (sample, timestep, context)) in enumerate(cases.items()):
    inputs, outputs = arguments.folder / f"in-{number}.safetensors", arguments.folder / f"out-{number}.safetensors"
    save_file({"sample": sample, "timestep": timestep, "encoder_hidden_states": context}, inputs)
    start = time.time()
    subprocess.run(
        ["/usr/bin/time", "-f", "%M KB resident, %e s", arguments.radiata, "model", "run", "--model", folder, "--component",
         "unet", "--inputs", inputs, "--out", outputs, "--threads", arguments.threads], check=True)
    found = load_file(outputs)["sample"]
    distance = float((found - wanted[case]).abs().max() / wanted[case].abs().max())
    worst = max(worst, distance)
    print(f"{case}: {distance:.2e} of the largest value ({float(wanted[case].abs().max()):.3g}), {time.time() - start:.1f} s", flush=True)
    inputs.unlink()
    outputs.unlink()
shutil.rmtree(folder)
print("worst", f"{worst:.2e}", "of", 1e-5)
assert worst < 1e-5
