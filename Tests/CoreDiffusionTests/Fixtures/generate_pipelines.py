"""Dumps a tiny Stable Diffusion 1 and a tiny XL pipeline, each as a folder and as an original single file, with what
diffusers' own pipelines draw from given noise, for CoreDiffusionTests and CoreToolsTests.

python3 generate_pipelines.py     (after generate.py, whose tokenizer and name tables it uses)
"""

import json
import shutil

import torch
from diffusers import (
    AutoencoderKL, DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline,
    StableDiffusionXLPipeline, UNet2DConditionModel,
)
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint, convert_open_clip_checkpoint,
)
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from generate import here, original_unet_name, original_vae_name, randomise

PROMPT, NEGATIVE = "a photo of the red heart", "the thinking face, don't"
LONG = "the grinning cat face with smiling eyes, and a red heart on the moon; " * 9
SCHEDULERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler, "dpm++2m": DPMSolverMultistepScheduler}


def text_config(words, **changes):
    sizes = dict(
        vocab_size=words, hidden_size=64, intermediate_size=32, num_hidden_layers=2, num_attention_heads=1,
        max_position_embeddings=77, bos_token_id=words - 2, eos_token_id=words - 1, pad_token_id=words - 1,
    )
    return CLIPTextConfig(**(sizes | changes))


def chunked(encode, ids, pad_is_end, end, pad):
    """kohya's rule for long prompts: chunks of 75, each with start and end; the first start and the last end stay.

    `ids` is one prompt padded to n * 75 + 2; returns what `encode` gives for the chunks, joined, and its second result
    for the first chunk.
    """
    rows = []
    for i in range(1, len(ids) - 75, 75):
        row = [ids[0]] + ids[i:i + 75] + [ids[-1]]
        if not pad_is_end:
            if row[-2] != end and row[-2] != pad:
                row[-1] = end
            if row[1] == pad:
                row[1] = end
        rows.append(row)
    states, pooled = encode(torch.tensor(rows))
    parts = [states[0, :1]] + [state[1:76] for state in states] + [states[-1, -1:]]
    return torch.cat(parts)[None], None if pooled is None else pooled[:1]


def original(folder, parts):
    """How the original single file of the folder's weights is made: for each of its tensors the part, the names in the
    part's file and what is done with them. diffusers' own converters check the way back."""
    second = parts.get("text_encoder_2")
    weights = {
        "unet": load_file(folder / "unet" / "diffusion_pytorch_model.safetensors"),
        "vae": load_file(folder / "vae" / "diffusion_pytorch_model.safetensors"),
        "text_encoder": load_file(folder / "text_encoder" / "model.safetensors"),
    }
    recipe = {}
    unet_names = list(weights["unet"])
    for name in unet_names:
        recipe["model.diffusion_model." + original_unet_name(name, 1, unet_names)] = ("unet", [name], "same")
    for name, tensor in weights["vae"].items():
        renamed = original_vae_name(name, len(parts["vae"].config.block_out_channels))
        is_attention = ".attn_1." in renamed and tensor.dim() == 2
        recipe["first_stage_model." + renamed] = ("vae", [name], "convolution" if is_attention else "same")
    prefix = "conditioner.embedders.0.transformer." if second else "cond_stage_model.transformer."
    for name in weights["text_encoder"]:
        recipe[prefix + (name if name.startswith("text_model.") else "text_model." + name)] = ("text_encoder", [name], "same")
    if second:
        weights["text_encoder_2"] = load_file(folder / "text_encoder_2" / "model.safetensors")
        for name, (names, way) in open_clip(list(weights["text_encoder_2"])).items():
            recipe["conditioner.embedders.1.model." + name] = ("text_encoder_2", names, way)
    file = {}
    for name, (part, names, way) in recipe.items():
        tensors = [weights[part][n] for n in names]
        file[name] = {
            "same": lambda: tensors[0], "convolution": lambda: tensors[0][:, :, None, None], "transposed": lambda: tensors[0].T,
            "stacked": lambda: torch.cat(tensors),
        }[way]().contiguous()
    back = convert_ldm_unet_checkpoint(dict(file), dict(parts["unet"].config))
    assert set(back) == set(weights["unet"]) and all(torch.equal(back[n], weights["unet"][n]) for n in back)
    back = convert_ldm_vae_checkpoint(dict(file), dict(parts["vae"].config))
    assert set(back) == set(weights["vae"]) and all(torch.equal(back[n].squeeze(), weights["vae"][n].squeeze()) for n in back)
    if second:
        # The converter takes the projection's first axis for the width of the model, which is only so in real
        # models.
        names = {n: t for n, t in file.items() if not n.endswith("text_projection")}
        back = convert_open_clip_checkpoint(second, names, prefix="conditioner.embedders.1.model.")
        assert set(back) | {"text_projection.weight"} == set(weights["text_encoder_2"])
        assert all(torch.equal(back[n], weights["text_encoder_2"][n]) for n in back)
    lines = [json.dumps({"name": n, "part": part, "tensors": names, "way": way}) for n, (part, names, way) in recipe.items()]
    (folder / "single-file.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


def open_clip(names):
    """OpenCLIP's names, each with transformers' names of what it is made of and how."""
    out = {}
    table = {
        "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
        "self_attn.out_proj": "attn.out_proj",
    }
    for name in names:
        short = name.removeprefix("text_model.")
        if short == "text_projection.weight":
            out["text_projection"] = ([name], "transposed")
        elif short == "embeddings.token_embedding.weight":
            out["token_embedding.weight"] = ([name], "same")
        elif short == "embeddings.position_embedding.weight":
            out["positional_embedding"] = ([name], "same")
        elif short.startswith("final_layer_norm."):
            out["ln_final." + short.rsplit(".", 1)[1]] = ([name], "same")
        else:
            _, _, layer, rest = short.split(".", 3)
            owner, kind = rest.rsplit(".", 1)
            if owner in table:
                out[f"transformer.resblocks.{layer}.{table[owner]}.{kind}"] = ([name], "same")
            elif owner == "self_attn.q_proj":
                thirds = [name.replace("q_proj", other) for other in ("q_proj", "k_proj", "v_proj")]
                out[f"transformer.resblocks.{layer}.attn.in_proj_{kind}"] = (thirds, "stacked")
    return out


def vae_of(scaling):
    return randomise(
        AutoencoderKL(
            block_out_channels=(32, 32), layers_per_block=1, norm_num_groups=32, latent_channels=4, scaling_factor=scaling,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        )
    )


def draw(pipe, out, steps=3, **options):
    latents = torch.randn(1, 4, 8, 4)
    out["latents"] = latents
    for name, scheduler in SCHEDULERS.items():
        pipe.scheduler = scheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
            **(dict(clip_sample=False, set_alpha_to_one=False) if name == "ddim" else {}), timestep_spacing="leading",
        )
        for case, negative in (("plain", None), ("negative", NEGATIVE)):
            for kind in ("latent", "pt"):
                result = pipe(
                    PROMPT, negative_prompt=negative, latents=latents.clone(), num_inference_steps=steps, guidance_scale=3.0,
                    output_type=kind, height=16, width=8, **options,
                ).images
                out[f"{name}.{case}.{kind}"] = result
    pipe.scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1, clip_sample=False,
        set_alpha_to_one=False, timestep_spacing="leading",
    )


