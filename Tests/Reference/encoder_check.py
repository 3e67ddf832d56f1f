"""Every metric of named encoders, computed anew from the images that `radiata evaluate` drew.

    python3 encoder_check.py ../../.build/release/radiata

Random networks are written by transformers, torchvision and lpips; the program evaluates a random adapter on the embedded
base with them and keeps the images. Python then measures these PNG files and the data set's own ones with the packages'
networks and processors, and numpy, scikit-learn, scikit-image and vendi-score. Values must agree to 1e-4.
Needs encoder_requirements.txt.
"""

import json
import math
import pathlib
import subprocess
import sys
import tempfile

import lpips
import numpy as np
import torch
import torchvision
import torchvision.transforms as transforms
from PIL import Image
from safetensors.torch import load_file, save_file
from skimage.color import rgb2hsv
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, Dinov2Config, Dinov2Model
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from vendi_score import vendi

root = pathlib.Path(__file__).resolve().parents[2]
radiata = pathlib.Path(sys.argv[1]).resolve()
base, data = root / "sweeps/base/emoji-64", root / "data/quickstart"
work = pathlib.Path(tempfile.mkdtemp(prefix="radiata-encoders-"))
IMAGES, MEAN, STD = 6, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
torch.manual_seed(5)


def spread(model, by=1.5):
    """Larger weights than an initialisation gives, so that random networks tell pictures apart."""
    for name, weight in model.named_parameters():
        if weight.dim() > 1:
            weight.data *= by
    return model.eval()


dinov2 = spread(Dinov2Model(Dinov2Config(hidden_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=98)), 3)
dinov2.save_pretrained(work / "dinov2")
tokenizer = CLIPTokenizer.from_pretrained(base / "tokenizer")
text = dict(
    vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
    max_position_embeddings=tokenizer.model_max_length, bos_token_id=tokenizer.bos_token_id,
    eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
vision = dict(
    hidden_size=48, intermediate_size=96, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14)
clip = spread(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)), 3)
clip.save_pretrained(work / "clip")
tokenizer.save_pretrained(work / "clip")
widths = [8, 8, "M", 12, 12, "M", 16, 16, 16, 16, "M", 16, 16, 16, 16, "M", 16, 16, 16, 16, "M"]
vgg = torchvision.models.vgg.make_layers(widths).eval()
for layer in vgg:
    if isinstance(layer, torch.nn.Conv2d):
        torch.nn.init.kaiming_normal_(layer.weight)
save_file({"features." + name: tensor for name, tensor in vgg.state_dict().items()}, work / "vgg19.safetensors")
perceptual = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
save_file({name: tensor.clone() for name, tensor in perceptual.state_dict().items()}, work / "lpips.safetensors")
head = torch.nn.Sequential(torch.nn.Linear(24, 8), torch.nn.Linear(8, 1))
save_file({f"layers.{name}": tensor for name, tensor in head.state_dict().items()}, work / "aesthetic.safetensors")


def adapter(path, size):
    """A LoRA on the attention's values."""
    weights, out = load_file(base / "unet" / "diffusion_pytorch_model.safetensors"), {}
    squares = [0.0, 0.0]
    for name, weight in sorted(weights.items()):
        if not name.endswith("to_v.weight"):
            continue
        key = "lora_unet_" + name[: -len(".weight")].replace(".", "_")
        down, up = torch.randn(4, weight.shape[1]) / 2, size * torch.randn(weight.shape[0], 4)
        out |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up, f"{key}.alpha": torch.tensor(2.0)}
        squares[0] += float(((up @ down) / 2).double().square().sum())
        squares[1] += float(weight.double().square().sum())
    save_file(out, path)
    return math.sqrt(squares[0] / squares[1])


def evaluate(name):
    out = work / "out"
    command = [
        radiata, "evaluate", "--base", base, "--data", data, "--adapter", work / name, "--images", IMAGES, "--steps", 4,
        "--prompts", "train,trigger,alter,style,concept-free", "--holdout", "20%", "--fit", "pad", "--keep-images", "--out",
        out, "--clip", work / "clip", "--dinov2", work / "dinov2", "--vgg19", work / "vgg19.safetensors", "--lpips",
        work / "lpips.safetensors", "--pickscore", work / "clip", "--hpsv2", work / "clip", "--aesthetic",
        work / "aesthetic.safetensors", "--format", "json",
    ]
    command += ["--metric", ",".join(METRICS)]
    found = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(found.stderr)
    rows = [json.loads(line) for line in (out / "evaluations.jsonl").read_text().splitlines()]
    images = {}
    for path in sorted((out / "images" / pathlib.Path(name).stem).glob("*.png")):
        if path.name.endswith(".own.png"):
            continue
        kind = path.stem.split("-", 1)[1].rsplit("-", 1)[0]
        own = path.with_suffix(".own.png")
        images.setdefault(kind, []).append(
            (Image.open(path).convert("RGB"), Image.open(own).convert("RGB") if own.exists() else None))
    (out / "evaluations.jsonl").unlink()
    return rows, images


