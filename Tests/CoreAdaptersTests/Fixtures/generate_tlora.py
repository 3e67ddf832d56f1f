"""Dumps what a U-Net answers, and which gradients its adapter gets, when the adapter's rank goes with the timestep (T-LoRA), by
PyTorch and the paper's formula alone, for TimestepRankTests.

python3 generate_tlora.py     (torch, diffusers; after generate.py, whose pipeline it uses)
"""

import pathlib

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
TIMESTEPS = [999, 500, 20]
LAYERS = [
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k",
    "mid_block.attentions.0.transformer_blocks.0.ff.net.2", "mid_block.attentions.0.proj_in", "down_blocks.0.resnets.0.conv1",
    "up_blocks.1.resnets.0.time_emb_proj",
]


def ranks(timestep, rank, least, power):
    return int(((1000 - timestep) / 1000) ** power * (rank - least)) + least


def mask(rank, least, power, copies):
    rows = []
    for timestep in TIMESTEPS:
        row = torch.zeros(rank)
        row[:ranks(timestep, rank, least, power)] = 1
        rows.append(row.repeat(copies))
    return torch.stack(rows).double()


class Masked(torch.nn.Module):
    def __init__(self, layer, rank, copies, rule):
        super().__init__()
        self.layer, self.mask = layer, mask(rank, *rule, copies)
        outputs, rest = layer.weight.shape[0], layer.weight[0].numel()
        width = rank * copies
        self.down = torch.nn.Parameter((torch.randn(width, rest) / rest ** 0.5).half().double())
        self.up = torch.nn.Parameter((torch.randn(outputs, width) / width ** 0.5).half().double())
        self.scale = 0.5

    def forward(self, x):
        y = self.layer(x)
        if isinstance(self.layer, torch.nn.Conv2d):
            down = self.down.reshape(-1, *self.layer.weight.shape[1:])
            inner = torch.nn.functional.conv2d(x, down, stride=self.layer.stride, padding=self.layer.padding)
            inner = inner * self.mask[:, :, None, None]
            return y + self.scale * torch.nn.functional.conv2d(inner, self.up[:, :, None, None])
        inner = x @ self.down.T
        kept = self.mask if x.dim() == 2 else self.mask[:, None, :]
        return y + self.scale * (inner * kept) @ self.up.T


def case(name, rank, copies, rule, inputs):
    unet = UNet2DConditionModel.from_pretrained(here / "pipeline" / "unet").double().requires_grad_(False)
    found = {}
    for path in LAYERS:
        owner, last = path.rsplit(".", 1)
        layer = unet.get_submodule(path)
        found[path] = Masked(layer, rank, copies, rule)
        setattr(unet.get_submodule(owner), last, found[path])
    answer = unet(inputs["sample"].double(), torch.tensor(TIMESTEPS), inputs["context"].double()).sample
    loss = ((answer - inputs["target"].double()) ** 2).mean()
    loss.backward()
    adapter, out = {}, {"sample": answer.detach().float(), "loss": loss.detach().float()[None]}
    for path, layer in found.items():
        key = "lora_unet_" + path.replace(".", "_")
        isConvolution = layer.layer.weight.dim() == 4
        shapes = {
            "lora_down.weight": (-1, *layer.layer.weight.shape[1:]), "lora_up.weight": (layer.up.shape[0], -1) + (1, 1) * isConvolution,
        }
        for suffix, tensor in (("lora_down.weight", layer.down), ("lora_up.weight", layer.up)):
            adapter[f"{key}.{suffix}"] = tensor.detach().reshape(shapes[suffix]).float().contiguous()
            out[f"gradient.{key}.{suffix}"] = tensor.grad.reshape(shapes[suffix]).float().contiguous()
        adapter[f"{key}.alpha"] = torch.tensor(layer.scale * rank * copies)
    header = {"radiata_timestep_rank": f"{rule[0]} {rule[1]} {copies}"}
    save_file(adapter, here / f"adapter-tlora_{name}.safetensors", header)
    return {f"{name}.{key}": value for key, value in out.items()}


def main():
    torch.manual_seed(47)
    inputs = dict(sample=torch.randn(3, 4, 8, 8), context=torch.randn(3, 10, 12), target=torch.randn(3, 4, 8, 8))
    out = dict(inputs)
    out |= case("plain", 4, 1, (1, 1.5), inputs)
    # The start that is taken off stands behind what is trained.
    out |= case("double", 3, 2, (2, 1.0), inputs)
    table = [[rank, least, power, time, ranks(time, rank, least, power)]
             for rank, least in ((64, 32), (32, 1), (4, 1), (3, 3), (8, 5))
             for power in (0.5, 1.0, 2.0) for time in (0, 1, 250, 499, 500, 981, 999, 1000)]
    out["table"] = torch.tensor(table, dtype=torch.float32)
    save_file({key: value.contiguous() for key, value in out.items()}, here / "tlora.safetensors")


main()
