"""Writes the fixtures of CoreAdaptersTests: a tiny Stable Diffusion (U-Net, text encoder), adapter files with random
weights for every algorithm, and what lycoris-lora computes with them: forward outputs and ten AdamW steps.

    python generate.py [variants] (torch 2.x CPU, diffusers 0.42, transformers 5, lycoris-lora 4.1.3, safetensors)

Truth is the package's own *forward* pass in double precision; its merge is wrong for LoHa and LoKr (scale twice).
The layer lists are given explicitly: the package's built-in presets do not fit a diffusers U-Net.
"""
import contextlib
import inspect
import json
import os
import shutil
import sys
import tempfile

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from lycoris import LycorisNetwork, create_lycoris
from lycoris.modules.ia3 import IA3Module
from lycoris.modules.locon import LoConModule
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

HERE = os.path.dirname(os.path.abspath(__file__))
PIPELINE = os.path.join(HERE, "pipeline")
STEPS = 10


def dump(path, obj):
    with open(path, "w") as f:
        json.dump(obj, f, indent=1, sort_keys=True)
        f.write("\n")


def round_to_half(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(p.half().float())


def make_pipeline():
    torch.manual_seed(7)
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), block_out_channels=(8, 16), layers_per_block=1,
        cross_attention_dim=12, attention_head_dim=2, norm_num_groups=4)
    text = CLIPTextModel(CLIPTextConfig(
        vocab_size=40, hidden_size=12, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=10, hidden_act="quick_gelu", bos_token_id=38, eos_token_id=39, pad_token_id=39))
    with torch.no_grad():
        for module in (unet, text):
            for name, p in module.named_parameters():
                # Norms away from 1 and 0, so that a missing affine shows.
                if "norm" in name:
                    p.add_(torch.randn_like(p) * 0.1)
    round_to_half(unet)
    round_to_half(text)
    shutil.rmtree(PIPELINE, ignore_errors=True)
    unet.half().save_pretrained(os.path.join(PIPELINE, "unet"))
    text.half().save_pretrained(os.path.join(PIPELINE, "text_encoder"))
    DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                  set_alpha_to_one=False, steps_offset=1).save_pretrained(os.path.join(PIPELINE, "scheduler"))
    return unet.double().requires_grad_(False), text.double().requires_grad_(False)


@contextlib.contextmanager
def default(module, name, options):
    """An option that the package's generic constructor does not hand on, as the module's default."""
    parameter = inspect.signature(module.__init__).parameters[name]
    names = [n for n, p in inspect.signature(module.__init__).parameters.items() if p.default is not p.empty]
    plain = module.__init__.__defaults__
    assert plain[names.index(name)] is parameter.default
    values = list(plain)
    values[names.index(name)] = options.get(name, parameter.default)
    module.__init__.__defaults__ = tuple(values)
    yield
    module.__init__.__defaults__ = plain


def make_network(model, side, seed, **options):
    """A LycorisNetwork on all layers of one side, every trainable tensor random."""
    if side == "unet":
        classes = ["Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"]
        names = ["conv_in", "conv_out", "time_embedding\\.linear_1", "time_embedding\\.linear_2"]
    else:
        classes, names = ["CLIPAttention", "CLIPMLP"], []
    LycorisNetwork.apply_preset({"lora_prefix": "lora_unet" if side == "unet" else "lora_te"})
    preset = {"target_module": classes, "target_name": names, "enable_conv": True}
    # create_lycoris applies its default preset over any earlier one unless it is given a file.
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as f:
        f.write("\n".join(f"{k} = {json.dumps(v)}" for k, v in preset.items()) + "\n")
        f.flush()
        with default(IA3Module, "train_on_input", options), default(LoConModule, "rs_lora", options):
            network = create_lycoris(model, 1.0, preset=f.name, **options)
    network.apply_to()
    network.double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in network.named_parameters():
            if options.get("algo") == "full" or "_norm" in name.split(".")[-1] or name.endswith("diff"):
                p.add_(torch.randn(p.shape, generator=generator, dtype=torch.float64) * 0.03)
            elif "oft_blocks" in name:
                p.add_(torch.randn(p.shape, generator=generator, dtype=torch.float64) * 0.1)
            elif "dora_scale" in name or "rescale" in name:
                p.mul_(1 + torch.randn(p.shape, generator=generator, dtype=torch.float64) * 0.1)
            else:
                p.copy_(torch.randn(p.shape, generator=generator, dtype=torch.float64) * options.get("std", 0.15))
            p.copy_(p.float())
    return network


