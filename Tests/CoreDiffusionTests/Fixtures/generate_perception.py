"""Dumps tiny random networks that evaluations look with, and what they see, for CoreDiffusionTests.

Run: python3 generate_perception.py (packages: Tests/Reference/encoder_requirements.txt)
The networks run are the packages' own; only widths are smaller. open_clip 3.3.0, torchvision 0.29.2 and lpips 0.1.4 made
the files kept here.
"""

import json
import pathlib
import shutil

import lpips
import open_clip
import torch
import torchvision
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent


def folder(name):
    path = here / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def write(path, tensors, half=False):
    def plain(tensor):
        tensor = tensor.detach().contiguous().clone()
        return tensor.half() if half and tensor.is_floating_point() else tensor

    save_file({name: plain(tensor) for name, tensor in tensors.items()}, path)


def randomise(model):
    """Every weight random, norms around one, rounded to f16."""
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        if weight.dim() <= 1:
            weight.data = (1 if "ln_" in name and name.endswith("weight") else 0) + 0.2 * noise
        else:
            weight.data = noise / weight[0].numel() ** 0.5
        weight.data = weight.data.half().float()
    return model.eval()


def open_clip_pairs():
    vision = dict(image_size=28, layers=2, width=24, head_width=12, patch_size=7, mlp_ratio=2.5)
    text = dict(context_length=9, vocab_size=120, width=16, heads=2, layers=2)
    for name, kind, quick in (("open-clip", open_clip.CLIP, True), ("open-clip-custom", open_clip.CustomTextCLIP, False)):
        torch.manual_seed(31)
        model = randomise(kind(embed_dim=10, vision_cfg=dict(vision), text_cfg=dict(text), quick_gelu=quick))
        path = folder(name)
        write(path / "open_clip_model.safetensors", model.state_dict(), half=True)
        config = {"embed_dim": 10, "vision_cfg": vision, "text_cfg": text}
        if quick:
            config["quick_gelu"] = True
        if kind is open_clip.CustomTextCLIP:
            config["custom_text"] = True
        preprocess = {
            "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.25], "interpolation": "bicubic", "resize_mode": "shortest",
        }
        (path / "open_clip_config.json").write_text(
            json.dumps({"model_cfg": config, "preprocess_cfg": preprocess}, indent=1) + "\n")
        pixels = torch.randn(3, 3, 28, 28)
        ids = torch.randint(1, 118, (3, 9))
        ids[:, 0], ids[0, 4:], ids[2, 1:] = 118, 0, 0
        ids[0, 4], ids[1, 8], ids[2, 1] = 119, 119, 119
        write(path / "cases.safetensors", {
            "pixel_values": pixels, "image_embeds": model.encode_image(pixels), "input_ids": ids,
            "text_embeds": model.encode_text(ids), "logit_scale": model.logit_scale,
        })


class VGG(torch.nn.Module):
    """The paper's: five results kept while torchvision's rectifiers, which work in place, go on."""

    def __init__(self, features):
        super().__init__()
        self.model = features[:29]

    def forward(self, x):
        kept = []
        for index, layer in enumerate(self.model):
            x = layer(x)
            if index in (0, 5, 10, 19, 28):
                kept.append(x)
        return kept


def scaled_weights(model):
    """As large as keeps activations about one, biases that are not zero."""
    for layer in model.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(layer.weight)
            torch.nn.init.normal_(layer.bias, std=0.2)
            for weight in (layer.weight, layer.bias):
                weight.data = weight.data.half().float()
    return model.eval()


def vgg19():
    torch.manual_seed(32)
    widths = [4, 4, "M", 6, 6, "M", 6, 6, 6, 6, "M", 8, 8, 8, 8, "M", 8, 8, 8, 8, "M"]
    features = scaled_weights(torchvision.models.vgg.make_layers(widths))
    path = folder("vgg19")
    state = {"features." + name: tensor for name, tensor in features.state_dict().items()}
    # A classifier, which is not needed.
    write(path / "model.safetensors", state | {"classifier.0.weight": torch.randn(3, 8)}, half=True)
    out = {}
    for name, height, width in (("oblong", 37, 50), ("smallest", 16, 16)):
        pixels = torch.randn(2, 3, height, width)
        out[name + ".pixel_values"] = pixels
        for layer, x in enumerate(VGG(features)(pixels)):
            batch, channels, rows, columns = x.shape
            flat = x.view(batch, channels, rows * columns) / (channels * rows * columns) ** 0.5
            out[f"{name}.gram.{layer}"] = torch.bmm(flat, flat.transpose(1, 2))
    write(path / "cases.safetensors", out)


def small(layer, widths):
    """The layer with the channels that `widths` says for the full ones."""
    if not isinstance(layer, torch.nn.Conv2d):
        return layer
    return torch.nn.Conv2d(
        widths[layer.in_channels], widths[layer.out_channels], layer.kernel_size, layer.stride, layer.padding)


def perceptual():
    torch.manual_seed(33)
    for net, widths in (
        ("vgg", {3: 3, 64: 4, 128: 5, 256: 6, 512: 6}), ("alex", {3: 3, 64: 4, 192: 5, 384: 6, 256: 5}),
    ):
        model = lpips.LPIPS(net=net, pnet_rand=True, pretrained=False, verbose=False)
        for index in range(1, 6):
            part = getattr(model.net, f"slice{index}")
            for name, layer in list(part.named_children()):
                setattr(part, name, small(layer, widths))
        scaled_weights(model.net)
        for index, channels in enumerate(model.chns):
            head = lpips.NetLinLayer(widths[channels], use_dropout=True)
            head.model[1].weight.data = torch.rand_like(head.model[1].weight).half().float()
            setattr(model, f"lin{index}", head)
        model.lins = torch.nn.ModuleList(getattr(model, f"lin{index}") for index in range(5))
        model.eval()
        path = folder("lpips-" + net)
        write(path / "lpips.safetensors", model.state_dict(), half=True)
        out = {}
        for name, height, width, noise in (("near", 64, 64, 0.05), ("far", 65, 70, 2.0)):
            a = (torch.rand(1, 3, height, width) * 2 - 1).half().float()
            b = (a + noise * torch.randn_like(a)).clamp(-1, 1).half().float()
            out |= {name + ".a": a.half(), name + ".b": b.half(), name + ".distance": model(a, b).reshape(1)}
        assert float(model(a, a)) == 0
        write(path / "cases.safetensors", out)


class MLP(torch.nn.Module):
    """LAION's predictor, narrower."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(10, 7), torch.nn.Dropout(0.2), torch.nn.Linear(7, 6), torch.nn.Dropout(0.2),
            torch.nn.Linear(6, 5), torch.nn.Dropout(0.1), torch.nn.Linear(5, 4), torch.nn.Linear(4, 1))

    def forward(self, x):
        return self.layers(x)


def aesthetic():
    torch.manual_seed(34)
    model = MLP().eval()
    path = folder("aesthetic")
    write(path / "aesthetic.safetensors", model.state_dict())
    vectors = torch.nn.functional.normalize(torch.randn(4, 10), dim=-1)
    write(path / "cases.safetensors", {"vectors": vectors, "scores": model(vectors)[:, 0]})


open_clip_pairs()
vgg19()
perceptual()
aesthetic()
