"""Holds what Radiata does with rectified-flow pipelines against diffusers, lycoris-lora and PEFT, on tiny random models of
Flux.1 and Stable Diffusion 3.5 written by diffusers.

    python3 flow_check.py ../../.build/release/radiata

- `sample` draws the pictures of diffusers' pipelines from the same latents: Euler steps with a static and with a dynamic shift,
  classifier-free guidance, embedded guidance, T5 and without it; within one 8-bit step.
- `model run --adapter`: files of lycoris-lora's algorithms, PEFT's folder, diffusers' and kohya's files change the transformer as
  the library does, to 5e-6 of the output's largest value.
- `adapter convert` to kohya, diffusers and PEFT: the same output again, read by diffusers' own loader too.
- `model replay`: three AdamW steps of the flow objective, losses to 5e-6, tensors within 0.2 % of the distance moved.
"""

import inspect
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import peft
import torch
from diffusers import (
    AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel, SD3Transformer2DModel,
    StableDiffusion3Pipeline,
)
from diffusers.loaders import lora_conversion_utils
from lycoris import LycorisNetwork, create_lycoris, create_lycoris_from_weights
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer, T5Config, T5EncoderModel, T5Tokenizer,
)
from transformers.utils.logging import disable_progress_bar

radiata = sys.argv[1]
fixtures = pathlib.Path(__file__).parent.parent / "CoreDiffusionTests" / "Fixtures"
disable_progress_bar()
torch.manual_seed(1)
bad = 0


def report(label, value, limit):
    global bad
    bad += value >= limit
    print(f"{'ok ' if value < limit else 'BAD'} {label:70} {value:.1e} of {limit:.0e}", flush=True)


def randomise(model):
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn_like(weight)
            weight.copy_((1 if "norm" in name and name.endswith("weight") else 0) + 0.2 * noise if weight.dim() <= 1
                         else noise / weight[0].numel() ** 0.5)
    return model.eval().requires_grad_(False)


def clip(projection, width):
    tokenizer = CLIPTokenizer.from_pretrained(fixtures / "pipeline-sd" / "tokenizer")
    config = CLIPTextConfig(
        vocab_size=max(tokenizer.get_vocab().values()) + 1, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=3,
        num_attention_heads=4, max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id, projection_dim=projection or width)
    return randomise((CLIPTextModelWithProjection if projection else CLIPTextModel)(config)), tokenizer


def t5(width):
    tokenizer = T5Tokenizer.from_pretrained(fixtures / "t5-tokenizer-json")
    return randomise(T5EncoderModel(T5Config(
        vocab_size=len(tokenizer), d_model=width, d_kv=8, d_ff=48, num_layers=2, num_heads=3, feed_forward_proj="gated-gelu"))), tokenizer


def autoencoder(channels):
    return randomise(AutoencoderKL(
        block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, latent_channels=channels, scaling_factor=0.8,
        shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False, sample_size=32,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2))


def flux(guidance, scheduler):
    transformer = randomise(FluxTransformer2DModel(
        in_channels=16, num_layers=2, num_single_layers=2, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=24,
        pooled_projection_dim=32, guidance_embeds=guidance, axes_dims_rope=(4, 6, 6)))
    text, tokenizer = clip(None, 32)
    long, long_tokenizer = t5(24)
    return FluxPipeline(transformer=transformer, scheduler=scheduler, vae=autoencoder(4), text_encoder=text, tokenizer=tokenizer,
                        text_encoder_2=long, tokenizer_2=long_tokenizer)


def stable_diffusion_3(with_t5, scheduler):
    transformer = randomise(SD3Transformer2DModel(
        sample_size=16, num_layers=3, attention_head_dim=16, num_attention_heads=2, joint_attention_dim=72, caption_projection_dim=32,
        pooled_projection_dim=20 + 24, in_channels=4, out_channels=4, pos_embed_max_size=20, dual_attention_layers=(0, 1),
        qk_norm="rms_norm"))
    (one, tokenizer), (two, tokenizer_2) = clip(20, 32), clip(24, 32)
    long, long_tokenizer = t5(72) if with_t5 else (None, None)
    return StableDiffusion3Pipeline(
        transformer=transformer, scheduler=scheduler, vae=autoencoder(4), text_encoder=one, tokenizer=tokenizer, text_encoder_2=two,
        tokenizer_2=tokenizer_2, text_encoder_3=long, tokenizer_3=long_tokenizer)