METRICS = [
    "paired_fidelity", "image_similarity", "squared_centroid_distance", "heldout_image_similarity", "text_similarity",
    "vendi", "vendi_q2", "vendi_qinf", "style_distance", "leakage", "clip_direction", "kid", "cmmd", "paired_cmmd", "psnr",
    "ssim", "ssim_uniform", "lpips", "saturation", "pick_score", "hps_score", "aesthetic_score", "adapter_norm",
]


def padded(image, side):
    """As the paper's evaluation: black around the whole picture."""
    scale = side / max(image.size)
    size = tuple(round(length * scale) for length in image.size)
    square = Image.new("RGB", (side, side))
    square.paste(image.resize(size, Image.BICUBIC), ((side - size[0]) // 2, (side - size[1]) // 2))
    return square


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@torch.no_grad()
def see_dinov2(images):
    # Squares are only resized by the fit; the processor has nothing left but mean and deviation.
    processor = BitImageProcessorPil(
        do_resize=False, do_center_crop=False, do_rescale=True, do_normalize=True, image_mean=MEAN, image_std=STD)
    pixels = processor([padded(image, 224) for image in images], return_tensors="pt")["pixel_values"]
    return dinov2(pixels).pooler_output.double().numpy()


@torch.no_grad()
def see_clip(images, fit):
    processor = CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    pixels = processor([padded(image, 56) if fit else image for image in images], return_tensors="pt")["pixel_values"]
    return clip.visual_projection(clip.vision_model(pixels).pooler_output).double().numpy()


@torch.no_grad()
def read_clip(texts):
    ids = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt")["input_ids"]
    return clip.text_projection(clip.text_model(ids).pooler_output).double().numpy()


@torch.no_grad()
def style(image):
    pixels = transforms.Compose([
        transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC), transforms.ToTensor(),
        transforms.Normalize(MEAN, STD)])(image)[None]
    grams, x = [], pixels
    kept = []
    for index, layer in enumerate(vgg[:29]):
        x = layer(x)
        if index in (0, 5, 10, 19, 28):
            kept.append(x)
    for x in kept:
        _, channels, rows, columns = x.shape
        flat = x.view(1, channels, rows * columns) / math.sqrt(channels * rows * columns)
        grams.append(torch.bmm(flat, flat.transpose(1, 2)).flatten())
    return torch.cat(grams).double().numpy()


def kid(a, b):
    kernel = dict(degree=3, gamma=1 / a.shape[1], coef0=1)
    aa, bb, ab = (polynomial_kernel(x, y, **kernel) for x, y in ((a, a), (b, b), (a, b)))
    m, n = len(a), len(b)
    return (aa.sum() - np.trace(aa)) / (m * (m - 1)) + (bb.sum() - np.trace(bb)) / (n * (n - 1)) - 2 * ab.mean()


def cmmd(a, b):
    a, b = unit(a), unit(b)
    return 1000 * (rbf_kernel(a, gamma=1 / 200).mean() + rbf_kernel(b, gamma=1 / 200).mean() - 2 * rbf_kernel(a, b, gamma=1 / 200).mean())


zero, random = "zero.safetensors", "random.safetensors"
adapter(work / zero, 0)
norm = adapter(work / random, 0.4)
_, nothing = evaluate(zero)
rows, drawn = evaluate(random)
classes = {row["class"] for row in rows} - {""}
assert len(classes) == 1, classes
name = classes.pop()
found = {}
for row in rows:
    if row["class"] == name or not row["prompts"]:
        metric, _, encoder = row["metric"].partition("@")
        found[row["prompts"], metric, encoder.split("-")[0]] = row

# What was trained on and what was held out: the program's own pictures say it, one for each caption.
folder = next(path for path in data.iterdir() if path.is_dir())
pictures = {path.stem: Image.open(path).convert("RGB") for path in sorted(folder.glob("*.png"))}
side = drawn["train"][0][0].size[0]
captions = {path.stem: path.read_text().strip() for path in sorted(folder.glob("*.txt"))}


def same(a, b):
    return np.abs(np.asarray(a, dtype=int) - np.asarray(b, dtype=int)).mean()


own_held = [own for _, own in drawn["holdout"]]
held_names = {min(pictures, key=lambda key: same(pictures[key].resize((side, side), Image.BICUBIC), own)) for own in own_held}
print("held out:", sorted(held_names))
trained = [image for key, image in pictures.items() if key not in held_names]
heldout = [image for key, image in pictures.items() if key in held_names]
trained_captions = [captions[key] for key in pictures if key not in held_names]

faults, checked = 0, 0


def check(prompts, metric, encoder, wanted, tolerance=1e-4):
    global faults, checked
    row = found.get((prompts, metric, encoder))
    value = row["value"] if row else None
    checked += 1
    if value is None or abs(value - wanted) > tolerance * max(1, abs(wanted)):
        faults += 1
        print(f"{metric}@{encoder} at {prompts}: {value}, wanted {wanted}")


def plain(prompt):
    return " ".join(word for word in prompt.split(" ") if word.lower() != trigger)


concepts = (data / "concepts.yaml").read_text()
trigger = concepts.split("trigger:")[1].split()[0].strip('"')
seen = {
    "dinov2": (see_dinov2, see_dinov2(trained), see_dinov2(heldout)),
    "clip": (lambda images: see_clip(images, True), see_clip(trained, True), see_clip(heldout, True)),
}
directions = {}
for prompts, pairs in drawn.items():
    images = [image for image, _ in pairs]
    before = [image for image, _ in nothing[prompts]]
    for encoder, (see, pictures_seen, held_seen) in seen.items():
        raw, base_raw = see(images), see(before)
        a, b = unit(raw), unit(pictures_seen)
        check(prompts, "image_similarity", encoder, (a @ b.T).mean())
        check(prompts, "squared_centroid_distance", encoder, np.sum((a.mean(0) - b.mean(0)) ** 2))
        check(prompts, "heldout_image_similarity", encoder, (a @ unit(held_seen).T).mean())
        if prompts in ("train", "trigger", "alter", "holdout"):
            check(prompts, "kid", encoder, kid(raw, pictures_seen))
        if prompts in ("train", "trigger", "holdout"):
            check(prompts, "vendi", encoder, vendi.score_K(a @ a.T, q=1))
            check(prompts, "vendi_q2", encoder, vendi.score_K(a @ a.T, q=2))
            check(prompts, "vendi_qinf", encoder, vendi.score_K(a @ a.T, q="inf"))
        if prompts == "train":
            own = unit(pictures_seen)[: len(images)]
            check(prompts, "paired_fidelity", encoder, (a * own).sum(1).mean())
        if encoder == "clip" and prompts in ("train", "trigger", "alter", "holdout"):
            check(prompts, "cmmd", encoder, cmmd(raw, pictures_seen))
        if prompts in ("style", "concept-free"):
            # The base is asked the same there, and draws what the adapter of zeros draws.
            if encoder == "clip":
                check(prompts, "paired_cmmd", encoder, cmmd(raw, base_raw))
            if prompts == "concept-free":
                check(prompts, "leakage", encoder, (a @ b.T).mean() - (unit(base_raw) @ b.T).mean())
    if prompts == "alter":
        # The built-in alterations that six images are drawn from.
        words = read_clip([f"cat on a {colour} background" for colour in ("red", "blue")] + ["cat"])
        shown = see_clip(images, True), see_clip([image for image, _ in drawn["trigger"]], True)
        change = unit(shown[0]) - unit(shown[1])
        said = unit(words)[np.arange(IMAGES) % 2] - unit(words)[2]
        check(prompts, "clip_direction", "clip", (unit(change) * unit(said)).sum(1).mean())
    if prompts == "style":
        check(prompts, "style_distance", "vgg19", np.mean([np.sum((style(x) - style(y)) ** 2) for x, y in zip(images, before)]))
    if prompts in ("train", "holdout"):
        scores = {"psnr": [], "ssim": [], "ssim_uniform": [], "lpips": []}
        for image, own in pairs:
            x, y = np.asarray(image) / 255, np.asarray(own) / 255
            scores["psnr"].append(peak_signal_noise_ratio(x, y, data_range=1))
            gaussian = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
            scores["ssim"].append(structural_similarity(x, y, data_range=1, channel_axis=-1, **gaussian))
            scores["ssim_uniform"].append(structural_similarity(x, y, data_range=1, channel_axis=-1))
            tensor = lambda z: torch.tensor(z * 2 - 1, dtype=torch.float32).permute(2, 0, 1)[None]
            with torch.no_grad():
                scores["lpips"].append(float(perceptual(tensor(x), tensor(y))))
        for metric, values in scores.items():
            check(prompts, metric, "lpips" if metric == "lpips" else "", np.mean(values))
    check(prompts, "saturation", "", np.mean([rgb2hsv(np.asarray(image))[..., 1].mean() for image in images]))
    if prompts == "train":
        words = read_clip([plain(caption) for caption in trained_captions[:IMAGES]])
        for encoder in ("clip", "pickscore", "hpsv2"):
            cosines = (unit(see_clip(images, encoder == "clip")) * unit(words)).sum(1).mean()
            if encoder == "clip":
                check(prompts, "text_similarity", "clip", cosines)
            elif encoder == "hpsv2":
                check(prompts, "hps_score", "hpsv2", cosines)
            else:
                check(prompts, "pick_score", "pickscore", float(clip.logit_scale.exp()) * cosines)
    with torch.no_grad():
        vectors = torch.tensor(unit(see_clip(images, False)), dtype=torch.float32)
        check(prompts, "aesthetic_score", "aesthetic", float(head(vectors).mean()))
check("", "adapter_norm", "", norm)
print(f"{checked} values, {faults} differ")
sys.exit(faults > 0)
