"""A run of `radiata train --dump-batches` made again by a plain torch loop and by `radiata model replay`.

    python3 dump_check.py ../../.build/release/radiata

The torch loop reads the dump and the first adapter and applies docs/explanation/numerics.md; it knows nothing else of the run. Noise,
timesteps and the order of the pictures come a second time from the numpy streams of Tests/CoreTensorTests/Fixtures. Two
jobs: one batch a step, and steps of two batches whose last one of an epoch has one.

The loop runs in f64. AdamW divides a gradient by its own size, so rounding turns single numbers whose gradient is near 0 far
more than all others. Wanted: over all numbers the root of the mean square distance is below 0.3 % of that of the way they
moved; the worst number is no further off than a torch loop's in f32 whose 3×3 convolutions are off by 3e-7 of their largest
value (the Winograd kernels are allowed 1e-6); noise to 1e-6.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "Tests" / "CoreTensorTests" / "Fixtures"))
from random_streams import noise, timesteps  # noqa: E402

radiata = pathlib.Path(sys.argv[1]).resolve()
base = root / "sweeps" / "base" / "emoji-64"
JOB = """name: dump
base: {base}
data: {data}
seeds: [{seed}]
groups:
  - list:
      - {{ algorithm: lora, layers: attn-only, dim: 4, alpha: 2, lr: 2e-3, text_encoder_lr: 0, batch: {batch}, epochs: 2,
           grad_accumulation: {accumulation}, schedule: linear, warmup_steps: 2, max_grad_norm: {norm} }}
"""
failed = False


def verdict(good, text):
    global failed
    print(("ok      " if good else "FAILED  ") + text)
    failed |= not good


def rate(step, total, warmup=2):
    """docs/explanation/numerics.md: linear with warm-up, for the update after `step` are done."""
    return step / warmup if step < warmup else max(0.0, (total - step) / max(1, total - warmup))


def jittered(unet, size):
    """Makes every 3×3 convolution and its gradients wrong by about `size` of the largest value."""
    def off(x):
        return x + size * x.abs().max() * torch.randn_like(x)

    torch.manual_seed(5)
    for module in unet.modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3):
            module.register_forward_hook(lambda _, inputs, output: off(output))
            module.register_full_backward_hook(
                lambda _, inputs, outputs: tuple(g if g is None else off(g) for g in inputs))


def train(dump, adapter, norm, lr=2e-3, scale=0.5, dtype=torch.float64, jitter=0.0):
    """A loop as anyone would write it: LoRA on the linear layers that the file names."""
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=dtype).requires_grad_(False)
    if jitter:
        jittered(unet, jitter)
    weights = {name: tensor.to(dtype).clone().requires_grad_(not name.endswith("alpha"))
               for name, tensor in adapter.items()}
    dump = {key: value.to(dtype) if value.is_floating_point() else value for key, value in dump.items()}
    for path, module in unet.named_modules():
        name = "lora_unet_" + path.replace(".", "_")
        if name + ".lora_down.weight" in weights:
            down, up = weights[name + ".lora_down.weight"], weights[name + ".lora_up.weight"]
            module.register_forward_hook(
                lambda _, inputs, output, down=down, up=up: output + scale * inputs[0] @ down.T @ up.T)
    trained = [tensor for tensor in weights.values() if tensor.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    alphas = torch.cumprod(1 - torch.linspace(0.0001, 0.02, 1000, dtype=dtype), 0)
    count = sum(name.startswith("latents.") for name in dump)
    steps = [int(dump[f"step.{index}"]) for index in range(count)]
    for step in sorted(set(steps)):
        optimiser.zero_grad()
        own = [index for index in range(count) if steps[index] == step]
        for index in own:
            clean, added, times = (dump[f"{key}.{index}"] for key in ("latents", "noise", "timesteps"))
            signal, spread = (value.sqrt().view(-1, 1, 1, 1) for value in (alphas[times], 1 - alphas[times]))
            answer = unet(signal * clean + spread * added, times, dump[f"context.{index}"]).sample
            (torch.nn.functional.mse_loss(answer, signal * added - spread * clean) / len(own)).backward()
        if norm:
            torch.nn.utils.clip_grad_norm_(trained, norm)
        for group in optimiser.param_groups:
            group["lr"] = lr * rate(step, max(steps) + 1)
        optimiser.step()
    return {name: tensor.detach() for name, tensor in weights.items()}


def trained_names(adapter):
    return [name for name in adapter if not name.endswith("alpha")]


def furthest(found, wanted, start, rounding=0.0):
    """The largest distance between two adapters, as a share of how far the tensor moved."""
    worst = 0.0
    for name in trained_names(wanted):
        tensor = wanted[name]
        moved = (tensor - start[name]).abs().max().item()
        away = (found[name].double() - tensor).abs().max().item() - rounding * tensor.abs().max().item()
        worst = max(worst, away / max(moved, 1e-12))
    return worst


def overall(found, wanted, start):
    """Root mean square of the distance, as a share of that of the way moved."""
    def square(a, b):
        return sum((a[name].double() - b[name].double()).square().sum().item() for name in trained_names(wanted))

    return (square(found, wanted) / square(wanted, start)) ** 0.5


for name, accumulation, batch, norm, seed in [("plain", 1, 4, 1.0, 11), ("accumulated", 2, 5, 0.05, 12)]:
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        (place / "job.yaml").write_text(JOB.format(
            base=base, data=root / "data" / "quickstart", seed=seed, batch=batch, accumulation=accumulation, norm=norm))
        command = [radiata, "train", place / "job.yaml", "--out", place / "out", "--dump-batches", place / "seen.safetensors"]
        subprocess.run([str(part) for part in command], check=True, capture_output=True)
        dump, start = load_file(place / "seen.safetensors"), load_file(place / "seen.adapter.safetensors")
        count = sum(key.startswith("latents.") for key in dump)
        away = 0.0
        for index in range(count):
            size, channels, height, width = dump[f"noise.{index}"].shape
            expected = noise(seed, index, size, height, width, channels)
            away = max(away, numpy.abs(expected - dump[f"noise.{index}"].numpy()).max())
            assert timesteps(seed, index, size) == dump[f"timesteps.{index}"].tolist(), f"timesteps of batch {index}"
        verdict(away < 1e-6, f"{name}: timesteps and noise of {count} batches, from docs alone: {away:.1e}")
        kept = sorted((place / "out" / "checkpoints").iterdir())[-1]
        found, wanted = load_file(kept / "adapter.safetensors"), train(dump, start, norm)
        share = overall(found, wanted, start)
        verdict(share < 3e-3, f"{name}: the job's adapter against a torch loop in f64: {share:.1e} of the way, over all numbers")
        rounded = train(dump, start, norm, dtype=torch.float32, jitter=3e-7)
        worst, allowed = furthest(found, wanted, start, rounding=2.0**-11), furthest(rounded, wanted, start)
        verdict(worst < allowed, f"{name}: its worst number {worst:.1e} of the way, torch with 3e-7 of rounding {allowed:.1e}")
        losses = [json.loads(line).get("loss") for line in (place / "out" / "metrics.jsonl").read_text().splitlines()]
        losses = [loss for loss in losses if loss is not None]
        verdict(len(losses) == len({int(dump[f'step.{i}']) for i in range(count)}), f"{name}: {len(losses)} optimiser steps")
sys.exit(failed)
