"""Dumps tiny random DINOv2 models and SDXL's second text encoder with inputs and outputs, for CoreDiffusionTests.

Run it beside generate.py, whose helpers it uses for the weights: python3 generate_encoders.py
The folders are written by transformers' own save_pretrained, in f16; the reference runs the same weights in f32.
"""

import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, Dinov2Config, Dinov2Model

here = pathlib.Path(__file__).parent


def randomise(model):
    """Every weight random, norms and scales around one, rounded to f16."""
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        if weight.dim() <= 1:
            around = 1 if "norm" in name and name.endswith("weight") or "lambda" in name else 0
            weight.data = around + 0.2 * noise
        elif "embedding" in name and "projection" not in name or "token" in name:
            weight.data = 0.3 * noise
        else:
            weight.data = noise / weight[0].numel() ** 0.5
        weight.data = weight.data.half().float()
    return model.eval()


def save(model, folder, **options):
    path = here / folder
    shutil.rmtree(path, ignore_errors=True)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.half().save_pretrained(path, **options)
    model.float().load_state_dict(state)


def write(folder, tensors):
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, here / folder / "cases.safetensors")


def dinov2():
    torch.manual_seed(21)
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7)
    for folder, changes in (("dinov2", {}), ("dinov2-swiglu", dict(use_swiglu_ffn=True, num_hidden_layers=1, qkv_bias=False))):
        model = randomise(Dinov2Model(Dinov2Config(**(sizes | changes))))
        out = {}
        # The size of the position vectors, another one, an oblong one whose sides are no multiples of a
        # patch, and one with as many patches as positions but another shape.
        for name, height, width, factor in (
            ("own", 28, 28, 1), ("larger", 49, 49, 1), ("oblong", 23, 38, 1), ("same", 14, 56, 1), ("small", 28, 28, 0.01),
        ):
            pixels = factor * torch.randn(2, 3, height, width)
            out[name + ".pixel_values"] = pixels
            out[name + ".cls"] = model(pixels).pooler_output
        save(model, folder)
        write(folder, out)


def second_text_encoder():
    torch.manual_seed(22)
    config = CLIPTextConfig(
        vocab_size=120, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, projection_dim=10,
        max_position_embeddings=9, bos_token_id=118, eos_token_id=119, pad_token_id=0, hidden_act="gelu",
    )
    model = randomise(CLIPTextModelWithProjection(config))
    ids = torch.randint(1, 118, (3, 9))
    ids[:, 0], ids[0, 4:], ids[1, 8], ids[2, 1:] = 118, 0, 119, 0
    ids[0, 4], ids[2, 1] = 119, 119
    states = model(ids, output_hidden_states=True)
    save(model, "text-2", max_shard_size="6KB")
    write("text-2", {
        "input_ids": ids, "hidden": states.hidden_states[-2], "deeper": states.hidden_states[-3],
        "text_embeds": states.text_embeds,
    })
    index = json.loads((here / "text-2" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2


dinov2()
second_text_encoder()
