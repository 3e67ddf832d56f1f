"""Writes operations.safetensors: inputs, outputs and gradients of every differentiable operation, by torch autograd in
float64 and stored as float32.

    python3 generate.py            (needs torch and safetensors)

Names: CASE/in/NAME, CASE/out, CASE/seed (the gradient put in), CASE/grad/NAME. Arguments that are no tensors stand in the
file's metadata as CASE = "key=value;…". Layouts are the ones of the library: channels last, filters [O, KH, KW, I].
"""
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(7)
tensors, metadata = {}, {}


def case(name, function, arguments="", frozen=(), **inputs):
    """Inputs are rounded to float32 first, so that both sides start from the same numbers."""
    leaves = {k: v.float().double().requires_grad_(k not in frozen) for k, v in inputs.items()}
    out = function(**leaves)
    seed = torch.randn(out.shape, dtype=torch.float64).float().double()
    out.backward(seed)
    for k, leaf in leaves.items():
        tensors[f"{name}/in/{k}"] = leaf.detach().float().contiguous()
        if k not in frozen:
            tensors[f"{name}/grad/{k}"] = leaf.grad.float().contiguous()
    tensors[f"{name}/out"] = out.detach().float().contiguous()
    tensors[f"{name}/seed"] = seed.float().contiguous()
    metadata[name] = arguments


def r(*shape, scale=1.0, offset=0.0):
    return torch.randn(*shape, dtype=torch.float64) * scale + offset


def matmuls():
    for m, k, n in ((3, 5, 7), (17, 33, 9), (13, 8, 32)):
        for ta in (0, 1):
            for tb in (0, 1):
                a = r(k, m) if ta else r(m, k)
                b = r(n, k) if tb else r(k, n)
                case(f"matmul.{m}x{k}x{n}.{ta}{tb}", lambda a, b: (a.T if ta else a) @ (b.T if tb else b), f"a={ta};b={tb}", a=a, b=b)


def linears():
    for rows, i, o in ((1, 3, 5), (13, 24, 17), (37, 32, 4), (19, 4, 40), (13, 17, 33)):
        x, w = r(2, rows, i), r(o, i)
        case(f"linear.{rows}x{i}x{o}.bias", lambda x, weight, bias: F.linear(x, weight, bias), x=x, weight=w, bias=r(o))
        case(f"linear.{rows}x{i}x{o}.residual", lambda x, weight, bias, residual: F.linear(x, weight, bias) + residual,
             x=x, weight=w, bias=r(o), residual=r(2, rows, o))
        case(f"linear.{rows}x{i}x{o}.frozen", lambda x, weight, residual: F.linear(x, weight) + residual,
             frozen=("weight",), x=x, weight=w, residual=r(2, rows, o))


def convolutions():
    shapes = (  # N, H, W, I, O, KH, KW, stride, (top, left, bottom, right)
        (1, 5, 7, 3, 4, 3, 3, 1, (1, 1, 1, 1)), (2, 5, 5, 8, 16, 3, 3, 1, (1, 1, 1, 1)), (2, 6, 5, 4, 3, 1, 1, 1, (0, 0, 0, 0)),
        (2, 9, 7, 5, 6, 3, 3, 2, (1, 1, 1, 1)), (1, 8, 8, 4, 8, 3, 3, 2, (0, 0, 1, 1)), (1, 6, 6, 4, 4, 1, 1, 2, (0, 0, 0, 0)),
        (1, 7, 6, 20, 24, 3, 3, 1, (1, 1, 1, 1)), (1, 7, 9, 3, 5, 4, 4, 4, (0, 0, 0, 0)), (1, 6, 7, 4, 6, 3, 2, 1, (2, 0, 1, 1)),
        (1, 7, 7, 24, 8, 3, 3, 1, (1, 1, 1, 1)), (1, 3, 3, 33, 17, 3, 3, 1, (1, 1, 1, 1)), (1, 3, 3, 2, 2, 3, 3, 1, (0, 0, 0, 0)))
    for n, h, w, i, o, kh, kw, s, (t, l, b, rr) in shapes:
        def conv(x, weight, bias=None):
            y = F.conv2d(F.pad(x.permute(0, 3, 1, 2), (l, rr, t, b)), weight.permute(0, 3, 1, 2), bias, stride=s)
            return y.permute(0, 2, 3, 1)
        name, arguments = f"conv2d.{n}x{h}x{w}x{i}x{o}.k{kh}x{kw}.s{s}", f"stride={s};top={t};left={l};bottom={b};right={rr}"
        case(name + ".bias", conv, arguments, x=r(n, h, w, i), weight=r(o, kh, kw, i), bias=r(o))
        case(name + ".frozen", conv, arguments, frozen=("weight",), x=r(n, h, w, i), weight=r(o, kh, kw, i))


def norms():
    for shape, groups in (((2, 3, 5, 8), 4), ((1, 7, 6), 3), ((3, 4, 4, 24), 8), ((2, 1, 1, 32), 8)):
        for act in (0, 1):
            def norm(x, weight, bias):
                y = F.group_norm(x.movedim(-1, 1), groups, weight, bias, eps=1e-5).movedim(1, -1)
                return F.silu(y) if act else y
            case(f"groupNorm.{'x'.join(map(str, shape))}.{groups}.{act}", norm, f"groups={groups};silu={act}",
                 x=r(*shape, scale=2, offset=3), weight=r(shape[-1]), bias=r(shape[-1]))
    for shape in ((4, 7), (2, 3, 32), (1, 50, 20)):
        case(f"layerNorm.{'x'.join(map(str, shape))}", lambda x, weight, bias: F.layer_norm(x, shape[-1:], weight, bias, 1e-5),
             x=r(*shape, scale=2, offset=-1), weight=r(shape[-1]), bias=r(shape[-1]))
    case("normalizeRows", lambda x: F.normalize(x, dim=-1), x=r(5, 9))