def named(network):
    """The network's own tensors, with the text encoder's names as Stable Diffusion 1 files carry them. A full update's state
    is made anew from its weight: that tensor is told by the one that is trained."""
    trained = dict(network.named_parameters())
    out = {}
    for key, value in network.state_dict(keep_vars=True).items():
        layer, _, suffix = key.rpartition(".")
        own = trained.get(key, trained.get(f"{layer}.{ {'diff': 'weight', 'diff_b': 'bias'}.get(suffix, suffix)}", value))
        out[key.replace("lora_te_encoder_", "lora_te_text_model_encoder_")] = own
    return out


def state(network):
    """The file's tensors, with those names."""
    return {key.replace("lora_te_encoder_", "lora_te_text_model_encoder_"): value.detach().float().contiguous().clone()
            for key, value in network.state_dict().items()}


def undecided(tensors):
    """Where the gradient, after the first step's backward pass, is under 1e-4 of its tensor's largest: AdamW's first step
    moves an element by the sign of its gradient, so these go either way by rounding alone. Indices by key; tensors of which
    that is more than one and a hundredth are left out, so that they are judged as they are."""
    found = {}
    for key, tensor in tensors.items():
        if tensor.grad is None:
            continue
        small = (tensor.grad.abs() < 1e-4 * tensor.grad.abs().max()).flatten().nonzero().flatten().tolist()
        if 0 < len(small) <= max(1, tensor.numel() // 100):
            found[key] = small
    return found


CASES = {
    "lora": dict(algo="lora", linear_dim=4, linear_alpha=2, conv_dim=2, conv_alpha=2, train_norm=True),
    "lora_tucker": dict(algo="lora", linear_dim=3, linear_alpha=3, conv_dim=3, conv_alpha=1.5, use_tucker=True),
    "loha": dict(algo="loha", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, std=0.4),
    "lokr_full": dict(algo="lokr", linear_dim=10000, linear_alpha=1, conv_dim=10000, conv_alpha=1, factor=2, std=0.2),
    "lokr_low": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=2, std=0.5),
    "lokr_both": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=4, std=0.6,
                      decompose_both=True),
    "full": dict(algo="full", train_norm=True),
    "ia3": dict(algo="ia3"),
    "glora": dict(algo="glora", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1),
    "diag_oft": dict(algo="diag-oft", linear_dim=4, conv_dim=4, rescaled=True, constraint=0.05),
    "boft": dict(algo="boft", linear_dim=6, conv_dim=6),
    "dora": dict(algo="lora", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, dora_wd=True),
    "dora_input": dict(algo="loha", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, dora_wd=True,
                       wd_on_output=False, std=0.4),
}

#: Options off the beaten track: forward outputs only, in forward-variants.safetensors.
VARIANTS = {
    "lora_rs": dict(algo="lora", linear_dim=4, linear_alpha=2, conv_dim=4, conv_alpha=2, rs_lora=True),
    "lora_scalar": dict(algo="lora", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, use_scalar=True),
    "loha_tucker": dict(algo="loha", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, use_tucker=True, std=0.5),
    "loha_scalar": dict(algo="loha", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, use_scalar=True, std=0.4),
    "lokr_tucker": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=2,
                        use_tucker=True, std=0.7),
    "lokr_unbalanced": dict(algo="lokr", linear_dim=1, linear_alpha=1, conv_dim=1, conv_alpha=1, factor=2,
                            unbalanced_factorization=True, std=0.5),
    "lokr_matrix": dict(algo="lokr", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, factor=4,
                        full_matrix=True, std=0.2),
    "lokr_scalar": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=2,
                        use_scalar=True, std=0.5),
    "lokr_dora": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=2, dora_wd=True,
                      std=0.5),
    "loha_dora": dict(algo="loha", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, dora_wd=True, std=0.4),
    "lora_dora_input": dict(algo="lora", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, dora_wd=True,
                            wd_on_output=False),
    "lokr_dora_input": dict(algo="lokr", linear_dim=1, linear_alpha=0.5, conv_dim=1, conv_alpha=0.5, factor=2, dora_wd=True,
                            wd_on_output=False, std=0.5),
    "ia3_input": dict(algo="ia3", train_on_input=True),
    "glora_scalar": dict(algo="glora", linear_dim=2, linear_alpha=1, conv_dim=2, conv_alpha=1, use_scalar=True),
    "diag_oft_plain": dict(algo="diag-oft", linear_dim=4, conv_dim=4),
    "boft_rescaled": dict(algo="boft", linear_dim=6, conv_dim=6, rescaled=True),
    "dylora": dict(algo="dylora", linear_dim=4, linear_alpha=2, conv_dim=4, conv_alpha=2, block_size=2),
}

