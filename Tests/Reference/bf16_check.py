"""200 steps in bf16, held against torch's: `radiata model replay --precision bf16` beside a torch loop in f32 and one under
`torch.autocast("cpu", torch.bfloat16)`, all from the same LoRA, over the same batches.

    python3 bf16_check.py ../../.build/release/radiata [steps]

The U-Net is random, of Stable Diffusion's kind (widths 64 and 128, heads of 32 and 64, 16 × 16 latents, batches of 2); the
latents repeat, so that the loss falls. Wanted of the losses: ours in f32 are torch's in f32 to 2e-4 of the loss, and ours in bf16
are no farther from torch's in f32 than torch's own in bf16 are, at most and as the root of the mean square. How far the two in bf16
are from each other is printed: both round on their own, so about √2 of that is what to expect.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

radiata = pathlib.Path(sys.argv[1]).resolve()
STEPS = int(sys.argv[2]) if len(sys.argv) > 2 else 200
LAYERS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out", "conv1", "conv2"]
torch.manual_seed(3)
folder = pathlib.Path(tempfile.mkdtemp(prefix="bf16-"))

unet = UNet2DConditionModel(
    sample_size=16, in_channels=4, out_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), block_out_channels=(64, 128), layers_per_block=1,
    cross_attention_dim=64, attention_head_dim=2, norm_num_groups=16)
unet.save_pretrained(folder / "model" / "unet")
scheduler = DDIMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
    steps_offset=1)
scheduler.save_pretrained(folder / "model" / "scheduler")
alphas = scheduler.alphas_cumprod

# Smooth pictures, each with its own words.
pictures = torch.nn.functional.interpolate(torch.randn(8, 4, 4, 4), size=16, mode="bilinear") * 1.5
words = torch.randn(8, 12, 64)
batches = {}
for i in range(STEPS):
    chosen = torch.randint(0, 8, (2,))
    batches |= {
        f"latents.{i}": pictures[chosen], f"context.{i}": words[chosen], f"noise.{i}": torch.randn(2, 4, 16, 16),
        f"timesteps.{i}": torch.randint(0, 1000, (2,))}
save_file(batches, folder / "batches.safetensors")


def network():
    torch.manual_seed(4)
    base = UNet2DConditionModel.from_pretrained(folder / "model" / "unet").requires_grad_(False)
    return get_peft_model(base, LoraConfig(r=16, lora_alpha=16, target_modules=LAYERS, init_lora_weights="gaussian"))


network().save_pretrained(folder / "adapter")


def torch_losses(narrow):
    net = network()
    adamw = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-3, weight_decay=0.01)
    losses = []
    for i in range(STEPS):
        t, noise = batches[f"timesteps.{i}"], batches[f"noise.{i}"]
        a = alphas[t].view(-1, 1, 1, 1)
        noisy = a.sqrt() * batches[f"latents.{i}"] + (1 - a).sqrt() * noise
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            answer = net(noisy, t, encoder_hidden_states=batches[f"context.{i}"]).sample
        loss = ((answer.float() - noise) ** 2).mean()
        adamw.zero_grad()
        loss.backward()
        adamw.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)


def our_losses(precision):
    command = [
        radiata, "model", "replay", "--model", folder / "model", "--adapter", folder / "adapter", "--batches",
        folder / "batches.safetensors", "--lr", "1e-3", "--weight-decay", "0.01", "--precision", precision, "--format", "json"]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return torch.tensor(json.loads(out)["losses"], dtype=torch.float64)


print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads", flush=True)
theirs = {"f32": torch_losses(False), "bf16": torch_losses(True)}
ours = {precision: our_losses(precision) for precision in ("f32", "bf16")}


def apart(a, b):
    d = (a - b).abs()
    return d.max().item(), d.square().mean().sqrt().item()


print(f"loss from {theirs['f32'][:10].mean():.4f} to {theirs['f32'][-10:].mean():.4f} over {STEPS} steps")
spread, error = apart(theirs["bf16"], theirs["f32"]), apart(ours["bf16"], theirs["f32"])
for name, (most, root) in {
        "torch bf16 and torch f32": spread, "ours bf16 and torch f32": error,
        "ours bf16 and torch bf16": apart(ours["bf16"], theirs["bf16"]),
        "ours f32 and torch f32": apart(ours["f32"], theirs["f32"])}.items():
    print(f"{name}: at most {most:.2e}, root mean square {root:.2e}")
exact = ((ours["f32"] - theirs["f32"]).abs() / theirs["f32"]).max().item()
assert exact < 2e-4, f"f32 is off by {exact:.1e} of the loss"
assert error[0] <= spread[0] and error[1] <= spread[1], "bf16 is farther from f32 than torch's own"