def command(*words):
    done = subprocess.run([radiata, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr}")
    return done.stdout


def pictures(folder):
    euler = FlowMatchEulerDiscreteScheduler
    cases = [
        ("Flux, embedded guidance, dynamic shift", flux(True, euler(shift=3.0, use_dynamic_shifting=True)), dict(guidance_scale=3.5), 3.5),
        ("Flux, no guidance, static shift", flux(False, euler(shift=2.0)), dict(guidance_scale=1.0), 1),
        ("SD3, guidance, T5", stable_diffusion_3(True, euler(shift=3.0)), dict(guidance_scale=4.0, negative_prompt="blue"), 4),
        ("SD3 without T5", stable_diffusion_3(False, euler(shift=1.0)), dict(guidance_scale=1.0), 1),
    ]
    for number, (name, pipeline, options, guidance) in enumerate(cases):
        base = folder / f"base-{number}"
        pipeline.save_pretrained(base)
        pipeline.set_progress_bar_config(disable=True)
        height, width, steps = 16, 20, 4
        latents = torch.randn(1, 4, height, width)
        save_file({"latents": latents}, folder / "latents.safetensors")
        given = FluxPipeline._pack_latents(latents, 1, 4, height, width) if isinstance(pipeline, FluxPipeline) else latents
        wanted = pipeline("a photo of a caf\u00e9, 42 cats", height=2 * height, width=2 * width, num_inference_steps=steps, latents=given,
                          output_type="np", **options).images[0]
        words = ["sample", "--base", base, "--prompt", "a photo of a caf\u00e9, 42 cats", "--latents", folder / "latents.safetensors",
                 "--steps", steps, "--guidance", guidance, "--sampler", "euler", "--out", folder / f"images-{number}"]
        if "negative_prompt" in options:
            words += ["--negative", options["negative_prompt"]]
        command(*words)
        found = numpy.asarray(Image.open(folder / f"images-{number}" / "latents-0.png")).astype(float)
        report(f"sample: {name}", float(numpy.abs(found - wanted * 255).max()), 1.0)
    return folder / "base-0", folder / "base-2"


PRESETS = {
    "flux": ["FluxTransformerBlock", "FluxSingleTransformerBlock"], "sd3": ["JointTransformerBlock"],
}
ALGORITHMS = {
    "lora": dict(algo="lora", linear_dim=3, linear_alpha=2), "loha": dict(algo="loha", linear_dim=2, linear_alpha=1),
    "lokr": dict(algo="lokr", linear_dim=2, linear_alpha=1, factor=4), "full": dict(algo="full", linear_dim=1, linear_alpha=1),
    "glora": dict(algo="glora", linear_dim=2, linear_alpha=1), "diag-oft": dict(algo="diag-oft", linear_dim=4, linear_alpha=1),
    "boft": dict(algo="boft", linear_dim=24, linear_alpha=1), "ia3": dict(algo="ia3", linear_dim=1, linear_alpha=1),
    "dylora": dict(algo="dylora", linear_dim=4, linear_alpha=2, block_size=2),
}


def inputs_of(kind, transformer):
    torch.manual_seed(5)
    if kind == "flux":
        ids = torch.zeros(3, 4, 3)
        ids[..., 1], ids[..., 2] = torch.arange(3)[:, None], torch.arange(4)[None]
        return {"hidden_states": torch.randn(2, 12, 16), "encoder_hidden_states": torch.randn(2, 5, 24),
                "pooled_projections": torch.randn(2, 32), "timestep": torch.tensor([0.3, 0.8]), "guidance": torch.tensor([1.0, 2.0]),
                "img_ids": ids.reshape(-1, 3), "txt_ids": torch.zeros(5, 3)}
    return {"hidden_states": torch.randn(2, 4, 7, 10), "encoder_hidden_states": torch.randn(2, 5, 72),
            "pooled_projections": torch.randn(2, 44), "timestep": torch.tensor([300.0, 800.0])}


def exact(values):
    return {k: v.double() if v.is_floating_point() else v for k, v in values.items()}


def run(folder, base, kind, inputs, adapter, label, wanted):
    save_file({k: v.contiguous() for k, v in inputs.items()}, folder / "in.safetensors")
    command("model", "run", "--model", base, "--component", kind, "--inputs", folder / "in.safetensors", "--adapter", adapter, "--out",
            folder / "out.safetensors")
    found = load_file(folder / "out.safetensors")["sample"].double()
    report(label, float((found - wanted).abs().max() / wanted.abs().max()), 5e-6)


def network(kind, transformer, name):
    LycorisNetwork.apply_preset({"enable_conv": False, "target_module": PRESETS[kind], "target_name": [], "unet_target_module": [],
                                 "unet_target_name": []})
    LycorisNetwork.LORA_PREFIX = "lycoris"
    torch.manual_seed(7)
    made = create_lycoris(transformer, 1.0, **ALGORITHMS[name])
    made.apply_to()
    # Its modules belong to it from here on. Orthogonal maps are computed in f32 by lycoris-lora itself.
    made.to(torch.float32 if name in ("diag-oft", "boft") else torch.float64)
    # Away from its neutral start, but near: orthogonal maps and scales want small numbers.
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return made


def adapters(folder, kind, base):
    transformer = (FluxTransformer2DModel if kind == "flux" else SD3Transformer2DModel).from_pretrained(
        base / "transformer").double().requires_grad_(False)
    inputs = inputs_of(kind, transformer)
    plain = transformer(**exact(inputs)).sample
    for name in ALGORITHMS:
        made = network(kind, transformer, name)
        made.eval()
        with torch.no_grad():
            if next(made.parameters()).dtype == torch.float32:
                wanted = transformer.float()(**inputs).sample.double()
            else:
                wanted = transformer(**exact(inputs)).sample
        assert (wanted - plain).abs().max() > 1e-3 * plain.abs().max(), name
        path = folder / f"{kind}-{name}.safetensors"
        save_file({k: v.float().contiguous() for k, v in made.state_dict().items()}, path)
        made.restore()
        transformer.double()
        if name == "dylora":
            # Trained with a rank drawn anew each call; its file is LoRA's, and lycoris-lora reads it as that.
            read = create_lycoris_from_weights(1.0, str(path), transformer)[0]
            read.apply_to()
            wanted = transformer(**exact(inputs)).sample
            read.restore()
        run(folder, base, kind, inputs, path, f"{kind}: {name} of lycoris-lora", wanted)
        if name == "lora":
            conversions(folder, kind, base, inputs, path, wanted)
    peft_and_diffusers(folder, kind, base, inputs)


def kohya_reader(width):
    """diffusers' reader of kohya's files, which knows the published width alone."""
    source = inspect.getsource(lora_conversion_utils._convert_kohya_flux_lora_to_diffusers)
    scope = dict(vars(lora_conversion_utils))
    exec(source.replace("3072, 3072, 3072, 12288", f"{width}, {width}, {width}, {4 * width}"), scope)
    return scope["_convert_kohya_flux_lora_to_diffusers"]


def conversions(folder, kind, base, inputs, path, wanted):
    for to in ("kohya", "diffusers", "peft"):
        out = folder / (f"{kind}-to-{to}" + ("" if to == "peft" else ".safetensors"))
        command("adapter", "convert", path, "--to", to, "--type", "f32", "--out", out)
        run(folder, base, kind, inputs, out, f"{kind}: converted to {to}", wanted)
    keys = set(load_file(folder / f"{kind}-to-kohya.safetensors"))
    assert all(k.startswith("lora_unet_") and "transformer" not in k for k in keys), sorted(keys)[:3]
    if kind == "flux":
        # diffusers' own reader of kohya's names.
        read = kohya_reader(32)(load_file(folder / f"{kind}-to-kohya.safetensors"))
        save_file({k: v.contiguous().clone() for k, v in read.items()}, folder / "read.safetensors")
        run(folder, base, kind, inputs, folder / "read.safetensors", "flux: kohya's file, read by diffusers", wanted)
    pipeline = (FluxPipeline if kind == "flux" else StableDiffusion3Pipeline).from_pretrained(base)
    pipeline.load_lora_weights(load_file(folder / f"{kind}-to-diffusers.safetensors"))
    found = pipeline.transformer.double()(**exact(inputs)).sample
    report(f"{kind}: diffusers loads what was converted", float((found - wanted).abs().max() / wanted.abs().max()), 5e-6)


def peft_and_diffusers(folder, kind, base, inputs):
    cls, whole = (FluxTransformer2DModel, FluxPipeline) if kind == "flux" else (SD3Transformer2DModel, StableDiffusion3Pipeline)
    transformer = cls.from_pretrained(base / "transformer").requires_grad_(False)
    names = [n for n, m in transformer.named_modules() if isinstance(m, torch.nn.Linear) and "transformer_blocks" in n]
    transformer.add_adapter(peft.LoraConfig(r=3, lora_alpha=5, target_modules=names, init_lora_weights=False))
    state = peft.get_peft_model_state_dict(transformer)
    config = {"transformer_lora_adapter_metadata": {"r": 3, "lora_alpha": 5, "target_modules": names, "peft_type": "LORA"}}
    whole.save_lora_weights(folder / f"{kind}-diffusers-scaled", transformer_lora_layers=state, **config)
    wanted = transformer.double()(**exact(inputs)).sample
    run(folder, base, kind, inputs, folder / f"{kind}-diffusers-scaled", f"{kind}: diffusers' folder", wanted)
    made = folder / f"{kind}-peft"
    made.mkdir()
    save_file({f"base_model.model.{k}": v.float().contiguous() for k, v in state.items()}, made / "adapter_model.safetensors")
    (made / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 3, "lora_alpha": 5, "target_modules": names}))
    run(folder, base, kind, inputs, made, f"{kind}: PEFT's folder", wanted)


