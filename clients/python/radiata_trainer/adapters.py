"""Adapters on a U-Net and a text encoder: LoRA through PEFT, its kin through LyCORIS; files in kohya's and LyCORIS' keys."""

import contextlib
import inspect
import json
import tempfile

import torch
from torch import nn

BLOCKS = {"ResnetBlock2D", "Downsample2D", "Upsample2D"}
OUTER = ["conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2"]
# Whole blocks, single layers, whether convolutions beyond 1x1 count, and blocks of the text encoder.
PRESETS = {
    "attn-only": ({"Attention"}, [], False, {"CLIPAttention", "CLIPSdpaAttention"}),
    "attn-mlp": ({"Transformer2DModel"}, [], False, {"CLIPAttention", "CLIPSdpaAttention", "CLIPMLP"}),
    "full": ({"Transformer2DModel"} | BLOCKS, OUTER, True, {"CLIPAttention", "CLIPSdpaAttention", "CLIPMLP"}),
    "full-lin": ({"Transformer2DModel", "ResnetBlock2D"}, OUTER[2:], False, {"CLIPAttention", "CLIPSdpaAttention", "CLIPMLP"}),
    "unet-only": ({"Transformer2DModel"} | BLOCKS, OUTER, True, set()),
    "unet-transformer-only": ({"Transformer2DModel"}, [], False, set()),
    "unet-convblock-only": (BLOCKS, OUTER[:2], True, set()),
}


def layer_names(model, classes, names, has_convolutions):
    """Paths of the linear and convolutional layers below blocks of these classes, and of single layers."""
    found = set()
    for path, block in model.named_modules():
        if type(block).__name__ in classes:
            found |= {f"{path}.{inner}" for inner, _ in block.named_modules() if inner}
    found |= set(names)
    modules = dict(model.named_modules())

    def counts(path):
        module = modules.get(path)
        if isinstance(module, nn.Conv2d):
            return has_convolutions or module.kernel_size == (1, 1)
        return isinstance(module, nn.Linear)

    return sorted(path for path in found if counts(path))


def key_name(prefix, path):
    name = f"{prefix}_{path.replace('.', '_')}"
    # transformers 5 leaves out the part that files have.
    return name.replace("lora_te_encoder_", "lora_te_text_model_encoder_")


class PeftAdapter:
    """LoRA by PEFT."""

    def __init__(self, model, prefix, paths, job):
        from peft import LoraConfig, inject_adapter_in_model

        modules = dict(model.named_modules())
        ranks, alphas = {}, {}
        for path in paths:
            if isinstance(modules[path], nn.Conv2d) and modules[path].kernel_size != (1, 1):
                ranks[path], alphas[path] = job.conv_dim, job.conv_alpha
        paths = [path for path in paths if ranks.get(path, 1)]
        # Without it a path is taken for the end of others too.
        config = LoraConfig(
            r=job.dim, lora_alpha=job.alpha, target_modules=paths, lora_dropout=job.dropout, use_rslora=job.rs_lora,
            rank_pattern={f"^{path}$": rank for path, rank in ranks.items()},
            alpha_pattern={f"^{path}$": alpha for path, alpha in alphas.items()})
        inject_adapter_in_model(config, model)
        self.layers = {}
        for path, module in model.named_modules():
            if path in paths and hasattr(module, "lora_A"):
                self.layers[key_name(prefix, path)] = (module, alphas.get(path, job.alpha))
        assert len(self.layers) == len(paths), f"PEFT took {len(self.layers)} of {len(paths)} layers"

    def parameters(self):
        return [
            weight for module, _ in self.layers.values()
            for weight in (module.lora_A["default"].weight, module.lora_B["default"].weight)]

    def tensors(self):
        """As the file has them."""
        result = {}
        for name, (module, alpha) in self.layers.items():
            result[f"{name}.lora_down.weight"] = module.lora_A["default"].weight
            result[f"{name}.lora_up.weight"] = module.lora_B["default"].weight
            result[f"{name}.alpha"] = torch.tensor(float(alpha))
        return result

    def mode(self, is_training):
        for module, _ in self.layers.values():
            module.train(is_training)


