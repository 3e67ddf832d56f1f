"""Writes the fixtures for adapters of Stable Diffusion XL: files in kohya's names for the U-Net and both text encoders, what
lycoris-lora computes with them, what diffusers draws with the LoRA, and AdamW steps through all three networks.

    python generate_xl.py         (packages as in generate.py; the pipeline is CoreDiffusionTests/Fixtures/pipeline-xl)

kohya calls the U-Net's layers by the original model's blocks: the names come from that fixture's own table, which diffusers'
converter has checked.
"""
import json
import os
import sys

import torch
from diffusers import DDIMScheduler, StableDiffusionXLPipeline
from safetensors.torch import save_file

import generate
from generate import HERE, dump, make_network, undecided

FIXTURES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "CoreDiffusionTests", "Fixtures")
PIPELINE = os.path.join(FIXTURES, "pipeline-xl")
sys.path.insert(0, FIXTURES)

PROMPT, STEPS = "a photo of the red heart", 6
CASES = {
    "xl_lora": dict(algo="lora", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, std=0.3),
    "xl_lokr": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=2, std=0.5),
}


def read_pipeline(dtype=torch.float64):
    pipe = StableDiffusionXLPipeline.from_pretrained(PIPELINE, torch_dtype=dtype)
    for part in (pipe.unet, pipe.text_encoder, pipe.text_encoder_2, pipe.vae):
        part.requires_grad_(False).eval()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def original_names(unet):
    """kohya's name of every layer of the U-Net, by diffusers' name with underscores."""
    import importlib.util
    spec = importlib.util.spec_from_file_location("diffusion_generate", os.path.join(FIXTURES, "generate.py"))
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    weights = list(unet.state_dict())
    names = {}
    for weight in weights:
        if not weight.endswith(".weight"):
            continue
        original = table.original_unet_name(weight, unet.config.layers_per_block, weights)
        names["lora_unet_" + weight[:-7].replace(".", "_")] = "lora_unet_" + original[:-7].replace(".", "_")
    return names


def networks(pipe, options, seed=301):
    """Adapters on the U-Net and both text encoders, every tensor random."""
    return [make_network(pipe.unet, "unet", seed, **options),
            make_network(pipe.text_encoder, "text", seed + 1, **options),
            make_network(pipe.text_encoder_2, "text", seed + 2, **options)]


def named(adapters, names):
    """The networks' own tensors in kohya's names."""
    out = {}
    for network, prefix in zip(adapters, ("lora_unet_", "lora_te1_", "lora_te2_")):
        for key, value in network.state_dict(keep_vars=True).items():
            layer, suffix = key.split(".", 1)
            if prefix == "lora_unet_":
                layer = names[layer]
            else:
                path = layer[len("lora_te_"):]
                layer = prefix + (path if path.startswith("text_model_") else "text_model_" + path)
            out[f"{layer}.{suffix}"] = value
    return out


def state(adapters, names):
    """The file's tensors."""
    return {key: value.detach().float().contiguous().clone() for key, value in named(adapters, names).items()}


def encode(pipe, ids, ids2):
    """What the two text encoders tell SDXL's U-Net: states before the last layer, and the projected vector."""
    one = pipe.text_encoder(ids, output_hidden_states=True).hidden_states[-2]
    two = pipe.text_encoder_2(ids2, output_hidden_states=True)
    return torch.cat([one, two.hidden_states[-2]], dim=-1), two.text_embeds


def answer(pipe, sample, t, ids, ids2, sizes):
    states, pooled = encode(pipe, ids, ids2)
    added = {"text_embeds": pooled, "time_ids": sizes.double()}
    return pipe.unet(sample, t, encoder_hidden_states=states, added_cond_kwargs=added).sample, states, pooled


def make_batches(pipe):
    generator = torch.Generator().manual_seed(31)
    words, batches = len(pipe.tokenizer), {}
    for i in range(STEPS):
        batches[f"latents.{i}"] = torch.randn(2, 4, 8, 6, generator=generator)
        batches[f"noise.{i}"] = torch.randn(2, 4, 8, 6, generator=generator)
        batches[f"timesteps.{i}"] = torch.randint(0, 1000, (2,), generator=generator)
        ids = torch.randint(1, words - 2, (2, 12), generator=generator)
        ids[:, 0], ids[:, 7] = words - 2, words - 1
        second = ids.clone()
        ids[:, 8:], second[:, 8:] = words - 1, 0
        batches[f"input_ids.{i}"], batches[f"input_ids_2.{i}"] = ids, second
        batches[f"time_ids.{i}"] = torch.tensor([[16.0, 12, 0, 1, 16, 12], [20, 12, 2, 0, 16, 12]])
    save_file(batches, os.path.join(HERE, "batches-xl.safetensors"))
    return batches


def main():
    pipe = read_pipeline()
    names, batches = original_names(pipe.unet), make_batches(pipe)
    first = [batches[f"{k}.0"] for k in ("timesteps", "input_ids", "input_ids_2", "time_ids")]
    expected, replays = {}, {}
    for case, options in CASES.items():
        adapters = networks(pipe, options)
        with torch.no_grad():
            values = answer(pipe, batches["latents.0"].double(), *first)
        for key, value in zip(("sample", "states", "pooled"), values):
            expected[f"{case}.{key}"] = value
        path = os.path.join(HERE, f"adapter-{case}.safetensors")
        save_file(state(adapters, names), path)

        alphas = DDIMScheduler.from_pretrained(os.path.join(PIPELINE, "scheduler")).alphas_cumprod.double()
        optimizer = dict(lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
        adamw = torch.optim.AdamW([p for n in adapters for p in n.parameters()], **optimizer)
        losses = []
        for i in range(STEPS):
            t, noise = batches[f"timesteps.{i}"], batches[f"noise.{i}"].double()
            a = alphas[t].view(-1, 1, 1, 1)
            noisy = a.sqrt() * batches[f"latents.{i}"].double() + (1 - a).sqrt() * noise
            found, _, _ = answer(pipe, noisy, t, batches[f"input_ids.{i}"], batches[f"input_ids_2.{i}"], batches[f"time_ids.{i}"])
            loss = ((found - noise) ** 2).mean()
            adamw.zero_grad()
            loss.backward()
            if i == 0:
                doubtful = undecided(named(adapters, names))
            adamw.step()
            losses.append(loss.item())
        save_file({k: v for k, v in state(adapters, names).items() if not k.endswith("alpha")},
                  os.path.join(HERE, f"replay-{case}.safetensors"))
        replays[case] = dict(adapter=f"adapter-{case}.safetensors", lr=optimizer["lr"], betas=list(optimizer["betas"]),
                             weight_decay=optimizer["weight_decay"], text=True, losses=losses, undecided=doubtful)
        for network in adapters:
            network.restore()
        print(case, losses, flush=True)

    pipe = read_pipeline(torch.float32)
    pipe.load_lora_weights(os.path.join(HERE, "adapter-xl_lora.safetensors"))
    latents = torch.randn(1, 4, 8, 4, generator=torch.Generator().manual_seed(5))
    expected["latents"] = latents
    expected["drawn"] = pipe(PROMPT, latents=latents.clone(), num_inference_steps=3, guidance_scale=3.0, output_type="latent",
                             height=16, width=8).images
    save_file({k: v.detach().float().contiguous().clone() for k, v in expected.items()}, os.path.join(HERE, "forward-xl.safetensors"))
    dump(os.path.join(HERE, "replays-xl.json"), replays)


if __name__ == "__main__":
    main()
