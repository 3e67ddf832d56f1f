"""Dumps tiny random models of diffusers and transformers with inputs and outputs, for CoreDiffusionTests.

Run it with torch, diffusers, transformers and safetensors installed: python3 generate.py
Weights are rounded to f16 before the reference runs in f32, so that the files stay small and nothing is lost.
"""

import json
import pathlib
import re
import shutil

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTextModel, CLIPTokenizer

here = pathlib.Path(__file__).parent


def randomise(model):
    """Every weight random, norms around one, so that a forgotten weight or bias shows."""
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        if weight.dim() <= 1:
            weight.data = (1 if "norm" in name and name.endswith("weight") else 0) + 0.2 * noise
        elif "embedding" in name and "patch" not in name:
            weight.data = 0.3 * noise
        else:
            weight.data = noise / weight[0].numel() ** 0.5
        weight.data = weight.data.half().float()
    return model.eval()


def save(model, folder, file, rename=lambda name: name):
    path = here / folder
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    if hasattr(model, "save_config"):
        model.save_config(path)
    else:
        model.config.to_json_file(path / "config.json", use_diff=False)
    weights = {rename(name): tensor.half().contiguous() for name, tensor in model.named_parameters()}
    save_file(weights, path / file, {"format": "pt"})


def write(folder, tensors):
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}, here / folder / "cases.safetensors")


def tree(model, folder):
    """Paths and classes in registration order, of what has weights."""
    lines = []
    for path, module in model.named_modules():
        name = type(module).__name__
        if any(True for _ in module.parameters()) and name != "ModuleList":
            lines.append(f"{path} {name}")
    (here / folder / "modules.txt").write_text("\n".join(lines) + "\n")


def unet_cases(model, cases):
    out = {}
    for name, (sample, times, context, added) in cases.items():
        out[f"{name}.sample"], out[f"{name}.timestep"], out[f"{name}.context"] = sample, times, context
        for key, value in (added or {}).items():
            out[f"{name}.{key}"] = value
        out[f"{name}.output"] = model(sample, times, context, added_cond_kwargs=added).sample
    return out