#: name -> (algorithm's case, optimiser, whether the text encoder trains too)
REPLAYS = {
    "lora": ("lora", dict(lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01), True),
    "lora_decay": ("lora", dict(lr=1e-3, betas=(0.9, 0.9), weight_decay=0.5), False),
    "loha": ("loha", dict(lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01), False),
    "lokr_full": ("lokr_full", dict(lr=1e-3, betas=(0.9, 0.99), weight_decay=0.5), True),
    "lokr_low": ("lokr_low", dict(lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01), False),
    "full": ("full", dict(lr=1e-4, betas=(0.9, 0.999), weight_decay=0.5), True),
}


def make_batches(text):
    generator = torch.Generator().manual_seed(11)
    batches = {}
    for i in range(STEPS):
        batches[f"latents.{i}"] = torch.randn(2, 4, 8, 8, generator=generator)
        batches[f"noise.{i}"] = torch.randn(2, 4, 8, 8, generator=generator)
        batches[f"timesteps.{i}"] = torch.randint(0, 1000, (2,), generator=generator)
        ids = torch.randint(0, 38, (2, 10), generator=generator)
        ids[:, 0], ids[:, 6:] = 38, 39
        batches[f"input_ids.{i}"] = ids
    ids = {k: v for k, v in batches.items() if not k.startswith("context")}
    save_file(ids, os.path.join(HERE, "batches-text.safetensors"))
    context = {k: v for k, v in batches.items() if not k.startswith("input_ids")}
    for i in range(STEPS):
        context[f"context.{i}"] = torch.randn(2, 10, 12, generator=generator)
    save_file(context, os.path.join(HERE, "batches.safetensors"))
    return batches | context


def read_inputs():
    with safe_open(os.path.join(HERE, "inputs.safetensors"), "pt") as f:
        return {k: f.get_tensor(k) for k in f.keys()}


def read_pipeline():
    unet = UNet2DConditionModel.from_pretrained(os.path.join(PIPELINE, "unet"))
    text = CLIPTextModel.from_pretrained(os.path.join(PIPELINE, "text_encoder"))
    return unet.double().requires_grad_(False).eval(), text.double().requires_grad_(False).eval()


def run(unet, text, inputs):
    # The package inverts rotations with `.float()`, which breaks off in f64.
    to_float, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
    try:
        with torch.no_grad():
            sample = unet(inputs["sample"].double(), inputs["timestep"],
                          encoder_hidden_states=inputs["encoder_hidden_states"].double()).sample
            hidden = text(inputs["input_ids"]).last_hidden_state
    finally:
        torch.Tensor.float = to_float
    return sample, hidden


def as_lora(files, model, side):
    """DyLoRA's file is LoRA's: its own forward draws a block, so the truth is what LoRA makes of the file."""
    ranks = {k.split(".")[0]: v.shape[0] for k, v in files.items() if "lora_down" in k}
    options = dict(algo="lora", linear_dim=max(ranks.values()), linear_alpha=2, conv_dim=max(ranks.values()),
                   conv_alpha=2)
    network = make_network(model, side, 0, **options)
    shapes = {k: v.shape for k, v in network.state_dict().items()}
    network.load_state_dict({k: v.double().reshape(shapes[k]) for k, v in files.items()})
    return network


def write_variants():
    """Adapter files of VARIANTS for the pipeline that is there, and their forward outputs."""
    unet, text = read_pipeline()
    inputs, expected = read_inputs(), {}
    plain = run(unet, text, inputs)
    for name, options in VARIANTS.items():
        networks = [make_network(unet, "unet", 201, **options), make_network(text, "text", 202, **options)]
        if name == "dylora":
            files = [{k: v.detach().clone() for k, v in n.state_dict().items()} for n in networks]
            for n in networks:
                n.restore()
            networks = [as_lora(f, m, side) for f, m, side in zip(files, (unet, text), ("unet", "text"))]
        expected[f"{name}.sample"], expected[f"{name}.hidden"] = run(unet, text, inputs)
        save_file(state(networks[0]) | state(networks[1]), os.path.join(HERE, f"adapter-{name}.safetensors"))
        for n in networks:
            n.restore()
        print(name, float((expected[f"{name}.sample"] - plain[0]).abs().max()),
              float((expected[f"{name}.hidden"] - plain[1]).abs().max()), flush=True)
    save_file({k: v.float().contiguous() for k, v in expected.items()},
              os.path.join(HERE, "forward-variants.safetensors"))