class LycorisAdapter:
    """Everything else by LyCORIS."""

    def __init__(self, model, prefix, paths, classes, names, has_convolutions, job):
        from lycoris import LycorisNetwork, create_lycoris

        self.prefix = prefix
        # create_lycoris puts its own preset over an earlier one unless it is given a file.
        preset = {
            "lora_prefix": prefix, "target_module": sorted(classes), "enable_conv": has_convolutions,
            "target_name": [name.replace(".", "\\.") for name in names]}
        LycorisNetwork.apply_preset({"lora_prefix": prefix})
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write("".join(f"{key} = {json.dumps(value)}\n" for key, value in preset.items()))
            file.flush()
            dim = 10000 if job.algorithm == "lokr" and job.full_matrix else job.dim
            with self.default("rs_lora", job.rs_lora), self.default("train_on_input", job.train_on_input):
                self.network = create_lycoris(
                    model, 1.0, preset=file.name, algo=job.algorithm, linear_dim=dim, linear_alpha=job.alpha,
                    conv_dim=10000 if dim == 10000 else job.conv_dim, conv_alpha=job.conv_alpha, factor=job.factor,
                    dropout=job.dropout, rank_dropout=job.rank_dropout, module_dropout=job.module_dropout,
                    use_tucker=job.use_tucker, use_scalar=job.use_scalar, train_norm=job.train_norm, dora_wd=job.dora,
                    wd_on_output=job.wd_on_output, decompose_both=job.decompose_both, full_matrix=job.full_matrix,
                    unbalanced_factorization=job.unbalanced_factorization, block_size=job.block_size,
                    constraint=job.constraint, rescaled=job.rescaled)
        self.network.apply_to()
        self.network.to(next(model.parameters()).device)

    @staticmethod
    @contextlib.contextmanager
    def default(name, value):
        """Options that create_lycoris does not hand on become the modules' own defaults for a moment."""
        from lycoris.modules.ia3 import IA3Module
        from lycoris.modules.locon import LoConModule

        kept = []
        for module in (IA3Module, LoConModule):
            parameters = [p for p in inspect.signature(module.__init__).parameters.values() if p.default is not p.empty]
            names = [p.name for p in parameters]
            if value and name in names:
                kept.append((module, module.__init__.__defaults__))
                values = list(module.__init__.__defaults__)
                values[names.index(name)] = value
                module.__init__.__defaults__ = tuple(values)
        yield
        for module, values in kept:
            module.__init__.__defaults__ = values

    def parameters(self):
        return [weight for weight in self.network.parameters() if weight.requires_grad]

    def tensors(self):
        return {key.replace("lora_te_encoder_", "lora_te_text_model_encoder_"): value
                for key, value in self.network.state_dict().items()}

    def mode(self, is_training):
        self.network.train(is_training)


def attach(unet, text_encoder, job):
    """Adapters of both sides; that of the text encoder is None where it is frozen."""
    classes, names, has_convolutions, text_classes = PRESETS[job.layers]
    by_peft = job.algorithm == "lora" and not (
        job.dora or job.use_tucker or job.use_scalar or job.rank_dropout or job.module_dropout or job.train_norm)

    def make(model, prefix, classes, names, has_convolutions):
        paths = layer_names(model, classes, names, has_convolutions)
        if by_peft:
            return PeftAdapter(model, prefix, paths, job)
        return LycorisAdapter(model, prefix, paths, classes, names, has_convolutions, job)

    unet.requires_grad_(False)
    text_encoder.requires_grad_(False)
    sides = [make(unet, "lora_unet", classes, names, has_convolutions)]
    trains_text = bool(text_classes) and job.text_encoder_lr > 0
    sides.append(make(text_encoder, "lora_te", text_classes, [], False) if trains_text else None)
    return sides