def unets():
    torch.manual_seed(2)
    plain = randomise(
        UNet2DConditionModel(
            block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=4, attention_head_dim=4,
            cross_attention_dim=12, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
    )
    save(plain, "unet", "diffusion_pytorch_model.safetensors")
    tree(plain, "unet")
    even = (torch.randn(2, 4, 8, 8), torch.tensor([7.0, 850.0]), torch.randn(2, 5, 12), None)
    odd = (torch.randn(3, 4, 7, 5), torch.tensor([0.0, 12.5, 999.0]), torch.randn(3, 6, 12), None)
    small = (even[0] * 0.01, even[1], even[2] * 0.01, None)
    write("unet", unet_cases(plain, {"even": even, "odd": odd, "small": small}))

    deep = randomise(
        UNet2DConditionModel(
            block_out_channels=(8, 16, 16), layers_per_block=2, norm_num_groups=4, attention_head_dim=(1, 2, 4),
            cross_attention_dim=10, transformer_layers_per_block=(1, 1, 2), use_linear_projection=True,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            addition_embed_type="text_time", addition_time_embed_dim=4, projection_class_embeddings_input_dim=31,
        )
    )
    save(deep, "unet-xl", "diffusion_pytorch_model.fp16.safetensors")
    tree(deep, "unet-xl")
    added = {"text_embeds": torch.randn(2, 7), "time_ids": torch.tensor([[64.0, 48, 0, 3, 64, 64], [32, 32, 1, 0, 64, 48]])}
    odd = (torch.randn(2, 4, 9, 7), torch.tensor([3.0, 501.0]), torch.randn(2, 5, 10), added)
    write("unet-xl", unet_cases(deep, {"odd": odd}))

    micro = randomise(
        UNet2DConditionModel(
            block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=2,
            cross_attention_dim=6, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        )
    )
    save(micro, "unet-gradients", "diffusion_pytorch_model.safetensors")
    sample, times, context = torch.randn(2, 4, 5, 6), torch.tensor([40.0, 700.0]), torch.randn(2, 3, 6)
    target = torch.randn(2, 4, 5, 6)
    context.requires_grad_()
    loss = ((micro(sample, times, context).sample - target) ** 2).mean()
    loss.backward()
    out = {"sample": sample, "timestep": times, "context": context, "target": target, "loss": loss.reshape(1)}
    out["context.gradient"] = context.grad
    for name, weight in micro.named_parameters():
        out["gradient." + name] = weight.grad
    write("unet-gradients", out)


def autoencoder():
    torch.manual_seed(3)
    vae = randomise(
        AutoencoderKL(
            block_out_channels=(8, 16, 16), layers_per_block=1, norm_num_groups=4, latent_channels=3, scaling_factor=0.7,
            down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        )
    )
    save(vae, "vae", "diffusion_pytorch_model.safetensors")
    tree(vae, "vae")
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(name):
        for new, before in old.items():
            name = name.replace(f".{new}.", f".{before}.")
        return name

    save(vae, "vae-old-names", "diffusion_pytorch_model.safetensors", rename)
    out = {}
    for name, pixels in (("even", torch.randn(2, 3, 16, 16)), ("odd", torch.randn(1, 3, 13, 18)),
                         ("small", torch.randn(1, 3, 12, 12) * 0.01)):
        posterior = vae.encode(pixels).latent_dist
        out[name + ".pixels"], out[name + ".mean"], out[name + ".logvar"] = pixels, posterior.mean, posterior.logvar
        latents = torch.randn(posterior.mean.shape) * (0.01 if name == "small" else 1)
        out[name + ".latents"], out[name + ".decoded"] = latents, vae.decode(latents).sample
    pixels = out["even.pixels"]
    posterior = vae.encode(pixels).latent_dist
    loss = (vae.decode(posterior.mean).sample - pixels).abs().mean() + 0.1 * posterior.logvar.pow(2).mean()
    loss.backward()
    out["loss"] = loss.reshape(1)
    for name, weight in vae.named_parameters():
        # One number for each weight keeps the file small: the gradient along a fixed direction.
        direction = torch.cos(torch.arange(weight.numel(), dtype=torch.float64)).reshape(weight.shape)
        out["gradient." + name] = (weight.grad.double() * direction).sum().float().reshape(1)
        out["norm." + name] = weight.grad.norm().reshape(1)
    write("vae", out)


def clip():
    torch.manual_seed(4)
    sizes = dict(
        vocab_size=150, hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2,
        max_position_embeddings=11, bos_token_id=148, eos_token_id=149, pad_token_id=149,
    )
    ids = torch.randint(0, 148, (2, 11))
    ids[:, 0], ids[0, 6:], ids[1, 10] = 148, 149, 149
    for folder, changes in (("text", {}), ("text-old", {"eos_token_id": 2, "hidden_act": "gelu"})):
        model = randomise(CLIPTextModel(CLIPTextConfig(**(sizes | changes))))
        save(model, folder, "model.safetensors", (lambda n: "text_model." + n) if folder == "text-old" else (lambda n: n))
        states = model(ids, output_hidden_states=True)
        write(
            folder,
            {
                "input_ids": ids, "last_hidden_state": states.last_hidden_state, "pooled": states.pooler_output,
                "skipped": model.final_layer_norm(states.hidden_states[-2]),
            },
        )
        tree(model, folder)

    vision = dict(hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, patch_size=4, image_size=12)
    model = randomise(CLIPModel(CLIPConfig(text_config=sizes, vision_config=vision, projection_dim=10)))
    save(model, "clip", "model.safetensors")
    tree(model, "clip")
    pixels = torch.randn(3, 3, 12, 12)
    out = {"input_ids": ids, "pixel_values": pixels}
    result = model(input_ids=ids, pixel_values=pixels)
    text = model.text_projection(model.text_model(ids).pooler_output)
    image = model.visual_projection(model.vision_model(pixels).pooler_output)
    # The model's own outputs are normalised; ours are not.
    assert torch.allclose(torch.nn.functional.normalize(text), result.text_embeds, atol=1e-6)
    assert torch.allclose(torch.nn.functional.normalize(image), result.image_embeds, atol=1e-6)
    out["text_embeds"], out["image_embeds"] = text, image
    logits = torch.nn.functional.normalize(image[:2]) @ torch.nn.functional.normalize(text).T * model.logit_scale.exp()
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(2))
    loss.backward()
    out["loss"] = loss.reshape(1)
    for name, weight in model.named_parameters():
        out["gradient." + name] = weight.grad
    write("clip", out)