def finish(pipe, folder, out):
    shutil.rmtree(folder, ignore_errors=True)
    pipe.set_progress_bar_config(disable=True)
    for part in pipe.components.values():
        if hasattr(part, "half"):
            part.half()
    pipe.save_pretrained(folder)
    original(folder, pipe.components)
    save_file({
        name: tensor.detach().float().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in out.items()
    }, folder / "cases.safetensors")


@torch.no_grad()
def stable_diffusion():
    torch.manual_seed(41)
    tokenizer = CLIPTokenizer.from_pretrained(here / "tokenizer")
    words = len(tokenizer)
    text = randomise(CLIPTextModel(text_config(words)))
    unet = randomise(
        UNet2DConditionModel(
            sample_size=8, block_out_channels=(32, 32), layers_per_block=1, norm_num_groups=32, attention_head_dim=8,
            cross_attention_dim=64, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
    )
    pipe = StableDiffusionPipeline(
        vae=vae_of(0.18215), text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=DDIMScheduler(), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    out = {}
    draw(pipe, out)
    ids = tokenizer(LONG, padding="max_length", truncation=True, max_length=227).input_ids
    out["long"], _ = chunked(lambda rows: (text(rows).last_hidden_state, None), ids, True, words - 1, words - 1)
    finish(pipe, here / "pipeline-sd", out)


@torch.no_grad()
def stable_diffusion_xl():
    torch.manual_seed(42)
    tokenizer = CLIPTokenizer.from_pretrained(here / "tokenizer")
    tokenizer2 = CLIPTokenizer.from_pretrained(here / "tokenizer", pad_token="!")
    words = len(tokenizer)
    text = randomise(CLIPTextModel(text_config(words, hidden_size=16, num_attention_heads=2)))
    text2 = randomise(CLIPTextModelWithProjection(text_config(
        words, hidden_size=24, num_attention_heads=3, projection_dim=10, hidden_act="gelu", pad_token_id=0)))
    unet = randomise(
        UNet2DConditionModel(
            sample_size=8, block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, attention_head_dim=(2, 4),
            cross_attention_dim=40, transformer_layers_per_block=(1, 2), use_linear_projection=True,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=34,
        )
    )
    pipe = StableDiffusionXLPipeline(
        vae=vae_of(0.13025), text_encoder=text, text_encoder_2=text2, tokenizer=tokenizer, tokenizer_2=tokenizer2, unet=unet,
        scheduler=DDIMScheduler(), add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    out = {}
    draw(pipe, out)
    # The same without zeros for the empty negative prompt.
    pipe.register_to_config(force_zeros_for_empty_prompt=False)
    out["encoded.latent"] = pipe(PROMPT, latents=out["latents"].clone(), num_inference_steps=3, guidance_scale=3.0,
                                 output_type="latent", height=16, width=8).images
    pipe.register_to_config(force_zeros_for_empty_prompt=True)

    def first(rows):
        return text(rows, output_hidden_states=True).hidden_states[-2], None

    def second(rows):
        states = text2(rows, output_hidden_states=True)
        return states.hidden_states[-2], states.text_embeds

    ids = tokenizer(LONG, padding="max_length", truncation=True, max_length=227).input_ids
    ids2 = tokenizer2(LONG, padding="max_length", truncation=True, max_length=227).input_ids
    one, _ = chunked(first, ids, True, words - 1, words - 1)
    two, pooled = chunked(second, ids2, False, words - 1, tokenizer2.pad_token_id)
    out["long"], out["long.pooled"] = torch.cat([one, two], dim=-1), pooled
    finish(pipe, here / "pipeline-xl", out)


stable_diffusion()
stable_diffusion_xl()
