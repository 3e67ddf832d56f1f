"""Holds the reference trainer (clients/python) against itself and against the libraries, on a tiny random pipeline.

    python3 trainer_check.py ../../.build/release/radiata

For every algorithm: a run that is stopped in the middle of an epoch and gone on from its state ends with the bits of one that
was never stopped, dropout and dropped captions included. A LoRA's file does in diffusers what W + up @ down * alpha / dim
does. Every file is read by `radiata adapter inspect`.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "clients/python"), str(pathlib.Path(__file__).parent)]

import torch  # noqa: E402
from diffusers import StableDiffusionPipeline, UNet2DConditionModel  # noqa: E402
from radiata_trainer import job as jobs  # noqa: E402
from radiata_trainer.training import STOPPED, Training  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from tiny_pipeline import make  # noqa: E402

CASES = {
    "lora": dict(dim=4, alpha=2, dropout=0.1, layers="full", conv_dim=2, conv_alpha=1),
    "lora, dora": dict(algorithm="lora", dim=2, dora=True, text_encoder_lr=0),
    "loha": dict(dim=2, rank_dropout=0.1),
    "lokr": dict(factor=2),
    "lokr, low": dict(algorithm="lokr", dim=1, factor=2, decompose_both=True),
    "full": dict(lr=1e-4, layers="attn-only"),
    "dylora": dict(dim=4, block_size=2),
    "glora": dict(dim=2),
    "ia3": dict(),
    "diag-oft": dict(dim=4, layers="unet-transformer-only"),
    "boft": dict(dim=4, layers="unet-transformer-only"),
}


def train(folder, name, base, parameters, stop_at=None, resume=None):
    job = {
        "name": "check", "base": str(base), "data": str(ROOT / "data/quickstart"), "seeds": [5],
        "checkpoints": {"epochs": [1], "state_every": "1h"}, "groups": [{"list": [parameters]}]}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(job))
    out = folder / name
    out.mkdir()
    run = Training(jobs.read(path), str(out), "cpu", "f32", 1)
    if stop_at:
        after = run.after_step

        def stopping(ended):
            after(ended)
            run.stops = run.step == stop_at

        run.after_step = stopping
    code = run.run(resume)
    assert code == (STOPPED if stop_at else 0), code
    return out


def check_in_diffusers(base, out):
    """A LoRA of the U-Net, loaded by diffusers, against the sum that its file stands for."""
    tensors = load_file(out / "final.safetensors")
    torch.manual_seed(1)
    inputs = torch.randn(2, 4, 8, 8), torch.tensor([10, 700]), torch.randn(2, 7, 32)
    pipeline = StableDiffusionPipeline.from_pretrained(base, safety_checker=None)
    pipeline.load_lora_weights(str(out), weight_name="final.safetensors")
    unet = UNet2DConditionModel.from_pretrained(base / "unet")
    moved = 0
    with torch.no_grad():
        plain = unet(inputs[0], inputs[1], encoder_hidden_states=inputs[2]).sample
        for path, module in unet.named_modules():
            key = f"lora_unet_{path.replace('.', '_')}"
            if f"{key}.alpha" not in tensors:
                continue
            down, up = (tensors[f"{key}.lora_{part}.weight"].double() for part in ("down", "up"))
            scale = float(tensors[f"{key}.alpha"]) / down.shape[0]
            delta = (up.flatten(1) @ down.flatten(1)).view(module.weight.shape) * scale
            module.weight += delta.float()
            moved += 1
        wanted = unet(inputs[0], inputs[1], encoder_hidden_states=inputs[2]).sample
        found = pipeline.unet(inputs[0], inputs[1], encoder_hidden_states=inputs[2]).sample
    distance = float((found - wanted).abs().max() / (wanted - plain).abs().max())
    print(f"diffusers: {moved} layers, {distance:.1e} of what the adapter changes", flush=True)
    assert moved > 20 and distance < 1e-3, (moved, distance)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("radiata")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        base = folder / "base"
        make(base)
        for case, options in CASES.items():
            algorithm = case.split(",")[0]
            parameters = {
                "algorithm": algorithm, "epochs": 2, "batch": 16, "grad_accumulation": 2, "lr": 1e-3, "caption_dropout": 0.2,
                "flip": True, **options}
            slug = case.replace(", ", "-")
            whole = train(folder, slug, base, parameters)
            half = train(folder, slug + "-half", base, parameters, stop_at=2)
            rest = train(folder, slug + "-rest", base, parameters, resume=str(half / "states/step-00000002"))
            for file in ("final.safetensors", "adapters/step-00000003.safetensors"):
                wanted, found = load_file(whole / file), load_file(rest / file)
                assert wanted.keys() == found.keys() and all(torch.equal(wanted[key], found[key]) for key in wanted), (case, file)
            changed = any(not torch.equal(wanted[key], load_file(whole / "final.safetensors")[key]) for key in wanted)
            lines = [json.loads(line) for part in (half, rest) for line in (part / "metrics.jsonl").read_text().splitlines()]
            assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6], lines
            assert lines == [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
            info = subprocess.run(
                [arguments.radiata, "adapter", "inspect", whole / "final.safetensors"], capture_output=True, text=True)
            assert info.returncode == 0, (case, info.stderr)
            assert changed and (rest / "samples/final-0.png").is_file()
            print(f"{case:12} {len(wanted)} tensors, the same bits after a resume", flush=True)
        check_in_diffusers(base, folder / "lora")


main()