def schedules():
    torch.manual_seed(5)
    out, cases = {}, []
    common = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False)
    variants = [
        ("sd", dict(set_alpha_to_one=False, steps_offset=1), 7, 0.0),
        ("one", dict(set_alpha_to_one=True, steps_offset=0, clip_sample=True), 5, 0.0),
        ("velocity", dict(set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction"), 6, 0.0),
        ("sample", dict(set_alpha_to_one=False, timestep_spacing="linspace", prediction_type="sample"), 6, 0.0),
        ("noisy", dict(set_alpha_to_one=False, timestep_spacing="trailing"), 5, 0.5),
        ("terminal", dict(timestep_spacing="trailing", prediction_type="v_prediction", rescale_betas_zero_snr=True), 4, 0.0),
        ("linear", dict(beta_schedule="linear", beta_start=0.0001, beta_end=0.02), 4, 0.0),
        ("cosine", dict(beta_schedule="squaredcos_cap_v2"), 4, 0.0),
    ]
    for name, changes, steps, eta in variants:
        scheduler = DDIMScheduler(**(common | changes))
        scheduler.set_timesteps(steps)
        latents = torch.randn(2, 3, 2, 2)
        out[name + ".alphas"], out[name + ".start"] = scheduler.alphas_cumprod, latents.clone()
        for i, t in enumerate(scheduler.timesteps):
            prediction, noise = torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2)
            out[f"{name}.prediction.{i}"], out[f"{name}.noise.{i}"] = prediction, noise
            latents = scheduler.step(prediction, t, latents, eta=eta, variance_noise=noise if eta else None).prev_sample
        out[name + ".end"] = latents
        clean, noise, times = torch.randn(3, 3, 2, 2), torch.randn(3, 3, 2, 2), torch.tensor([0, 400, 999])
        out[name + ".clean"], out[name + ".added"] = clean, noise
        out[name + ".noisy"] = scheduler.add_noise(clean, noise, times)
        out[name + ".velocity"] = scheduler.get_velocity(clean, noise, times)
        folder = here / "schedules" / name
        folder.mkdir(parents=True, exist_ok=True)
        scheduler.save_config(folder)
        cases.append({"name": name, "steps": steps, "eta": eta, "timesteps": scheduler.timesteps.tolist()})
    save_file({key: value.contiguous() for key, value in out.items()}, here / "schedules" / "cases.safetensors")
    (here / "schedules" / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


CAPTIONS = """a photo of the red heart, the grinning cat face with smiling eyes, and don't we'll they're it's
an astronaut riding the horse on the moon in watercolour; the thinking face, thinking of other things
2 keycaps, 1st place medal, 100 points! the café, naïve, straße, ÅNGSTRÖM, señor, 日本語 テスト, привет мир
waving hand: medium-dark skin tone; flag: united states; family: man, woman, girl, boy (the end)"""

PROMPTS = [
    "", " ", "a photo of the red heart", "A  Photo\tof\n the RED\u00a0heart ", "don't we'll they're it's I'd he've 'sam 'S",
    "12345 1st 2nd ½ ² Ⅷ ٣", "cafe\u0301 caf\u00e9 nai\u0308ve", "straße STRASSE ẞ", "İstanbul ISTANBUL ıI", "ΟΔΥΣΣΕΥΣ σς",
    "日本語のテスト 中文", "🙂👩\u200d🚀 🇺🇸 ❤️ 👍🏽", "hello,world!!! ...#@$% (((a))) [b:1.2]", "snake_case-kebab--case__x", "a'b''c'''s '' 't",
    "<|startoftext|>in the middle<|endoftext|> end", "<|STARTOFTEXT|> <|endoftext |> <start>", "e\u0301e\u0301\u0323 \u1e69 s\u0323\u0307",
    "\u200bzero\u200bwidth\ufeff bom", "\u2028line\u2029par\u0085next\u3000ideo\u1680ogham", "a" * 90, "the " * 60,
    "thinking face " * 20 + "<|endoftext|> tail", "مرحبا بالعالم", "नमस्ते दुनिया", "ﬁne ﬂow Ǆ ǅ",
    "x\u0000y\u0007z", "\U0001f1e6\U00010400\U0001d400",
]


def tokenizer():
    folder = here / "tokenizer"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), learner.pre_tokenizer])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=800, min_frequency=2, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator([line.lower() for line in CAPTIONS.splitlines()], trainer)
    merges = [pair if isinstance(pair, list) else pair.split(" ") for pair in json.loads(learner.to_str())["model"]["merges"]]
    # CLIP's order: bytes, bytes at a word's end, merges, specials.
    tokens = sorted(alphabet) + [letter + "</w>" for letter in sorted(alphabet)]
    for first, second in merges:
        if first + second not in tokens:
            tokens.append(first + second)
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(" ".join(pair) for pair in merges) + "\n")
    settings = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    reference = CLIPTokenizer.from_pretrained(folder)
    cases = []
    for prompt in PROMPTS:
        ids = reference(prompt, padding="max_length", truncation=True, max_length=77).input_ids
        cases.append({"prompt": prompt, "ids": ids})
    (folder / "cases.json").write_text(json.dumps(cases))


