"""Dumps what diffusers' image-to-image and inpainting pipelines do after each step on the tiny pipelines beside this file, for
PictureTests.

python3 generate_pictures.py     (torch, diffusers, transformers; after generate_pipelines.py and generate_flow_pipelines.py)

The autoencoder answers its mean in place of a draw, so that the picture's latents are no matter of chance.
"""

import json
import pathlib

import torch
from diffusers import (
    DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, FluxImg2ImgPipeline, FluxInpaintPipeline, FluxPipeline,
    SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline, StableDiffusion3Pipeline, StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline, StableDiffusionPipeline, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from safetensors.torch import save_file

DiagonalGaussianDistribution.sample = lambda self, generator=None: self.mean

here = pathlib.Path(__file__).parent
PROMPT, NEGATIVE = "a photo of the red heart", "the thinking face, don't"
SCHEDULERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler, "dpm++2m": DPMSolverMultistepScheduler}
CLASSES = {
    "pipeline-sd": (StableDiffusionPipeline, StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline),
    "pipeline-xl": (StableDiffusionXLPipeline, StableDiffusionXLImg2ImgPipeline, StableDiffusionXLInpaintPipeline),
    "pipeline-flux": (FluxPipeline, FluxImg2ImgPipeline, FluxInpaintPipeline),
    # diffusers' inpainting pipeline of Stable Diffusion 3 takes no other latents than those of 16 channels.
    "pipeline-sd3": (StableDiffusion3Pipeline, StableDiffusion3Img2ImgPipeline, None),
}
# Strengths at which rounding up and rounding down differ, and the whole.
PLAN = [
    ("pipeline-sd", kind, 5, strength, masked)
    for kind in SCHEDULERS for strength, masked in ((0.5, False), (1.0, False), (0.7, True), (1.0, True))
] + [
    ("pipeline-xl", "euler", 5, 0.5, False), ("pipeline-xl", "ddim", 4, 0.9, True),
    ("pipeline-flux", "euler", 5, 0.5, False), ("pipeline-flux", "euler", 5, 0.7, True), ("pipeline-flux", "euler", 3, 1.0, True),
    ("pipeline-sd3", "euler", 5, 0.5, False),
]


def case(folder, kind, steps, strength, masked, name, out):
    whole, changed, inpaint = CLASSES[folder]
    absent = dict(text_encoder_3=None, tokenizer_3=None) if folder == "pipeline-sd3" else {}
    pipe = whole.from_pretrained(here / folder, **absent).to(torch.float32)
    if folder == "pipeline-sd3":
        # The table of places is no f16 value.
        fresh = SD3Transformer2DModel.from_config(pipe.transformer.config)
        pipe.transformer.pos_embed.pos_embed.copy_(fresh.pos_embed.pos_embed)
    parts = dict(pipe.components)
    is_flow = folder in ("pipeline-flux", "pipeline-sd3")
    if not is_flow:
        parts["scheduler"] = SCHEDULERS[kind](
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
            **(dict(clip_sample=False, set_alpha_to_one=False) if kind == "ddim" else {}), timestep_spacing="leading")
    options = dict(safety_checker=None, requires_safety_checker=False) if folder == "pipeline-sd" else {}
    parts = {key: part for key, part in parts.items() if key not in options}
    pipe = (inpaint if masked else changed)(**parts, **options)
    pipe.set_progress_bar_config(disable=True)
    height, width = (12, 20) if is_flow else (16, 8)
    image = torch.rand(1, 3, height, width)
    mask = (torch.rand(1, 1, height, width) < 0.5).float()
    shape = (1, 4, height // 2, width // 2)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(7))
    latents = []

    def keep(pipe, step, time, values):
        found = values["latents"]
        if folder == "pipeline-flux":
            found = FluxPipeline._unpack_latents(found, height, width, pipe.vae_scale_factor)
        latents.append(found.clone())
        return {}

    call = dict(
        prompt=PROMPT, image=image, num_inference_steps=steps, strength=strength, guidance_scale=3.0,
        generator=torch.Generator().manual_seed(7), output_type="latent", callback_on_step_end=keep,
    )
    if folder != "pipeline-flux":
        call["negative_prompt"] = NEGATIVE
    if masked:
        call |= dict(mask_image=mask, height=height, width=width)
    elif is_flow:
        call |= dict(height=height, width=width)
    pipe(**call)
    out[name + ".image"], out[name + ".noise"] = image, noise
    if masked:
        out[name + ".mask"] = torch.nn.functional.interpolate(mask, size=shape[2:])
    for step, found in enumerate(latents):
        out[f"{name}.step.{step}"] = found
    return dict(name=name, folder=folder, kind=kind, steps=steps, strength=strength, masked=masked, taken=len(latents))


def main():
    torch.manual_seed(43)
    out, cases = {}, []
    for number, plan in enumerate(PLAN):
        cases.append(case(*plan, f"{number}", out))
    folder = here / "pictures"
    folder.mkdir(exist_ok=True)
    save_file({key: value.contiguous() for key, value in out.items()}, folder / "cases.safetensors")
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


with torch.no_grad():
    main()