def replays(folder, kind, base):
    transformer = (FluxTransformer2DModel if kind == "flux" else SD3Transformer2DModel).from_pretrained(
        base / "transformer").double().requires_grad_(False)
    torch.manual_seed(11)
    width, pooled = (24, 32) if kind == "flux" else (72, 44)
    batches = {}
    for i in range(3):
        batches |= {f"latents.{i}": torch.randn(2, 4, 8, 6), f"noise.{i}": torch.randn(2, 4, 8, 6),
                    f"timesteps.{i}": torch.rand(2) * 1000, f"context.{i}": torch.randn(2, 5, width),
                    f"pooled_projections.{i}": torch.randn(2, pooled)}
    save_file(batches, folder / "batches.safetensors")

    def predict(noisy, t, context, vector):
        if kind == "sd3":
            return transformer(noisy, context, vector, t).sample
        ids = FluxPipeline._prepare_latent_image_ids(2, 4, 3, "cpu", torch.float64)
        tokens = transformer(FluxPipeline._pack_latents(noisy, 2, 4, 8, 6), context, vector, t / 1000, ids,
                             torch.zeros(5, 3, dtype=torch.float64), torch.ones(2, dtype=torch.float64)).sample
        return FluxPipeline._unpack_latents(tokens, 8, 6, 1)

    for name, lr in (("lora", 1e-3), ("loha", 1e-3), ("lokr", 1e-3), ("full", 1e-4)):
        made = network(kind, transformer, name)
        start = {k: v.float().clone().contiguous() for k, v in made.state_dict().items()}
        save_file(start, folder / "start.safetensors")
        # What the file holds is what trains.
        with torch.no_grad():
            for key, value in made.state_dict(keep_vars=True).items():
                value.copy_(start[key])
        made.train()
        adamw = torch.optim.AdamW(made.parameters(), lr=lr, weight_decay=0.1)
        losses, first, still = [], {}, set()
        for i in range(3):
            one = {k.split(".")[0]: v.double() for k, v in batches.items() if k.endswith(f".{i}")}
            s = (one["timesteps"] / 1000).view(-1, 1, 1, 1)
            answer = predict((1 - s) * one["latents"] + s * one["noise"], one["timesteps"], one["context"], one["pooled_projections"])
            loss = ((answer - (one["noise"] - one["latents"])) ** 2).mean()
            adamw.zero_grad()
            loss.backward()
            if i == 0:
                still = {one.lora_name for one in made.loras if not any(p.grad is not None and p.grad.any() for p in one.parameters())}
                first = {k: v.grad.abs() / v.grad.abs().max() for k, v in made.state_dict(keep_vars=True).items() if v.grad is not None}
            adamw.step()
            losses.append(loss.item())
        wanted = {k: v.clone() for k, v in made.state_dict().items()}
        made.restore()
        out = command("model", "replay", "--model", base, "--adapter", folder / "start.safetensors", "--batches",
                      folder / "batches.safetensors", "--lr", lr, "--weight-decay", 0.1, "--out", folder / "trained.safetensors",
                      "--format", "json")
        found = json.loads(out)["losses"]
        report(f"{kind}: replay of {name}, losses", max(abs(a - b) / b for a, b in zip(found, losses, strict=True)), 5e-6)
        trained, worst, decayed = load_file(folder / "trained.safetensors"), 0, 0
        for key, target in wanted.items():
            if key.endswith("alpha"):
                continue
            difference = trained[key].double() - target
            if key in first:
                # As in replay_check.py: AdamW's first steps go by the sign of gradients, some nearly 0.
                difference = difference * (first[key] >= 1e-4)
            distance = float((difference.norm() / (target - start[key].double()).norm()).detach())
            if key.split(".")[0] in still:
                decayed = max(decayed, distance)
            else:
                worst = max(worst, distance)
        report(f"{kind}: replay of {name}, tensors", worst, 0.002)
        if still:
            # Weight decay alone moves what no gradient reaches (queries of the words in the last block), by
            # 3 · lr · 0.1 of a weight; in f32 its factor and its product round at each step by half a unit.
            report(f"{kind}: replay of {name}, tensors without a gradient", decayed, max(0.002, 6 * 2.0**-24 / (0.3 * lr)))


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    bases = pictures(folder)
    for kind, base in zip(("flux", "sd3"), bases):
        replays(folder, kind, base)
        with torch.no_grad():
            adapters(folder, kind, base)
print("all agree" if not bad else f"{bad} differ")
sys.exit(bad > 0)