def original_unet_name(name, n, unet_names):
    """diffusers' name to the original one; the library's own converter checks it (generate_pipelines.py)."""
    inner = {
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
        "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    }
    for new, old in (
        ("add_embedding.linear_1", "label_emb.0.0"), ("add_embedding.linear_2", "label_emb.0.2"),
        ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"), ("conv_in", "input_blocks.0.0"),
        ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
    ):
        if name.startswith(new + "."):
            return old + name[len(new):]
    if found := re.fullmatch(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(\w+)", name):
        return f"input_blocks.{(int(found[1]) + 1) * (n + 1)}.0.op.{found[2]}"
    if found := re.fullmatch(r"up_blocks\.(\d+)\.upsamplers\.0\.conv\.(\w+)", name):
        block = int(found[1]) * (n + 1) + n
        part = 2 if any(key.startswith(f"up_blocks.{found[1]}.attentions.") for key in unet_names) else 1
        return f"output_blocks.{block}.{part}.conv.{found[2]}"
    found = re.fullmatch(r"(down_blocks\.(\d+)|up_blocks\.(\d+)|mid_block)\.(resnets|attentions)\.(\d+)\.(.*)", name)
    place, rest = int(found[5]), found[6]
    if found[4] == "resnets":
        part, leaf = rest.rsplit(".", 1)
        rest = inner[part] + "." + leaf
    if found[2]:
        block = f"input_blocks.{1 + int(found[2]) * (n + 1) + place}"
    elif found[3]:
        block = f"output_blocks.{int(found[3]) * (n + 1) + place}"
    else:
        return f"middle_block.{1 if found[4] == 'attentions' else 2 * place}.{rest}"
    return f"{block}.{1 if found[4] == 'attentions' else 0}.{rest}"


def original_vae_name(name, levels):
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
    for new, old in (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        name = name.replace(f"mid_block.attentions.0.{new}.", f"mid.attn_1.{old}.")
    name = re.sub(r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    name = re.sub(r"up_blocks\.(\d)\.resnets\.(\d)", lambda m: f"up.{levels - 1 - int(m[1])}.block.{m[2]}", name)
    return re.sub(r"up_blocks\.(\d)\.upsamplers\.0", lambda m: f"up.{levels - 1 - int(m[1])}.upsample", name)


if __name__ == "__main__":
    unets()
    autoencoder()
    clip()
    schedules()
    tokenizer()
