"""Writes glokr.safetensors: GLoKr on a linear layer and on a strided k×k convolution, with outputs, weight changes and the
gradients that torch's autograd finds in double precision.

    python generate_glokr.py      (torch 2.x CPU, safetensors)

No package has GLoKr (docs/reference/adapters.md), so the truth is written down here from the two papers alone: GLoRA's
W' = W + W·A + B (arXiv 2306.07967, with its scale and shift left out) with Kronecker products for A and B as LoKr has them
(arXiv 2309.14859, equation 5): A = s·(w1 ⊗ w2) mixes the input channels, B = s·(w1 ⊗ w2) is added; each of w1, w2 is a matrix
or a low-rank product, and s = alpha / rank unless both are matrices, when it is 1.
"""
import os

import torch
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
OUT, IN, ALPHA = 12, 16, 0.5

#: case -> for the linear layer and the convolution: shapes of A's and B's tensors,
#: and their rank (0 for none).
CASES = {
    "matrices": {
        "lin": ({"w1": (4, 4), "w2": (4, 4)}, 0, {"w1": (3, 4), "w2": (4, 4)}, 0),
        "conv": ({"w1": (2, 2), "w2": (8, 8)}, 0, {"w1": (2, 4), "w2": (6, 4, 3, 3)}, 0),
    },
    "low_rank": {
        "lin": ({"w1": (2, 2), "w2_a": (8, 2), "w2_b": (2, 8)}, 2, {"w1": (2, 2), "w2_a": (6, 2), "w2_b": (2, 8)}, 2),
        "conv": ({"w1": (2, 2), "w2_a": (8, 2), "w2_b": (2, 8)}, 2, {"w1": (2, 2), "w2_a": (6, 2), "w2_b": (2, 8 * 9)}, 2),
    },
    "both": {
        "lin": ({"w1_a": (4, 1), "w1_b": (1, 4), "w2_a": (4, 1), "w2_b": (1, 4)}, 1,
                {"w1_a": (3, 1), "w1_b": (1, 4), "w2_a": (4, 1), "w2_b": (1, 4)}, 1),
        "conv": ({"w1_a": (4, 1), "w1_b": (1, 4), "w2": (4, 4)}, 1,
                 {"w1_a": (3, 1), "w1_b": (1, 4), "w2_a": (4, 1), "w2_b": (1, 4 * 9)}, 1),
    },
    "tucker": {
        "lin": ({"w1": (2, 2), "w2_a": (8, 2), "w2_b": (2, 8)}, 2, {"w1": (2, 2), "w2_a": (6, 2), "w2_b": (2, 8)}, 2),
        "conv": ({"w1": (2, 2), "w2_a": (8, 3), "w2_b": (3, 8)}, 3,
                 {"w1": (2, 2), "w2_a": (3, 6), "w2_b": (3, 8), "t2": (3, 3, 3, 3)}, 3),
    },
}


def kronecker(p, kernel):
    """w1 ⊗ w2, of the shape (out, in) or (out, in, k, k)."""
    w1 = p["w1"] if "w1" in p else p["w1_a"] @ p["w1_b"]
    if "t2" in p:
        w2 = torch.einsum("mnkl,mo,ni->oikl", p["t2"], p["w2_a"], p["w2_b"])
    elif "w2" in p:
        w2 = p["w2"]
    else:
        w2 = p["w2_a"] @ p["w2_b"]
        if kernel > 1:
            w2 = w2.reshape(w2.shape[0], -1, kernel, kernel)
    return torch.kron(w1.reshape(*w1.shape, *(1,) * (w2.dim() - 2)).contiguous(), w2.contiguous())


def main():
    torch.manual_seed(17)
    out = {"alpha": torch.tensor([ALPHA])}
    layers = {"lin": torch.nn.Linear(IN, OUT, bias=False), "conv": torch.nn.Conv2d(IN, OUT, 3, stride=2, padding=1, bias=False)}
    inputs = {"lin": torch.randn(5, IN), "conv": torch.randn(2, IN, 5, 4)}
    for name, layer in layers.items():
        out[f"{name}.weight"], out[f"{name}.x"] = layer.weight.detach().clone(), inputs[name]
    for case, parts in CASES.items():
        for name, (mixing, rank_a, added, rank_b) in parts.items():
            weight, x = layers[name].weight.detach().double(), inputs[name].double().requires_grad_()
            tensors = {}
            for prefix, shapes in (("a", mixing), ("b", added)):
                for key, shape in shapes.items():
                    tensors[f"{prefix}.lokr_{key}"] = (0.5 * torch.randn(shape)).double().requires_grad_()
            part = {p: {k[len("a.lokr_"):]: v for k, v in tensors.items() if k.startswith(p)} for p in "ab"}
            a = kronecker(part["a"], 1) * (ALPHA / rank_a if rank_a else 1)
            b = kronecker(part["b"], weight.dim() == 4 and 3 or 1) * (ALPHA / rank_b if rank_b else 1)
            delta = torch.einsum("oj...,ji->oi...", weight, a) + b
            assert delta.shape == weight.shape, (case, name, delta.shape)
            if name == "lin":
                y = torch.nn.functional.linear(x, weight + delta)
            else:
                y = torch.nn.functional.conv2d(x, weight + delta, stride=2, padding=1)
            (y ** 2).sum().backward()
            out[f"{case}.{name}.y"], out[f"{case}.{name}.delta"] = y, delta
            out[f"{case}.{name}.gradient.x"] = x.grad
            for key, tensor in tensors.items():
                out[f"{case}.{name}.tensor.{key}"], out[f"{case}.{name}.gradient.{key}"] = tensor, tensor.grad
    save_file({k: v.detach().float().contiguous().clone() for k, v in out.items()}, os.path.join(HERE, "glokr.safetensors"))


if __name__ == "__main__":
    main()
