"""Tiny pipelines of Flux.1 and Stable Diffusion 3 as diffusers writes them, with the latents and pictures that it draws, for
FlowPipelineTests: python3 generate_flow_pipelines.py     (torch, diffusers, transformers; after generate_transformers.py)

Weights are f16 values; the reference runs in f32.
"""

import pathlib
import shutil

import torch
from diffusers import (
    AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel, SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer

here = pathlib.Path(__file__).parent
PROMPTS = ["a photo of a caf\u00e9, 42 cats", "the red house"]
NEGATIVE = "blue"


def randomise(model):
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        weight.data = (1 if "norm" in name and name.endswith("weight") else 0) + 0.2 * noise if weight.dim() <= 1 \
            else noise / weight[0].numel() ** 0.5
        weight.data = weight.data.half().float()
    return model.eval().requires_grad_(False)


def clip(projection, width=16):
    tokenizer = CLIPTokenizer.from_pretrained(here / "pipeline-sd" / "tokenizer")
    config = CLIPTextConfig(
        vocab_size=max(tokenizer.get_vocab().values()) + 1, hidden_size=width, intermediate_size=width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, projection_dim=projection or width)
    return randomise((CLIPTextModelWithProjection if projection else CLIPTextModel)(config)), tokenizer


def autoencoder():
    return randomise(AutoencoderKL(
        block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, latent_channels=4, scaling_factor=0.8, shift_factor=0.1,
        use_quant_conv=False, use_post_quant_conv=False, sample_size=16, down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2))


def flux():
    tokenizer = T5Tokenizer.from_pretrained(here / "t5-tokenizer-json")
    long = randomise(T5EncoderModel(T5Config(
        vocab_size=len(tokenizer), d_model=12, d_kv=6, d_ff=16, num_layers=1, num_heads=2, feed_forward_proj="gated-gelu")))
    text, words = clip(None)
    transformer = randomise(FluxTransformer2DModel(
        in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=12,
        pooled_projection_dim=16, guidance_embeds=True, axes_dims_rope=(2, 2, 4)))
    return FluxPipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True), vae=autoencoder(),
        text_encoder=text, tokenizer=words, text_encoder_2=long, tokenizer_2=tokenizer)


def stable_diffusion_3():
    (one, words), (two, words_2) = clip(6), clip(8)
    transformer = randomise(SD3Transformer2DModel(
        sample_size=8, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=40, caption_projection_dim=16,
        pooled_projection_dim=14, in_channels=4, out_channels=4, pos_embed_max_size=8))
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=autoencoder(), text_encoder=one,
        tokenizer=words, text_encoder_2=two, tokenizer_2=words_2, text_encoder_3=None, tokenizer_3=None)


def main():
    torch.manual_seed(41)
    for name, pipeline, options in (
        ("pipeline-flux", flux(), dict(guidance_scale=2.0)),
        ("pipeline-sd3", stable_diffusion_3(), dict(guidance_scale=3.0, negative_prompt=[NEGATIVE] * 2)),
    ):
        path = here / name
        shutil.rmtree(path, ignore_errors=True)
        pipeline.to(torch.float16).save_pretrained(path)
        # The table of places is no f16 value.
        pipeline.to(torch.float32)
        if name == "pipeline-sd3":
            fresh = SD3Transformer2DModel.from_config(pipeline.transformer.config)
            pipeline.transformer.pos_embed.pos_embed.copy_(fresh.pos_embed.pos_embed)
            file = path / "transformer" / "diffusion_pytorch_model.safetensors"
            state = {n: t.half() if "pos_embed.pos_embed" not in n else t for n, t in pipeline.transformer.state_dict().items()}
            save_file({n: t.contiguous() for n, t in state.items()}, file, {"format": "pt"})
        pipeline.set_progress_bar_config(disable=True)
        height, width = 6, 10
        latents = torch.randn(2, 4, height, width)
        given = FluxPipeline._pack_latents(latents, 2, 4, height, width) if name == "pipeline-flux" else latents
        common = dict(height=2 * height, width=2 * width, num_inference_steps=3, **options)
        done = pipeline(PROMPTS, latents=given, output_type="latent", **common).images
        if name == "pipeline-flux":
            done = FluxPipeline._unpack_latents(done, 2 * height, 2 * width, pipeline.vae_scale_factor)
        images = pipeline(PROMPTS, latents=given, output_type="pt", **common).images
        save_file({"latents": latents, "result": done.contiguous(), "images": images.contiguous()}, path / "cases.safetensors")


with torch.no_grad():
    main()
