"""Holds adapter files that Radiata wrote against lycoris-lora, and their LoRA conversions against diffusers and PEFT.

    python verify.py FOLDER        (the same packages as generate.py; PythonTests.swift fills FOLDER and runs it)

FOLDER holds NAME.safetensors with NAME.outputs.safetensors (what Radiata computes with it), NAME.diffusers.safetensors and
NAME.peft/ for LoRA. Every file must load without a missing or unexpected key and give Radiata's outputs.
"""
import glob
import os
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file

import generate

LIMIT = 5e-6
#: Options by which lycoris-lora builds the module of a file; the rest comes from the file.
OPTIONS = generate.CASES | generate.VARIANTS


def error(found, wanted):
    return float((found - wanted.double()).abs().max() / wanted.double().abs().max())


def load(model, side, tensors, options):
    network = generate.make_network(model, side, 0, **options)
    prefix = "lora_unet_" if side == "unet" else "lora_te_"
    tensors = {k.replace("lora_te_text_model_encoder_", "lora_te_encoder_"): v.double() for k, v in tensors.items()
               if k.startswith(prefix)}
    own = network.state_dict()
    for key in tensors:
        assert key in own, f"{key}: lycoris-lora has no such key"
        assert tensors[key].shape == own[key].shape, f"{key}: {tensors[key].shape}, lycoris-lora has {own[key].shape}"
    missing = [k for k in own if k not in tensors]
    assert not missing, f"missing: {missing[:4]}"
    for module in network.loras:
        # A differences file is added to what the module holds: back to the base first.
        if hasattr(module, "is_diff"):
            module.weight.data.copy_(module.org_weight)
            if module.bias is not None:
                module.bias.data.copy_(module.org_bias[0])
    network.load_state_dict(tensors, strict=False)
    for module in network.loras:
        # Files have the learnable scalar multiplied in.
        if isinstance(getattr(module, "scalar", None), torch.nn.Parameter):
            module.scalar.data.fill_(1.0)
    return network


def main(folder):
    unet, text = generate.read_pipeline()
    inputs, worst, count = generate.read_inputs(), 0.0, 0

    def compare(label, name):
        nonlocal worst, count
        wanted = load_file(os.path.join(folder, f"{name}.outputs.safetensors"))
        sample, hidden = generate.run(unet, text, inputs)
        errors = (error(sample, wanted["sample"].reshape(sample.shape)),
                  error(hidden, wanted["hidden"].reshape(hidden.shape)))
        print(label, *(f"{e:.1e}" for e in errors), flush=True)
        worst, count = max(worst, *errors), count + 1

    for path in sorted(glob.glob(os.path.join(folder, "*.safetensors"))):
        name = os.path.basename(path)[:-len(".safetensors")]
        if "." in name:
            continue
        tensors = load_file(path)
        options = OPTIONS["lora" if name == "dylora" else name]
        if name == "dylora":
            options = dict(algo="lora", linear_dim=4, linear_alpha=2, conv_dim=4, conv_alpha=2)
        networks = [load(unet, "unet", tensors, options), load(text, "text", tensors, options)]
        compare(f"lycoris-lora {name}", name)
        for network in networks:
            network.restore()
    for path in sorted(glob.glob(os.path.join(folder, "*.diffusers.safetensors"))):
        name = os.path.basename(path).split(".")[0]
        tensors = {k: v.double() for k, v in load_file(path).items()}
        unet, text = generate.read_pipeline()
        unet.load_lora_adapter(tensors, prefix="unet")
        unet.double()
        from diffusers.loaders.lora_base import _load_lora_into_text_encoder
        _load_lora_into_text_encoder(tensors, None, text, prefix="text_encoder")
        text.double()
        compare(f"diffusers {name}", name)
    for path in sorted(glob.glob(os.path.join(folder, "*.peft"))):
        name = os.path.basename(path).split(".")[0]
        unet, text = generate.read_pipeline()
        unet = PeftModel.from_pretrained(unet, os.path.join(path, "unet")).double().eval()
        text = PeftModel.from_pretrained(text, os.path.join(path, "text_encoder")).double().eval()
        compare(f"peft {name}", name)
    print(f"{count} files, worst {worst:.1e}")
    return 0 if count > 0 and worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
