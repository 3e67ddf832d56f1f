"""Holds `radiata model run` against diffusers and transformers on fresh random models of every component, and original single
files against the folders they were made from.

    python3 model_run_check.py ../../.build/release/radiata [--seed 1]

Components: the U-Nets of Stable Diffusion 1 and XL, the autoencoder both ways, both text encoders, CLIP's two halves, DINOv2
in both feed-forward forms, the transformers of Flux.1, Flux.2, Stable Diffusion 3 and 3.5, T5's encoder in its four
feed-forward forms, the autoencoder of 16 channels; even and odd sizes, batches with different timesteps, weights in shards,
inputs scaled by 0.01 (of text encoders, whose inputs are ids, the embeddings). The references run in f64. Wanted: 5e-6 of the
largest value; the single file: the same bits as its folder.

The libraries compute the frequencies of the time's sinusoid in f32 even then, and torch's exp rounds some of them the other way:
with AVX-512 three of 128, which the program follows, on other processors others. At guidance 3.5 · 1000 one of them moves an
angle by 1e-4 and the output by 1e-5. So where this machine's torch rounds other ones, the reference gets those of AVX-512
where guidance is embedded, or inputs are small and the time is nearly all that a transformer reads; what the library's own
move it by is printed where it is more than the limit.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
from diffusers.models import embeddings
from diffusers import (
    AutoencoderKL, Flux2Transformer2DModel, FluxTransformer2DModel, SD3Transformer2DModel, UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, Dinov2Config, Dinov2Model,
    T5Config, T5EncoderModel,
)
from transformers.utils.logging import disable_progress_bar

parser = argparse.ArgumentParser()
parser.add_argument("radiata")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
fixtures = pathlib.Path(__file__).parent.parent / "CoreDiffusionTests" / "Fixtures"
LIMIT = 5e-6
disable_progress_bar()
torch.manual_seed(arguments.seed)
worst = 0.0


def randomise(model, embedding=1.0):
    """Every weight random and away from its usual value, so that a forgotten one shows."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn_like(weight)
            if weight.dim() <= 1:
                around = 1 if "norm" in name and name.endswith("weight") or "lambda" in name else 0
                weight.copy_(around + 0.2 * noise)
            elif "embedding" in name and "projection" not in name or "token" in name:
                weight.copy_(0.3 * embedding * noise)
            else:
                weight.copy_(noise / weight[0].numel() ** 0.5)
    return model.eval()


def run(folder, model, component, inputs):
    save_file({k: v.contiguous() for k, v in inputs.items()}, folder / "in.safetensors")
    subprocess.run(
        [arguments.radiata, "model", "run", "--model", model, "--component", component, "--inputs", folder / "in.safetensors",
         "--out", folder / "out.safetensors"], check=True)
    return load_file(folder / "out.safetensors")


def exact(inputs):
    return {k: v.double() if v.is_floating_point() else v for k, v in inputs.items()}


def compare(label, found, wanted):
    global worst
    for name, value in wanted.items():
        assert found[name].shape == value.shape, (label, name, found[name].shape, value.shape)
        distance = float((found[name].double() - value.double()).abs().max() / value.abs().max())
        worst = max(worst, distance)
        print(f"{'ok ' if distance < LIMIT else 'BAD'} {label:44} {name:18} {distance:.1e}", flush=True)