def elementwise():
    x = torch.cat([r(200, scale=3), torch.tensor([-30.0, -12.0, -6.0, -4.2, 4.2, 6.0, 12.0, 30.0], dtype=torch.float64)])
    for name, f in (("silu", F.silu), ("gelu", F.gelu), ("quickGelu", lambda v: v * torch.sigmoid(1.702 * v)), ("relu", F.relu),
                    ("square", torch.square), ("absolute", torch.abs)):
        case(name, lambda x: f(x), x=x)
    case("exponential", lambda x: torch.exp(x), x=r(100, scale=2))
    case("clamp", lambda x: torch.clamp(x, -0.5, 1.25), "low=-0.5;high=1.25", x=r(100))
    case("geglu", lambda x: x[..., :9] * F.gelu(x[..., 9:]), x=r(2, 5, 18, scale=2))
    case("add", lambda a, b: a + b, a=r(3, 7), b=r(3, 7))
    case("subtract", lambda a, b: a - b, a=r(3, 7), b=r(3, 7))
    case("multiply", lambda a, b: a * b, a=r(3, 7), b=r(3, 7))
    case("scaled", lambda x: x * -2.5, "factor=-2.5", x=r(11))
    case("adding", lambda x: x + 0.75, "constant=0.75", x=r(11))
    case("addChannels", lambda x, b: x + b[:, None, None, :], x=r(3, 4, 5, 6), b=r(3, 6))
    case("addBias", lambda x, b: x + b, x=r(3, 4, 6), b=r(6))
    case("scaleChannels", lambda x, s: x * s, x=r(3, 4, 6), s=r(6))
    case("scaleSamples", lambda x: x * torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64)[:, None, None], "s=0.5,-2,3", x=r(3, 4, 6))


def attentions():
    for b, t, s, heads, size, causal in ((2, 5, 5, 2, 8, 0), (1, 70, 70, 1, 8, 1), (1, 9, 13, 1, 24, 1), (2, 9, 17, 2, 24, 0),
                                         (1, 70, 16, 1, 8, 0), (1, 7, 7, 2, 40, 1), (1, 3, 7, 1, 160, 0), (1, 1, 2, 1, 512, 0),
                                         (1, 3, 1, 1, 12, 0), (1, 140, 140, 1, 4, 0), (1, 7, 130, 1, 3, 1)):
        def attend(query, key, value):
            q, k, v = (z.reshape(b, -1, heads, size).transpose(1, 2) for z in (query, key, value))
            mask = torch.ones(t, s).tril().bool() if causal else None
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            return mixed.transpose(1, 2).reshape(b, t, heads * size)
        # Large scores take another path (the row maximum is subtracted).
        for scale in (1, 4) if size in (8, 24) else (1,):
            case(f"attention.{b}x{t}x{s}.{heads}x{size}.{causal}.{scale}", attend, f"heads={heads};causal={causal}",
                 query=r(b, t, heads * size, scale=scale), key=r(b, s, heads * size, scale=scale), value=r(b, s, heads * size))


def shapes():
    case("embedding", lambda table: table[[2, 0, 2, 5]], "ids=2,0,2,5", table=r(6, 5))
    case("rows", lambda x: x[[3, 1, 3]], "indices=3,1,3", x=r(4, 5))
    for (h, w), (th, tw) in (((3, 4), (6, 8)), ((3, 5), (7, 11))):
        case(f"upsampleNearest.{th}x{tw}", lambda x: F.interpolate(x.permute(0, 3, 1, 2), (th, tw), mode="nearest").permute(0, 2, 3, 1),
             f"height={th};width={tw}", x=r(2, h, w, 3))
    case("concatenate", lambda a, b: torch.cat([a, b], -1), a=r(2, 3, 4), b=r(2, 3, 5))
    case("concatenateBatch", lambda a, b: torch.cat([a, b], 0), a=r(2, 3, 4), b=r(1, 3, 4))
    case("slice.channels", lambda x: x[..., 2:5], "from=2;to=5", x=r(2, 3, 7))
    case("slice.batch", lambda x: x[1:3], "from=1;to=3", x=r(4, 3, 2))
    case("permuted", lambda x: x.permute(2, 0, 3, 1), "axes=2,0,3,1", x=r(2, 3, 4, 5))
    case("reshaped", lambda x: (x * x).reshape(4, 6), "shape=4,6", x=r(2, 3, 4))


def losses():
    case("sum", lambda x: x.sum(), x=r(5, 7))
    case("mean", lambda x: x.mean(), x=r(5, 7))
    case("meanSquaredError", lambda a, b: F.mse_loss(a, b), a=r(3, 4), b=r(3, 4))
    weights = torch.tensor([0.5, 2.0, 1.5], dtype=torch.float64)
    case("meanSquaredError.weighted", lambda a, b: ((a - b) ** 2 * weights[:, None]).mean(), "weights=0.5,2,1.5", a=r(3, 4), b=r(3, 4))
    case("meanAbsoluteError", lambda a, b: F.l1_loss(a, b), a=r(3, 4), b=r(3, 4))
    case("softmaxCrossEntropy", lambda x: F.cross_entropy(x, torch.tensor([1, 0, 4])), "labels=1,0,4", x=r(3, 5, scale=3))


for part in (matmuls, linears, convolutions, norms, elementwise, attentions, shapes, losses):
    part()
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operations.safetensors")
save_file(tensors, path, metadata)
print(path, len(metadata), "cases", os.path.getsize(path), "bytes")
