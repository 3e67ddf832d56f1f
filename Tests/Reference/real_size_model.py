"""Makes a random Stable Diffusion 1.5 of full size as the hubs ship it, and encoders for its evaluation.

    python3 real_size_model.py FOLDER [--clip small|large]

FOLDER/sd15: diffusers' layout, f16 weights (2.1 GB), no encoders of its own. FOLDER/clip: a CLIPModel, `large` being
ViT-L/14's sizes (0.9 GB), `small` a fiftieth of that. Tensors are drawn one at a time, so little memory is needed.
"""

import argparse
import json
import pathlib
import struct

import numpy
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel

TEXT = dict(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
    max_position_embeddings=77, hidden_act="quick_gelu", bos_token_id=0, eos_token_id=2, pad_token_id=1,
    projection_dim=768)
VAE = dict(
    block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512, norm_num_groups=32,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
SCHEDULER = {
    "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True,
    "steps_offset": 1, "trained_betas": None, "clip_sample": False,
}
INDEX = {
    "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
    "scheduler": ["diffusers", "PNDMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"], "safety_checker": [None, None], "feature_extractor": [None, None],
}


def write(module, path, seed):
    """A safetensors file of random f16 weights under the module's names; the module itself is on no device."""
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items() if "position_ids" not in name}
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 2 * int(numpy.prod(shape, dtype=numpy.int64))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = numpy.random.default_rng(seed)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            file.write(values(random, name, shape).astype("<f2").tobytes())


def values(random, name, shape):
    """Sizes that keep activations near 1, as trained weights do."""
    if len(shape) <= 1:
        return numpy.full(shape, 1.0 if "norm" in name and name.endswith("weight") else 0.0, "float32")
    if "embedding" in name and "patch" not in name:
        return 0.02 * random.standard_normal(shape, "float32")
    return random.standard_normal(shape, "float32") / numpy.prod(shape[1:]) ** 0.5


def configured(config, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_tokenizer(folder):
    """The real vocabulary's size and ids, few merges: every word is spelt out in letters."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in [*range(33, 127), *range(161, 173), *range(174, 256)]]
    letters += [chr(256 + index) for index in range(256 - len(letters))]
    words = letters + [letter + "</w>" for letter in letters]
    merges = ["t h", "a n", "i n", "th e</w>", "an d</w>"]
    words += [merge.replace(" ", "") for merge in merges]
    words += [f"unused{index}</w>" for index in range(49406 - len(words))]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "model_max_length": 77, "pad_token": "<|endoftext|>", "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer"}))


def make(folder, clip="large"):
    folder = pathlib.Path(folder)
    base = folder / "sd15"
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768)
        vae = AutoencoderKL(**VAE)
        text = CLIPTextModel(CLIPTextConfig(**TEXT))
    for seed, (part, module, name) in enumerate([
            ("unet", unet, "diffusion_pytorch_model"), ("vae", vae, "diffusion_pytorch_model"),
            ("text_encoder", text, "model")]):
        config = module.config if part != "text_encoder" else text.config.to_dict()
        configured({key: value for key, value in dict(config).items() if key != "_use_default_values"}, base / part)
        write(module, base / part / f"{name}.fp16.safetensors" if part == "unet" else base / part / f"{name}.safetensors", seed)
    write_tokenizer(base / "tokenizer")
    (base / "scheduler").mkdir(exist_ok=True)
    (base / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER, indent=2) + "\n")
    (base / "model_index.json").write_text(json.dumps(INDEX, indent=2) + "\n")
    vision = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=224,
                  patch_size=14, hidden_act="quick_gelu", projection_dim=768)
    pair = dict(TEXT)
    if clip == "small":
        vision |= dict(hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4)
        pair |= dict(hidden_size=128, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4)
    with torch.device("meta"):
        model = CLIPModel(CLIPConfig(text_config=pair, vision_config=vision, projection_dim=768))
    configured(model.config.to_dict(), folder / "clip")
    write(model, folder / "clip" / "model.safetensors", 9)
    write_tokenizer(folder / "clip")
    return base


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--clip", choices=["small", "large"], default="large")
    options = parser.parse_args()
    print(make(options.folder, options.clip))