def unets(folder):
    plain = randomise(UNet2DConditionModel(
        block_out_channels=(32, 64), layers_per_block=2, norm_num_groups=8, attention_head_dim=4, cross_attention_dim=24,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D")))
    large = randomise(UNet2DConditionModel(
        block_out_channels=(16, 32, 64), layers_per_block=2, norm_num_groups=8, attention_head_dim=(2, 4, 8), cross_attention_dim=20,
        transformer_layers_per_block=(1, 1, 3), use_linear_projection=True,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), addition_embed_type="text_time",
        addition_time_embed_dim=8, projection_class_embeddings_input_dim=48 + 12))
    for name, model, width in (("U-Net of 1", plain, 24), ("U-Net of XL", large, 20)):
        model.save_pretrained(folder / name)
        model.double()
        for case, batch, height, across, times, factor in (
            ("even", 1, 16, 16, [481], 1), ("odd, three timesteps", 3, 13, 9, [0, 37, 999], 1),
            ("odd, times 0.01", 2, 11, 15, [5, 800], 0.01),
        ):
            inputs = {"sample": factor * torch.randn(batch, 4, height, across), "timestep": torch.tensor(times),
                      "encoder_hidden_states": factor * torch.randn(batch, 7, width)}
            added = None
            if model is large:
                added = {"text_embeds": factor * torch.randn(batch, 12),
                         "time_ids": torch.tensor([[64.0, 48, 0, 3, 64, 64]] * batch) + torch.arange(batch)[:, None]}
            output = model(*exact(inputs).values(), added_cond_kwargs=added and exact(added)).sample
            compare(f"{name}, {case}", run(folder, folder / name, "unet", inputs | (added or {})), {"sample": output})


def autoencoder(folder):
    model = randomise(AutoencoderKL(
        block_out_channels=(16, 32, 32), layers_per_block=2, norm_num_groups=8, latent_channels=4, scaling_factor=0.18,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3))
    model.save_pretrained(folder / "vae")
    model.double()
    for case, batch, height, across, factor in (("even", 2, 32, 32, 1), ("odd", 1, 27, 22, 1), ("odd, times 0.01", 2, 21, 33, 0.01)):
        pixels = factor * torch.randn(batch, 3, height, across)
        posterior = model.encode(pixels.double()).latent_dist
        compare(f"autoencoder, {case}", run(folder, folder / "vae", "vae-encode", {"pixels": pixels}),
                {"mean": posterior.mean, "logvar": posterior.logvar})
        latents = factor * torch.randn(batch, 4, height // 3, across // 4)
        compare(f"autoencoder, {case}", run(folder, folder / "vae", "vae-decode", {"latents": latents}),
                {"pixels": model.decode(latents.double()).sample})


def wide_autoencoder(folder):
    """Flux and SD3: 16 channels, a shift, no convolutions around the latents."""
    model = randomise(AutoencoderKL(
        block_out_channels=(16, 32), layers_per_block=2, norm_num_groups=8, latent_channels=16, scaling_factor=0.3611,
        shift_factor=0.1159, use_quant_conv=False, use_post_quant_conv=False,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2))
    model.save_pretrained(folder / "vae-16")
    model.double()
    for case, batch, height, across in (("even", 2, 16, 24), ("odd", 1, 13, 18)):
        pixels = torch.randn(batch, 3, height, across)
        posterior = model.encode(pixels.double()).latent_dist
        compare(f"autoencoder of 16 channels, {case}", run(folder, folder / "vae-16", "vae-encode", {"pixels": pixels}),
                {"mean": posterior.mean, "logvar": posterior.logvar})
        latents = torch.randn(batch, 16, height // 2, across // 2)
        compare(f"autoencoder of 16 channels, {case}", run(folder, folder / "vae-16", "vae-decode", {"latents": latents}),
                {"pixels": model.decode(latents.double()).sample})


class KnownFrequencies:
    """Sinusoids of the time with the f32 frequencies that torch computes on AVX-512."""

    # Of 128: what it rounds up although the number below is nearer.
    ROUNDED_UP = [13, 44, 119]

    def __enter__(self):
        self.own = embeddings.get_timestep_embedding
        embeddings.get_timestep_embedding = self.features

    def __exit__(self, *_):
        embeddings.get_timestep_embedding = self.own

    @staticmethod
    def exponents(half, shift):
        return -math.log(10000) * torch.arange(half, dtype=torch.float32) / (half - shift)

    @classmethod
    def frequencies(cls, half, shift):
        values = torch.exp(cls.exponents(half, shift).double()).float()
        if half == 128 and shift == 0:
            values[cls.ROUNDED_UP] = torch.nextafter(values, torch.ones(half))[cls.ROUNDED_UP]
        return values

    @classmethod
    def are_torchs(cls):
        return torch.equal(torch.exp(cls.exponents(128, 0)), cls.frequencies(128, 0))

    @classmethod
    def features(cls, timesteps, embedding_dim, flip_sin_to_cos=False, downscale_freq_shift=1, **_):
        angles = timesteps[:, None].float() * cls.frequencies(embedding_dim // 2, downscale_freq_shift)[None]
        parts = [torch.sin(angles), torch.cos(angles)]
        return torch.cat(parts[::-1] if flip_sin_to_cos else parts, dim=-1)


def reference(model, inputs, factor=1):
    """With the library's own frequencies; with known ones where they matter and this torch's are others."""
    own = model(**exact(inputs)).sample
    if KnownFrequencies.are_torchs() or factor == 1 and "guidance" not in inputs:
        return own
    with KnownFrequencies():
        known = model(**exact(inputs)).sample
    difference = float((own - known).abs().max() / known.abs().max())
    if difference >= LIMIT:
        print(f"    the library's own frequencies move it by {difference:.1e}")
    return known


def places(height, across, axes, first=0):
    """Coordinates of a grid on the second and third axis."""
    ids = torch.zeros(height, across, axes)
    ids[..., 0] = first
    ids[..., 1] = torch.arange(height)[:, None]
    ids[..., 2] = torch.arange(across)[None]
    return ids.reshape(-1, axes)


def fluxes(folder):
    sizes = dict(in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2,
                 joint_attention_dim=24)
    models = {
        "Flux with guidance": FluxTransformer2DModel(**sizes, pooled_projection_dim=20, guidance_embeds=True, axes_dims_rope=(4, 6, 6)),
        "Flux without": FluxTransformer2DModel(**sizes | dict(num_attention_heads=3), out_channels=12, pooled_projection_dim=20,
                                               axes_dims_rope=(2, 8, 6)),
        "Flux.2 with guidance": Flux2Transformer2DModel(**sizes, axes_dims_rope=(4, 4, 4, 4)),
        "Flux.2 without": Flux2Transformer2DModel(**sizes | dict(num_layers=1, num_single_layers=3), mlp_ratio=2.5, rope_theta=500,
                                                  guidance_embeds=False, timestep_guidance_channels=32, axes_dims_rope=(2, 2, 8, 4)),
    }
    for name, model in models.items():
        randomise(model)
        is_first = isinstance(model, FluxTransformer2DModel)
        # Shards with an index, as large models have.
        model.save_pretrained(folder / name, max_shard_size="150KB")
        assert len(list((folder / name).glob("*.safetensors"))) > 1
        model.double()
        axes = 3 if is_first else 4
        for case, batch, height, across, words, times, factor in (
            ("even", 1, 4, 6, 8, [0.481], 1), ("odd, three times", 3, 5, 3, 7, [0.0, 0.037, 1.0], 1),
            ("times 0.01", 2, 3, 7, 1, [0.9, 0.2], 0.01),
        ):
            inputs = {
                "hidden_states": factor * torch.randn(batch, height * across, 16), "timestep": torch.tensor(times),
                "encoder_hidden_states": factor * torch.randn(batch, words, 24),
                "img_ids": places(height, across, axes), "txt_ids": torch.zeros(words, axes),
            }
            if not is_first:
                inputs["txt_ids"][:, 3] = torch.arange(words)
            if is_first:
                inputs["pooled_projections"] = factor * torch.randn(batch, 20)
            if model.config.guidance_embeds:
                inputs["guidance"] = torch.tensor([3.5, 1.0, 0.0][:batch])
            output = reference(model, inputs, factor)
            compare(f"{name}, {case}", run(folder, folder / name, "flux" if is_first else "flux2", inputs), {"sample": output})
        # A second picture behind the first, as editing models have it, and coordinates with a batch axis.
        inputs["hidden_states"] = torch.randn(2, 6 + 8, 16)
        inputs["img_ids"] = torch.cat([places(2, 3, axes), places(4, 2, axes, first=1)])[None]
        compare(f"{name}, two pictures", run(folder, folder / name, "flux" if is_first else "flux2", inputs),
                {"sample": reference(model, inputs)})


def stable_diffusion_3(folder):
    sizes = dict(sample_size=8, num_layers=3, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=24,
                 caption_projection_dim=32, pooled_projection_dim=20)
    models = {
        "SD3": SD3Transformer2DModel(**sizes, in_channels=16, out_channels=16, pos_embed_max_size=9),
        "SD3.5": SD3Transformer2DModel(**sizes, in_channels=4, out_channels=4, pos_embed_max_size=12, dual_attention_layers=(0, 2),
                                       qk_norm="rms_norm"),
        "SD3.5, one block, patches of 1": SD3Transformer2DModel(
            **sizes | dict(num_layers=1), patch_size=1, in_channels=4, out_channels=6, pos_embed_max_size=16, qk_norm="rms_norm"),
    }
    for name, model in models.items():
        randomise(model).save_pretrained(folder / name)
        model.double()
        for case, batch, height, across, times, factor in (
            ("even", 1, 16, 16, [481.0], 1), ("odd, three times", 3, 13, 9, [0.0, 37.5, 1000.0], 1),
            ("odd, times 0.01", 2, 11, 15, [5.0, 800.0], 0.01),
        ):
            inputs = {
                "hidden_states": factor * torch.randn(batch, model.config.in_channels, height, across),
                "encoder_hidden_states": factor * torch.randn(batch, 7, 24), "pooled_projections": factor * torch.randn(batch, 20),
                "timestep": torch.tensor(times),
            }
            output = reference(model, inputs, factor)
            compare(f"{name}, {case}", run(folder, folder / name, "sd3", inputs), {"sample": output})


def t5(folder):
    sizes = dict(vocab_size=90, d_model=32, d_ff=48, num_layers=3, num_heads=3)
    for form, kind, changes in (
        ("gated GELU", "gated-gelu", dict(d_kv=12)), ("relu", "relu", dict(d_kv=8)), ("gated SiLU", "gated-silu", dict(d_kv=8)),
        ("GELU, few classes", "gelu", dict(d_kv=8, relative_attention_num_buckets=8, relative_attention_max_distance=20)),
    ):
        model = randomise(T5EncoderModel(T5Config(**sizes, feed_forward_proj=kind, **changes)))
        model.save_pretrained(folder / "t5")
        model.double()
        for case, batch, length in (("long", 2, 200), ("short, odd", 3, 5)):
            ids = torch.randint(0, 90, (batch, length))
            compare(f"T5 {form}, {case}", run(folder, folder / "t5", "t5", {"input_ids": ids}),
                    {"last_hidden_state": model(ids).last_hidden_state})


def encoders(folder):
    sizes = dict(vocab_size=150, hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
                 max_position_embeddings=13, bos_token_id=148, eos_token_id=149, pad_token_id=149)
    ids = torch.randint(1, 148, (3, 13))
    ids[:, 0], ids[0, 5:], ids[1, 12], ids[2, 1:] = 148, 149, 149, 149
    for case, embedding, act in (("", 1, "quick_gelu"), (", exact GELU", 1, "gelu"), (", embeddings times 0.01", 0.01, "quick_gelu")):
        model = randomise(CLIPTextModel(CLIPTextConfig(**sizes, hidden_act=act)), embedding)
        model.save_pretrained(folder / "text")
        model.double()
        states = model(ids)
        compare(f"text encoder{case}", run(folder, folder / "text", "text-encoder", {"input_ids": ids}),
                {"last_hidden_state": states.last_hidden_state, "pooled": states.pooler_output})
        model = randomise(CLIPTextModelWithProjection(CLIPTextConfig(**sizes, hidden_act=act, projection_dim=20)), embedding)
        model.save_pretrained(folder / "text-2")
        model.double()
        states = model(ids, output_hidden_states=True)
        compare(f"second text encoder{case}", run(folder, folder / "text-2", "text-encoder-2", {"input_ids": ids}),
                {"hidden": states.hidden_states[-2], "text_embeds": states.text_embeds})
    vision = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4, patch_size=4, image_size=20)
    model = randomise(CLIPModel(CLIPConfig(text_config=sizes, vision_config=vision, projection_dim=24)))
    model.save_pretrained(folder / "clip")
    model.double()
    compare("CLIP, text", run(folder, folder / "clip", "clip-text", {"input_ids": ids}),
            {"text_embeds": model.text_projection(model.text_model(ids).pooler_output)})
    for case, factor in (("", 1), (", times 0.01", 0.01)):
        pixels = factor * torch.randn(3, 3, 20, 20)
        compare(f"CLIP, image{case}", run(folder, folder / "clip", "clip-image", {"pixel_values": pixels}),
                {"image_embeds": model.visual_projection(model.vision_model(pixels.double()).pooler_output)})
    sizes = dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, image_size=42, patch_size=7)
    for form, changes in (("", {}), (" SwiGLU", dict(use_swiglu_ffn=True))):
        model = randomise(Dinov2Model(Dinov2Config(**(sizes | changes))))
        model.save_pretrained(folder / "dinov2")
        model.double()
        for case, batch, height, across, factor in (
            ("own size", 2, 42, 42, 1), ("oblong, odd", 1, 33, 50, 1), ("larger, times 0.01", 2, 63, 49, 0.01),
        ):
            pixels = factor * torch.randn(batch, 3, height, across)
            compare(f"DINOv2{form}, {case}", run(folder, folder / "dinov2", "dinov2", {"pixel_values": pixels}),
                    {"cls": model(pixels.double()).pooler_output})


def single_files(folder):
    """The recipes beside the pipelines were checked against diffusers' converters when they were written."""
    different = 0
    for name in ("pipeline-sd", "pipeline-xl"):
        source, tensors, files = fixtures / name, {}, {}
        for entry in json.loads((source / "single-file.json").read_text()):
            part = entry["part"]
            if part not in files:
                files[part] = load_file(next((source / part).glob("*.safetensors")))
            parts = [files[part][n] for n in entry["tensors"]]
            tensors[entry["name"]] = {
                "same": lambda: parts[0], "convolution": lambda: parts[0][:, :, None, None], "transposed": lambda: parts[0].T,
                "stacked": lambda: torch.cat(parts),
            }[entry["way"]]().contiguous()
        # Their sizes are unlike the published models': the configurations decide.
        whole = folder / name
        whole.mkdir()
        save_file(tensors, whole / "model.safetensors")
        for part in ("unet", "vae", "text_encoder", "text_encoder_2"):
            if (source / part / "config.json").exists():
                (whole / part).mkdir()
                (whole / part / "config.json").write_text((source / part / "config.json").read_text())
        is_large = name == "pipeline-xl"
        width = 40 if is_large else 64
        ids = torch.randint(1, 100, (2, 77))
        unet = {"sample": torch.randn(2, 4, 9, 7), "timestep": torch.tensor([3, 700]), "encoder_hidden_states": torch.randn(2, 5, width)}
        if is_large:
            unet |= {"text_embeds": torch.randn(2, 10), "time_ids": torch.tensor([[16.0, 12, 0, 1, 16, 12]] * 2)}
        cases = {"unet": unet, "vae-encode": {"pixels": torch.randn(1, 3, 18, 14)}, "vae-decode": {"latents": torch.randn(1, 4, 5, 6)},
                 "text-encoder": {"input_ids": ids}} | ({"text-encoder-2": {"input_ids": ids}} if is_large else {})
        for component, inputs in cases.items():
            one, other = run(folder, source, component, inputs), run(folder, whole / "model.safetensors", component, inputs)
            equal = set(one) == set(other) and all(torch.equal(one[k], other[k]) for k in one)
            different += not equal
            print(f"{'ok ' if equal else 'BAD'} {name}: single file and folder, {component}: {'same bits' if equal else 'different'}")
    return different


with tempfile.TemporaryDirectory() as name, torch.no_grad():
    folder = pathlib.Path(name)
    unets(folder)
    autoencoder(folder)
    wide_autoencoder(folder)
    fluxes(folder)
    stable_diffusion_3(folder)
    t5(folder)
    encoders(folder)
    different = single_files(folder)
print(f"worst: {worst:.1e} of {LIMIT:.0e}; single files that differ: {different}")
sys.exit(worst >= LIMIT or different > 0)
