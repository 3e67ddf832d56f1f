"""Dumps diffusers' flow-matching schedules and sampling steps, for FlowScheduleTests: python3 generate_flow.py"""

import json
import pathlib

import numpy
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler
from diffusers.pipelines.flux.pipeline_flux import calculate_shift

here = pathlib.Path(__file__).parent / "flow"
here.mkdir(exist_ok=True)
cases = []
for name, options, evenly, tokens in (
    ("sd3", dict(shift=3.0), False, 64), ("plain", dict(), False, 64), ("flux", dict(shift=3.0, use_dynamic_shifting=True), True, 1024),
    ("flux-large", dict(use_dynamic_shifting=True, base_shift=0.4, max_shift=1.3, base_image_seq_len=100), True, 6000),
    ("schnell", dict(shift=1.0), True, 256), ("linear", dict(use_dynamic_shifting=True, time_shift_type="linear"), True, 4096),
    ("terminal", dict(shift=2.0, shift_terminal=0.1), True, 64),
):
    scheduler = FlowMatchEulerDiscreteScheduler(**options)
    (here / name).mkdir(exist_ok=True)
    scheduler.save_config(here / name)
    for steps in (1, 4, 7):
        c = scheduler.config
        mu = calculate_shift(tokens, c.base_image_seq_len, c.max_image_seq_len, c.base_shift, c.max_shift)
        given = dict(sigmas=numpy.linspace(1.0, 1 / steps, steps)) if evenly else dict(num_inference_steps=steps)
        if steps == 1 and name == "terminal":
            continue  # a single level cannot be stretched
        scheduler.set_timesteps(**given, mu=mu if c.use_dynamic_shifting else None)
        cases.append({"name": name, "steps": steps, "tokens": tokens, "evenly": evenly, "levels": scheduler.sigmas.tolist(),
                      "times": scheduler.timesteps.tolist()})
# Steps along v(x, t) = sin(3 x) - t / 1000.
paths = []
for kind, cls in (("euler", FlowMatchEulerDiscreteScheduler), ("heun", FlowMatchHeunDiscreteScheduler)):
    scheduler = cls(shift=3.0)
    scheduler.set_timesteps(5)
    x, states = torch.linspace(-2, 2, 6), []
    for t in scheduler.timesteps:
        x = scheduler.step(torch.sin(3 * x) - t / 1000, t, x).prev_sample
        states.append(x.tolist())
    paths.append({"kind": kind, "times": scheduler.timesteps.tolist(), "states": states})
(here / "cases.json").write_text(json.dumps({"cases": cases, "paths": paths}) + "\n")
