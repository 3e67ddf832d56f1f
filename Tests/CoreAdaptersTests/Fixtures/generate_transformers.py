"""Adapters on the tiny Flux and SD3 of CoreDiffusionTests as peer libraries write them, with what the networks then answer, for
TransformerAdapterTests: python3 generate_transformers.py     (torch, diffusers, peft, lycoris-lora)

- `flux-lokr`, `sd3-loha`: lycoris-lora on the blocks.
- `flux-kohya`: a LoRA in kohya's names and layers (fused ones too), applied by diffusers' own reader.
- `sd3-diffusers`: a LoRA as diffusers saves it (`transformer.….lora_A.weight`), without a configuration.
Everything in f64, files in f32.
"""

import inspect
import pathlib
import shutil

import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel
from diffusers.loaders import lora_conversion_utils
from lycoris import LycorisNetwork, create_lycoris
from safetensors.torch import load_file, save_file

here = pathlib.Path(__file__).parent
models = here.parent.parent / "CoreDiffusionTests" / "Fixtures"
out = here / "transformers"
shutil.rmtree(out, ignore_errors=True)
out.mkdir()
torch.manual_seed(31)
expected = {}


def load(kind):
    cls = FluxTransformer2DModel if kind == "flux" else SD3Transformer2DModel
    model = cls.from_config(cls.load_config(models / kind))
    model.load_state_dict(load_file(models / kind / "diffusion_pytorch_model.safetensors"))
    return model.double().eval().requires_grad_(False)


def answer(model, kind):
    names = ["hidden_states", "encoder_hidden_states", "pooled_projections", "timestep"] + (["guidance", "img_ids", "txt_ids"]
                                                                                          if kind == "flux" else [])
    cases = load_file(models / kind / "cases.safetensors")
    with torch.no_grad():
        return model(**{n: cases[n].double() for n in names}).sample


def lycoris(kind, blocks, **options):
    model = load(kind)
    LycorisNetwork.apply_preset({"enable_conv": False, "target_module": blocks, "target_name": [], "unet_target_module": [],
                                 "unet_target_name": []})
    network = create_lycoris(model, 1.0, **options).double()
    network.apply_to()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_((weight + 0.1 * torch.randn_like(weight)).float())
    network.eval()
    name = f"{kind}-{options['algo']}"
    save_file({k: v.float().contiguous() for k, v in network.state_dict().items()}, out / f"{name}.safetensors")
    expected[name] = answer(model, kind)


def kohya_reader(width):
    """diffusers' reader of kohya's files, which knows the published width alone."""
    source = inspect.getsource(lora_conversion_utils._convert_kohya_flux_lora_to_diffusers)
    scope = dict(vars(lora_conversion_utils))
    exec(source.replace("3072, 3072, 3072, 12288", f"{width}, {width}, {width}, {4 * width}"), scope)
    return scope["_convert_kohya_flux_lora_to_diffusers"]


def kohya():
    width, file = 16, {}
    for name, rows, columns in (
        ("double_blocks_0_img_attn_qkv", 3 * width, width), ("double_blocks_0_txt_attn_qkv", 3 * width, width),
        ("double_blocks_0_img_attn_proj", width, width), ("double_blocks_0_txt_mlp_2", width, 4 * width),
        ("double_blocks_0_img_mod_lin", 6 * width, width), ("single_blocks_0_linear1", 7 * width, width),
        ("single_blocks_0_linear2", width, 5 * width), ("single_blocks_0_modulation_lin", 3 * width, width),
    ):
        file[f"lora_unet_{name}.lora_down.weight"] = torch.randn(3, columns) / columns ** 0.5
        file[f"lora_unet_{name}.lora_up.weight"] = torch.randn(rows, 3)
        file[f"lora_unet_{name}.alpha"] = torch.tensor(2.0)
    save_file(file, out / "flux-kohya.safetensors")
    model = load("flux")
    state = kohya_reader(width)(dict(file))
    model.load_lora_adapter({k.removeprefix("transformer."): v.double() for k, v in state.items()}, prefix=None)
    expected["flux-kohya"] = answer(model.double(), "flux")


def diffusers():
    import peft

    model = load("sd3")
    names = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and ".attn" in n]
    model.add_adapter(peft.LoraConfig(r=3, lora_alpha=3, target_modules=names, init_lora_weights=False))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.copy_(weight.float())
    state = {f"transformer.{k}": v.float().contiguous() for k, v in peft.get_peft_model_state_dict(model).items()}
    save_file(state, out / "sd3-diffusers.safetensors")
    expected["sd3-diffusers"] = answer(model.double(), "sd3")


lycoris("flux", ["FluxTransformerBlock", "FluxSingleTransformerBlock"], algo="lokr", linear_dim=2, linear_alpha=1, factor=4)
lycoris("sd3", ["JointTransformerBlock"], algo="loha", linear_dim=2, linear_alpha=1)
kohya()
diffusers()
plain = {kind: answer(load(kind), kind) for kind in ("flux", "sd3")}
for name, value in expected.items():
    assert (value - plain[name.split("-")[0]]).abs().max() > 0.05 * value.abs().max(), name
save_file({k: v.float().contiguous() for k, v in expected.items()}, out / "expected.safetensors")
