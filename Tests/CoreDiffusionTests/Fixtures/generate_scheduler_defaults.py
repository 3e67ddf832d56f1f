"""Dumps what scheduler files that leave keys out mean to diffusers' class of that name, for CoreDiffusionTests.

python3 generate_scheduler_defaults.py

Each case is a file with a class's name and few keys. The class itself says ᾱ and the defaults; the path is DDIMScheduler's
with these, where the class has no `clip_sample` without clipping.
"""

import inspect
import json
import pathlib

import diffusers
import torch
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent / "scheduler-defaults"
STEPS = 4
CASES = [
    ("DDIMScheduler", {}), ("DDIMScheduler", {"clip_sample": False}), ("DDIMScheduler", {"clip_sample_range": 0.7}),
    ("DDIMScheduler", {"set_alpha_to_one": False, "steps_offset": 1}),
    ("DDIMScheduler", {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}),
    ("DDIMScheduler", {"prediction_type": "sample", "beta_schedule": "squaredcos_cap_v2"}),
    ("DDPMScheduler", {}), ("DDPMScheduler", {"clip_sample": False, "beta_schedule": "scaled_linear"}),
    ("DDIMParallelScheduler", {}), ("DDPMParallelScheduler", {}), ("PNDMScheduler", {}),
    ("PNDMScheduler", {"set_alpha_to_one": True}), ("EulerDiscreteScheduler", {}), ("EulerAncestralDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", {}), ("KDPM2DiscreteScheduler", {}), ("KDPM2AncestralDiscreteScheduler", {}),
    ("DPMSolverMultistepScheduler", {}), ("DPMSolverSinglestepScheduler", {}), ("DEISMultistepScheduler", {}),
    ("UniPCMultistepScheduler", {}), ("LCMScheduler", {}), ("TCDScheduler", {}),
]
torch.manual_seed(77)
out, cases = {}, []
here.mkdir(exist_ok=True)
for number, (name, keys) in enumerate(CASES):
    kind = getattr(diffusers, name)
    keys = {"num_train_timesteps": 40, **keys}
    scheduler = kind(**keys)
    own = {key: value.default for key, value in inspect.signature(kind.__init__).parameters.items()} | keys
    ddim = diffusers.DDIMScheduler(
        trained_betas=None, clip_sample=own.get("clip_sample", False), clip_sample_range=own.get("clip_sample_range", 1.0),
        set_alpha_to_one=own.get("set_alpha_to_one", True), rescale_betas_zero_snr=own.get("rescale_betas_zero_snr", False),
        steps_offset=own.get("steps_offset", 0), timestep_spacing=keys.get("timestep_spacing", "leading"),
        **{key: own[key] for key in ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type")})
    assert torch.equal(ddim.alphas_cumprod, scheduler.alphas_cumprod), name
    out[f"{number}.alphas"] = scheduler.alphas_cumprod
    ddim.set_timesteps(STEPS)
    latents = out[f"{number}.start"] = torch.randn(1, 2, 2, 2)
    for index, time in enumerate(ddim.timesteps):
        # Small answers, so that some pictures without noise lie inside the range and some outside.
        answer = out[f"{number}.answer.{index}"] = 0.7 * torch.randn(1, 2, 2, 2)
        latents = ddim.step(answer, time, latents).prev_sample
    out[f"{number}.end"] = latents
    cases.append({"class": name, "steps": STEPS, "file": json.dumps({"_class_name": name, **keys})})
save_file({key: value.contiguous() for key, value in out.items()}, here / "cases.safetensors")
(here / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
