"""Holds `radiata model replay` against ten torch.optim.AdamW steps of lycoris-lora in f64, over more combinations than the
test suite: four algorithms, U-Net alone and with the text encoder, weight decay 0.5 and 0.01, beta2 0.999 and 0.9, epsilon and
v-prediction, with and without min-SNR.

    python3 replay_check.py ../../.build/release/radiata

Uses the tiny pipeline, the batches and the starting adapters of CoreAdaptersTests/Fixtures. Wanted: losses to 5e-6 of
their value, every tensor within 0.2 % of the distance it moved.

AdamW's first steps move an element by the sign of its gradient: one whose gradient is nearly 0 goes either way by rounding
alone, and takes its tensor past 0.2 % if that is small: PyTorch in f32 is then up to 0.3 % from itself in f64, and differs between
one thread and two. Where a tensor passes 0.2 %, elements are left out whose first gradient is under 1e-4 of their tensor's
largest; they must be under 1 % of the tensor, or one of it.
"""

import itertools
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel

fixtures = pathlib.Path(__file__).parent.parent / "CoreAdaptersTests" / "Fixtures"
sys.path.insert(0, str(fixtures))
from generate import CASES, PIPELINE, STEPS, make_network, state  # noqa: E402

radiata = sys.argv[1]
pipeline = pathlib.Path(PIPELINE)
unet = UNet2DConditionModel.from_pretrained(pipeline / "unet", torch_dtype=torch.float64).requires_grad_(False)
text = CLIPTextModel.from_pretrained(pipeline / "text_encoder", dtype=torch.float64).requires_grad_(False)
alphas = DDIMScheduler.from_pretrained(pipeline / "scheduler").alphas_cumprod.double()


def reference(case, train_text, optimizer, prediction, gamma, batches):
    network, te = make_network(unet, "unet", 101, **CASES[case]), make_network(text, "text", 102, **CASES[case])
    if not train_text:
        te.restore()
    network.train()
    adamw = torch.optim.AdamW(list(network.parameters()) + (list(te.parameters()) if train_text else []), **optimizer)
    losses = []
    for i in range(STEPS):
        t, clean, noise = batches[f"timesteps.{i}"], batches[f"latents.{i}"].double(), batches[f"noise.{i}"].double()
        a = alphas[t].view(-1, 1, 1, 1)
        noisy = a.sqrt() * clean + (1 - a).sqrt() * noise
        target = noise if prediction == "epsilon" else a.sqrt() * noise - (1 - a).sqrt() * clean
        context = text(batches[f"input_ids.{i}"]).last_hidden_state if train_text else batches[f"context.{i}"].double()
        error = ((unet(noisy, t, encoder_hidden_states=context).sample - target) ** 2).mean(dim=(1, 2, 3))
        if gamma:
            snr = alphas[t] / (1 - alphas[t])
            error = error * snr.clamp(max=gamma) / (snr if prediction == "epsilon" else snr + 1)
        loss = error.mean()
        adamw.zero_grad()
        loss.backward()
        if i == 0:
            gradients = {p.data_ptr(): p.grad.abs() / p.grad.abs().max() for group in adamw.param_groups for p in group["params"]}
        adamw.step()
        losses.append(loss.item())
    out = state(network) | (state(te) if train_text else {})
    # state() copies; the parameters themselves tell which gradient is whose.
    first = {
        key.replace("lora_te_encoder_", "lora_te_text_model_encoder_"): gradients.get(value.data_ptr())
        for net in (network, te) for key, value in net.state_dict(keep_vars=True).items()
    }
    network.restore()
    if train_text:
        te.restore()
    return losses, {k: v for k, v in out.items() if not k.endswith("alpha")}, first


worst_loss = worst_tensor = 0
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / "out.safetensors"
    for case, train_text, decay, beta2, (prediction, gamma) in itertools.product(
            ("lora", "loha", "lokr_full", "lokr_low", "full"), (False, True), (0.5, 0.01), (0.999, 0.9),
            (("epsilon", None), ("v", 5.0))):
        if gamma and (decay, beta2) != (0.5, 0.9):
            continue
        lr = 1e-4 if case == "full" else 1e-3
        batches = fixtures / ("batches-text.safetensors" if train_text else "batches.safetensors")
        losses, truth, first = reference(case, train_text, dict(lr=lr, betas=(0.9, beta2), weight_decay=decay), prediction, gamma,
                                         load_file(batches))
        start = load_file(fixtures / f"adapter-{case}.safetensors")
        command = [
            radiata, "model", "replay", "--model", str(pipeline), "--adapter", str(fixtures / f"adapter-{case}.safetensors"),
            "--batches", str(batches), "--lr", str(lr), "--betas", f"0.9,{beta2}", "--weight-decay", str(decay), "--prediction",
            prediction, "--out", str(out), "--format", "json"]
        if gamma:
            command += ["--min-snr-gamma", str(gamma)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["losses"]
        loss = max(abs(a - b) / b for a, b in zip(found, losses, strict=True))
        tensors = load_file(out)
        share, name, left_out = 0, "", 0
        for key, wanted in truth.items():
            # The softmax cancels a constant added to all keys: the true gradient of that bias is 0.
            if key.endswith("k_proj.diff_b"):
                continue
            difference, moved = tensors[key].double() - wanted.double(), wanted.double() - start[key].double()
            distance = float(difference.norm() / moved.norm())
            if distance > 0.002:
                undecided = first[key] < 1e-4
                assert undecided.sum() <= max(1, undecided.numel() // 100), f"{key}: {undecided.sum()} gradients are nearly 0"
                left_out += int(undecided.sum())
                distance = float((difference * ~undecided).norm() / moved.norm())
            if distance > share:
                share, name = distance, key
        print(f"{case:9} {'U-Net + text' if train_text else 'U-Net':12} decay {decay:4} beta2 {beta2:5} {prediction:7} "
              f"gamma {gamma or '-':3}: losses {loss:.1e}, tensors {share:.2%} ({name})"
              + (f", without {left_out} undecided elements" if left_out else ""), flush=True)
        worst_loss, worst_tensor = max(worst_loss, loss), max(worst_tensor, share)
print(f"worst: losses {worst_loss:.1e} of 5e-6, tensors {worst_tensor:.3%} of 0.2 %")
assert worst_loss < 5e-6 and worst_tensor < 0.002
