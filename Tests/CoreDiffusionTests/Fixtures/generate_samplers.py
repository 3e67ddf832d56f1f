"""Dumps whole paths of diffusers' Euler and DPM++ 2M schedulers over given predictions, for CoreDiffusionTests.

python3 generate_samplers.py
"""

import json
import pathlib

import torch
from diffusers import DPMSolverMultistepScheduler, EulerDiscreteScheduler
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent / "samplers"
common = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
variants = [
    ("leading", dict(timestep_spacing="leading", steps_offset=1), 5),
    ("linspace", dict(timestep_spacing="linspace"), 6),
    ("trailing", dict(timestep_spacing="trailing", prediction_type="v_prediction"), 7),
    ("default", dict(prediction_type="v_prediction"), 4),
    ("sample", dict(timestep_spacing="leading", prediction_type="sample"), 4),
    ("terminal", dict(timestep_spacing="trailing", prediction_type="v_prediction", rescale_betas_zero_snr=True), 5),
    ("one", dict(timestep_spacing="leading", steps_offset=1), 1),
    ("many", dict(timestep_spacing="linspace"), 20),
]
torch.manual_seed(31)
out, cases = {}, []
for kind, cls in (("euler", EulerDiscreteScheduler), ("dpm++2m", DPMSolverMultistepScheduler)):
    for name, changes, steps in variants:
        scheduler = cls(**(common | changes))
        scheduler.set_timesteps(steps)
        case = f"{kind}.{name}"
        noise = torch.randn(1, 2, 2, 2)
        latents = noise * scheduler.init_noise_sigma
        out[case + ".start"] = noise
        for i, t in enumerate(scheduler.timesteps):
            prediction = torch.randn(1, 2, 2, 2)
            out[f"{case}.input.{i}"] = scheduler.scale_model_input(latents, t)
            out[f"{case}.prediction.{i}"] = prediction
            latents = scheduler.step(prediction, t, latents).prev_sample
        out[case + ".end"] = latents
        folder = here / case
        folder.mkdir(parents=True, exist_ok=True)
        config = dict(scheduler.config)
        # A file as published models carry it: without the keys that were left at their defaults.
        kept = set(common) | set(changes)
        (folder / "scheduler_config.json").write_text(json.dumps({k: v for k, v in config.items() if k in kept}, indent=1) + "\n")
        cases.append({
            "kind": kind, "name": name, "steps": steps, "times": [float(t) for t in scheduler.timesteps],
            "startScale": float(scheduler.init_noise_sigma),
        })
save_file({key: value.contiguous() for key, value in out.items()}, here / "cases.safetensors")
(here / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")