def main():
    unet, text = make_pipeline()
    batches = make_batches(text)
    with torch.no_grad():
        inputs = dict(sample=batches["latents.0"].contiguous(), timestep=batches["timesteps.0"],
                      encoder_hidden_states=batches["context.0"], input_ids=batches["input_ids.0"])
    save_file(inputs, os.path.join(HERE, "inputs.safetensors"))
    expected, plain = {}, None
    scheduler = DDIMScheduler.from_pretrained(os.path.join(PIPELINE, "scheduler"))
    alphas = scheduler.alphas_cumprod.double()

    def forward():
        with torch.no_grad():
            sample = unet(inputs["sample"].double(), inputs["timestep"],
                          encoder_hidden_states=inputs["encoder_hidden_states"].double()).sample
            hidden = text(inputs["input_ids"]).last_hidden_state
        return sample, hidden

    expected["base.sample"], expected["base.hidden"] = forward()
    for case, options in CASES.items():
        networks = [make_network(unet, "unet", 101, **options), make_network(text, "text", 102, **options)]
        # The package inverts rotations with `.float()`, which breaks off in f64.
        to_float, torch.Tensor.float = torch.Tensor.float, torch.Tensor.double
        expected[f"{case}.sample"], expected[f"{case}.hidden"] = forward()
        torch.Tensor.float = to_float
        # f16 would do for the weights, but the parity bound is below its rounding: store what was run.
        save_file(state(networks[0]) | state(networks[1]), os.path.join(HERE, f"adapter-{case}.safetensors"))
        for n in networks:
            n.restore()
        print(case, float((expected[f"{case}.sample"] - expected["base.sample"]).abs().max()),
              float((expected[f"{case}.hidden"] - expected["base.hidden"]).abs().max()), flush=True)
    save_file({k: v.float().contiguous() for k, v in expected.items()}, os.path.join(HERE, "forward.safetensors"))

    losses, doubtful = {}, {}
    for name, (case, optimizer, train_text) in REPLAYS.items():
        options = CASES[case]
        network, te = make_network(unet, "unet", 101, **options), make_network(text, "text", 102, **options)
        if not train_text:
            te.restore()
        network.train()
        parameters = list(network.parameters()) + (list(te.parameters()) if train_text else [])
        adamw = torch.optim.AdamW(parameters, **optimizer)
        losses[name] = []
        for i in range(STEPS):
            t = batches[f"timesteps.{i}"]
            a = alphas[t].view(-1, 1, 1, 1)
            noise = batches[f"noise.{i}"].double()
            noisy = a.sqrt() * batches[f"latents.{i}"].double() + (1 - a).sqrt() * noise
            context = (text(batches[f"input_ids.{i}"]).last_hidden_state if train_text
                       else batches[f"context.{i}"].double())
            loss = ((unet(noisy, t, encoder_hidden_states=context).sample - noise) ** 2).mean()
            adamw.zero_grad()
            loss.backward()
            if i == 0:
                doubtful[name] = undecided(named(network) | (named(te) if train_text else {}))
            adamw.step()
            losses[name].append(loss.item())
        out = state(network) | (state(te) if train_text else {})
        save_file({k: v for k, v in out.items() if not k.endswith("alpha")},
                  os.path.join(HERE, f"replay-{name}.safetensors"))
        network.restore()
        if train_text:
            te.restore()
        print(name, losses[name], flush=True)
    dump(os.path.join(HERE, "replays.json"), {
        name: dict(adapter=f"adapter-{case}.safetensors", lr=o["lr"], betas=list(o["betas"]),
                   weight_decay=o["weight_decay"], text=train_text, losses=losses[name], undecided=doubtful[name])
        for name, (case, o, train_text) in REPLAYS.items()})


if __name__ == "__main__":
    if sys.argv[1:] != ["variants"]:
        main()
    write_variants()
