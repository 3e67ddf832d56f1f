"""Dumps what torch's optimisers, schedules and gradient clipping do, for CoreNetsTests.

Run it with torch, diffusers and safetensors installed: python3 generate.py
"""

import pathlib

import torch
from diffusers.optimization import get_scheduler
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
torch.manual_seed(1)
out = {}


def adamw(name, betas, decay, eps):
    """Ten steps of two groups with different rates and decays; a falling schedule factor."""
    first, second = torch.randn(5, 3), torch.randn(70)
    for key, value in (("first", first), ("second", second)):
        out[f"{name}.{key}.start"] = value.clone()
    a, b = torch.nn.Parameter(first), torch.nn.Parameter(second)
    optimizer = torch.optim.AdamW(
        [
            {"params": [a], "lr": 3e-2, "weight_decay": decay},
            {"params": [b], "lr": 1e-3, "weight_decay": 0.0},
        ],
        betas=betas,
        eps=eps,
    )
    for step in range(10):
        factor = 1 - 0.05 * step
        optimizer.param_groups[0]["lr"] = 3e-2 * factor
        optimizer.param_groups[1]["lr"] = 1e-3 * factor
        a.grad, b.grad = torch.randn(5, 3), torch.randn(70) * 1e-3
        out[f"{name}.first.gradient.{step}"], out[f"{name}.second.gradient.{step}"] = a.grad.clone(), b.grad.clone()
        optimizer.step()
    out[f"{name}.first.end"], out[f"{name}.second.end"] = a.detach().clone(), b.detach().clone()
    out[f"{name}.first.exp_avg_sq"] = optimizer.state[a]["exp_avg_sq"]


adamw("adamw.plain", (0.9, 0.999), 0.5, 1e-8)
adamw("adamw.paper", (0.9, 0.99), 0.1, 1e-8)
adamw("adamw.coarse", (0.8, 0.9), 0.01, 1e-3)

p, q = torch.nn.Parameter(torch.zeros(4, 5)), torch.nn.Parameter(torch.zeros(9))
p.grad, q.grad = torch.randn(4, 5), torch.randn(9)
out["clip.p"], out["clip.q"] = p.grad.clone(), q.grad.clone()
out["clip.norm"] = torch.nn.utils.clip_grad_norm_([p, q], 1.5).reshape(1)
out["clip.p.clipped"], out["clip.q.clipped"] = p.grad.clone(), q.grad.clone()

for name in ("constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts"):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = get_scheduler(name, optimizer, num_warmup_steps=7, num_training_steps=40, num_cycles=3)
    factors = []
    for _ in range(45):
        factors.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    out["schedule." + name] = torch.tensor(factors)

save_file({key: value.contiguous() for key, value in out.items()}, here / "reference.safetensors")
