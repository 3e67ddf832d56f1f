"""Dumps a whole path of diffusers' FluxKontextPipeline with a tiny transformer, for EditAdapterTests: the source's
latents stand as tokens behind the noisy ones, with 1 on the first axis of their places.

python3 generate_kontext.py
"""

import pathlib

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxKontextPipeline, FluxTransformer2DModel
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent / "kontext"
torch.manual_seed(51)
transformer = FluxTransformer2DModel(
    in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=6,
    pooled_projection_dim=5, guidance_embeds=True, axes_dims_rope=(2, 2, 4))
with torch.no_grad():
    for weight in transformer.parameters():
        weight.copy_(torch.randn_like(weight) * (0.7 / weight[0].numel() ** 0.5 if weight.dim() > 1 else 0.1))
transformer.save_pretrained(here / "transformer")
vae = AutoencoderKL(
    block_out_channels=(4, 4), norm_num_groups=2, latent_channels=4, down_block_types=("DownEncoderBlock2D",) * 2,
    up_block_types=("UpDecoderBlock2D",) * 2)
pipeline = FluxKontextPipeline(
    scheduler=FlowMatchEulerDiscreteScheduler(), vae=vae, text_encoder=None, tokenizer=None, text_encoder_2=None,
    tokenizer_2=None, transformer=transformer)
pipeline.set_progress_bar_config(disable=True)

# Channels first, as files of the reference have them; the pipeline's packing is called, not copied.
noise, source = torch.randn(2, 4, 6, 4), torch.randn(2, 4, 6, 4)
context, pooled = torch.randn(2, 3, 6), torch.randn(2, 5)
pack = lambda latents: FluxKontextPipeline._pack_latents(latents, 2, 4, 6, 4)
found = pipeline(
    image=source, prompt_embeds=context, pooled_prompt_embeds=pooled, height=12, width=8, sigmas=[1.0, 0.6, 0.3],
    num_inference_steps=3, guidance_scale=2.5, latents=pack(noise), output_type="latent", _auto_resize=False,
    max_area=96).images
end = FluxKontextPipeline._unpack_latents(found, 12, 8, pipeline.vae_scale_factor)
out = {"noise": noise, "source": source, "context": context, "pooled": pooled, "end": end}
save_file({name: tensor.detach().contiguous() for name, tensor in out.items()}, here / "cases.safetensors")
