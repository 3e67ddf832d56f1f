"""Writes the fixtures of AdapterFormTests and PEFTFolderTests: adapters as PEFT saves them (folders), tensors that stand beside a
LoRA in files of other programs, and what PEFT, or the formula in torch, makes of the fixture pipeline with them; and norms.json:
norms of every fixture's updates and the ranks that hold nine tenths, from updates written out in numpy.

    python generate_forms.py (PyPI as in Tests/Reference/requirements.txt)

Forward passes run in double precision on numbers that were rounded to f32 first.
"""
import json
import os
import shutil

import numpy as np
import torch
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from generate import HERE, read_inputs, read_pipeline

TARGETS = ["attn1.to_q", "attn1.to_out.0", "ff.net.2", "resnets.0.conv1", "time_emb_proj"]

#: Folders as PEFT writes them. Patterns overlap on purpose: the first that fits counts.
FOLDERS = {
    "lora": LoraConfig(r=4, lora_alpha=6, target_modules=TARGETS, rank_pattern={r"resnets\.\d+\.conv1": 2},
                       alpha_pattern={"attn1.to_q": 10, "mid_block.*": 3, "to_q": 1}),
    "rslora": LoraConfig(r=4, lora_alpha=3, target_modules=TARGETS, use_rslora=True),
    "dora": LoraConfig(r=2, lora_alpha=4, target_modules=TARGETS, use_dora=True),
    "lora_bias": LoraConfig(r=2, lora_alpha=3, target_modules=TARGETS, lora_bias=True),
    "bias_only": LoraConfig(r=2, lora_alpha=3, target_modules=TARGETS, bias="lora_only", modules_to_save=["conv_out"]),
    "bias_all": LoraConfig(r=2, lora_alpha=3, target_modules=["attn1.to_q"], bias="all"),
    "loha": LoHaConfig(r=2, alpha=3, target_modules=TARGETS, use_effective_conv2d=True),
    "loha_plain": LoHaConfig(r=2, alpha=3, target_modules=TARGETS, rank_pattern={"to_q": 3}),
    "lokr": LoKrConfig(r=1, alpha=2, decompose_factor=2, target_modules=TARGETS, use_effective_conv2d=True),
    # Both factors are matrices; PEFT divides by r all the same.
    "lokr_full": LoKrConfig(r=8, alpha=2, decompose_factor=2, target_modules=TARGETS),
}


def forward(unet, inputs):
    with torch.no_grad():
        return unet(inputs["sample"].double(), inputs["timestep"],
                    encoder_hidden_states=inputs["encoder_hidden_states"].double()).sample


def write_folders(inputs, expected, root=HERE, seed=700):
    for index, (name, config) in enumerate(FOLDERS.items()):
        unet, _ = read_pipeline()
        model = get_peft_model(unet, config).double().eval()
        generator = torch.Generator().manual_seed(seed + index)
        with torch.no_grad():
            for key, p in model.named_parameters():
                if not p.requires_grad:
                    continue
                noise = torch.randn(p.shape, generator=generator, dtype=torch.float64)
                if "magnitude" in key:
                    p.mul_(1 + 0.1 * noise)
                elif "lora_" in key or "hada_" in key or "lokr_" in key:
                    p.copy_(noise * (0.5 if "hada" in key or "lokr" in key else 0.2))
                else:
                    p.add_(0.1 * noise)
                p.copy_(p.float())
        expected[name] = forward(model, inputs)
        folder = os.path.join(root, "peft", name)
        shutil.rmtree(folder, ignore_errors=True)
        model.float().save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        with open(os.path.join(folder, "adapter_config.json")) as f:
            stored = json.load(f)
        # Only what decides numbers; the rest names machines and versions.
        kept = {k: v for k, v in stored.items() if k in (
            "peft_type", "r", "lora_alpha", "alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "bias",
            "lora_bias", "fan_in_fan_out", "init_lora_weights", "target_modules", "modules_to_save", "layer_replication",
            "arrow_config", "use_qalora", "decompose_factor", "use_effective_conv2d")}
        with open(os.path.join(folder, "adapter_config.json"), "w") as f:
            json.dump(kept, f, indent=1, sort_keys=True)
            f.write("\n")


def layer_weights(unet, path):
    module = unet.get_submodule(path)
    return module.weight.detach().clone(), None if module.bias is None else module.bias.detach().clone()


QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0"
CONV = "down_blocks.0.resnets.0.conv1"


def lora(w, generator, rank):
    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).float().double() * 0.25
    if w.dim() == 4:
        return draw(w.shape[0], rank, 1, 1), draw(rank, *w.shape[1:])
    return draw(w.shape[0], rank), draw(rank, w.shape[1])


def product(up, down):
    return (up.flatten(1) @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:])


def write_forms(inputs, expected, root=HERE, seed=800):
    """Files in kohya's spelling with one more tensor beside a LoRA, a LoHa or a LoKr."""
    def name(path):
        return "lora_unet_" + path.replace(".", "_")

    def number(x):
        return torch.tensor(x, dtype=torch.float64)

    for index, form in enumerate(["scalar", "magnitude", "up_bias", "diff_beside"]):
        unet, _ = read_pipeline()
        generator = torch.Generator().manual_seed(seed + index)
        tensors, changes = {}, {}
        for path in [QUERY, OUT, CONV]:
            w, b = layer_weights(unet, path)
            if form == "magnitude" and path == CONV:
                continue
            up, down = lora(w, generator, 2)
            scale = 1.5 if form != "magnitude" else 1.0
            delta = product(up, down) * scale
            own = {"lora_up.weight": up, "lora_down.weight": down}
            if form != "magnitude":
                own["alpha"] = number(2 * scale)
            if form == "scalar":
                own["scalar"] = number(-0.75)
                delta = delta * -0.75
            if form == "magnitude":
                v = w + delta
                norm = torch.linalg.norm(v, dim=1)
                own["magnitude"] = (norm * (1 + 0.2 * torch.randn(norm.shape, generator=generator, dtype=torch.float64))).float().double()
                delta = own["magnitude"][:, None] / norm[:, None] * v - w
            shift = None
            if form == "up_bias":
                own["lora_up.bias"] = torch.randn(w.shape[0], generator=generator, dtype=torch.float64).float().double() * 0.25
                shift = own["lora_up.bias"] * scale
            if form == "diff_beside":
                own["diff"] = (torch.randn(w.shape, generator=generator, dtype=torch.float64) * 0.1).float().double()
                delta = delta + own["diff"]
                if b is not None:
                    own["diff_b"] = torch.randn(b.shape, generator=generator, dtype=torch.float64).float().double() * 0.25
                    shift = own["diff_b"]
            for suffix, tensor in own.items():
                tensors[f"{name(path)}.{suffix}"] = tensor
            changes[path] = (delta, shift)
        if form == "scalar":
            # The other algorithms that have one.
            w, _ = layer_weights(unet, CONV.replace("conv1", "time_emb_proj"))
            a = [torch.randn(*s, generator=generator, dtype=torch.float64).float().double() * 0.5
                 for s in [(w.shape[0], 2), (2, w.shape[1]), (w.shape[0], 2), (2, w.shape[1])]]
            path = CONV.replace("conv1", "time_emb_proj")
            for suffix, tensor in zip(["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"], a):
                tensors[f"{name(path)}.{suffix}"] = tensor
            tensors[f"{name(path)}.alpha"], tensors[f"{name(path)}.scalar"] = number(1.0), number(1.25)
            changes[path] = ((a[0] @ a[1]) * (a[2] @ a[3]) * 0.5 * 1.25, None)
            path = OUT.replace("to_out.0", "to_k")
            w, _ = layer_weights(unet, path)
            w1 = torch.randn(2, 2, generator=generator, dtype=torch.float64).float().double() * 0.5
            w2 = torch.randn(w.shape[0] // 2, w.shape[1] // 2, generator=generator, dtype=torch.float64).float().double() * 0.5
            tensors[f"{name(path)}.lokr_w1"], tensors[f"{name(path)}.lokr_w2"] = w1, w2
            tensors[f"{name(path)}.scalar"] = number(-1.5)
            changes[path] = (torch.kron(w1, w2) * -1.5, None)
        for strength, label in [(1, form), (0.5, form + ".half")]:
            if strength != 1 and form == "magnitude":
                continue
            fresh, _ = read_pipeline()
            with torch.no_grad():
                for path, (delta, shift) in changes.items():
                    module = fresh.get_submodule(path)
                    module.weight += strength * delta
                    if shift is not None:
                        if module.bias is None:
                            module.bias = torch.nn.Parameter(torch.zeros(shift.shape, dtype=torch.float64))
                        module.bias += strength * shift
            expected[label] = forward(fresh, inputs)
        save_file({k: v.float().contiguous() for k, v in tensors.items()}, os.path.join(root, f"form-{form}.safetensors"))


def updates(path):
    """ΔW of every layer of a file that no base is needed for, written out."""
    layers = {}
    for key, value in load_file(path).items():
        layer, suffix = key.split(".", 1)
        layers.setdefault(layer, {})[suffix] = value.double().numpy()
    found = {}
    for layer, t in layers.items():
        alpha = float(t["alpha"]) if "alpha" in t else None
        if "lora_up.weight" in t:
            up, down = t["lora_up.weight"], t["lora_down.weight"]
            up, scale = up.reshape(up.shape[0], -1), alpha / down.shape[0]
            if "lora_mid.weight" in t:
                delta = np.einsum("om,mnij,nc->ocij", up, t["lora_mid.weight"], down.reshape(down.shape[0], -1))
            else:
                delta = np.einsum("om,mc->oc", up, down.reshape(down.shape[0], -1))
        elif "hada_w1_a" in t:
            scale = alpha / t["hada_w1_b"].shape[0]
            if "hada_t1" in t:
                half = [np.einsum("ijkl,ip,jq->pqkl", t[f"hada_t{n}"], t[f"hada_w{n}_a"], t[f"hada_w{n}_b"]) for n in (1, 2)]
            else:
                half = [t[f"hada_w{n}_a"] @ t[f"hada_w{n}_b"] for n in (1, 2)]
            delta = half[0] * half[1]
        elif "lokr_w1" in t or "lokr_w1_a" in t:
            rank = next((t[k].shape[0] for k in ("lokr_w2_b", "lokr_w1_b") if k in t), None)
            scale = 1 if rank is None else alpha / rank
            w1 = t["lokr_w1"] if "lokr_w1" in t else t["lokr_w1_a"] @ t["lokr_w1_b"]
            if "lokr_w2" in t:
                w2 = t["lokr_w2"]
            elif "lokr_t2" in t:
                w2 = np.einsum("ijkl,ip,jq->pqkl", t["lokr_t2"], t["lokr_w2_a"], t["lokr_w2_b"])
            else:
                w2 = t["lokr_w2_a"] @ t["lokr_w2_b"]
            delta = np.kron(w1.reshape(w1.shape[:2]), w2.reshape(w2.shape[0], -1)) if w2.ndim == 2 else np.einsum(
                "ac,bdij->abcdij", w1, w2)
        elif "diff" in t:
            delta, scale = t["diff"], 1
        else:
            continue
        found[layer] = delta * scale
    return found


def write_norms():
    norms = {}
    for name in ["lora", "lora_tucker", "lora_rs", "loha", "loha_tucker", "lokr_full", "lokr_low", "lokr_both", "lokr_tucker",
                 "lokr_unbalanced", "full"]:
        deltas = updates(os.path.join(HERE, f"adapter-{name}.safetensors"))
        rows = {layer: float(np.linalg.norm(delta)) for layer, delta in sorted(deltas.items())}
        some = list(rows)[::9]
        norms[name] = {"total": float(np.sqrt(sum(n * n for n in rows.values()))), "layers": {k: rows[k] for k in some}}
        if name in ("lora", "lora_rs"):
            ranks = {}
            for layer in some:
                values = np.linalg.svd(deltas[layer].reshape(deltas[layer].shape[0], -1), compute_uv=False) ** 2
                ranks[layer] = int(np.argmax(np.cumsum(values) >= 0.9 * values.sum()) + 1)
            norms[name]["nineTenths"] = ranks
    with open(os.path.join(HERE, "norms.json"), "w") as f:
        json.dump(norms, f, indent=1, sort_keys=True)
        f.write("\n")


if __name__ == "__main__":
    inputs, expected = read_inputs(), {}
    plain, _ = read_pipeline()
    expected["plain"] = forward(plain, inputs)
    write_folders(inputs, expected)
    write_forms(inputs, expected)
    save_file({k: v.float().contiguous() for k, v in expected.items()}, os.path.join(HERE, "forward-forms.safetensors"))
    write_norms()
    for name, value in expected.items():
        print(name, float((value - expected["plain"]).abs().max()))
