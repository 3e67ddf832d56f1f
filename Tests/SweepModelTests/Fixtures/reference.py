#!/usr/bin/env python3
"""Reference values for SweepModelTests, made without any code of this project: python3 reference.py > reference.json

numbers   random doubles (as bits) and how ECMAScript writes them (own layout over repr's shortest digits)
sobol     scipy's unscrambled Sobol points, 32 bits a coordinate
identity  the canonical text of one job, written out by hand with json.dumps, and its SHA-256
"""
import hashlib
import json
import random
import struct

from scipy.stats import qmc


def ecmascript(x):
    if x == 0:
        return "0"
    if x < 0:
        return "-" + ecmascript(-x)
    mantissa, _, exponent = repr(x).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    k, n = len(digits), point
    if k <= n <= 21:
        return digits + "0" * (n - k)
    if 0 < n <= 21:
        return digits[:n] + "." + digits[n:]
    if -6 < n <= 0:
        return "0." + "0" * -n + digits
    e = ("+" if n > 0 else "-") + str(abs(n - 1))
    return (digits if k == 1 else digits[0] + "." + digits[1:]) + "e" + e


def numbers():
    rng = random.Random(8785)
    samples = [struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0] for _ in range(300)]
    samples += [round(rng.uniform(0, 1), rng.randint(1, 8)) for _ in range(100)]
    samples += [10.0 ** e for e in range(-12, 25)] + [float(rng.getrandbits(60)) for _ in range(50)]
    samples = [x for x in samples if x == x and abs(x) != float("inf")]
    return [{"bits": struct.unpack("<Q", struct.pack("<d", x))[0].__format__("016x"), "text": ecmascript(x)} for x in samples]


def sobol():
    points = qmc.Sobol(d=32, scramble=False, bits=32).random(64)
    return [[int(c * 2**32) for c in p] for p in points]


def identity():
    parameters = {
        "algorithm": "lora", "layers": "attn-mlp", "dim": 8, "alpha": 4, "train_norm": False, "dropout": 0,
        "rank_dropout": 0, "module_dropout": 0, "use_scalar": False, "rs_lora": False, "dora": False,
        "scale_weight_norms": 0, "lr": 0.0005, "text_encoder_lr": 0.0005, "epochs": 50, "batch": 8,
        "grad_accumulation": 1, "optimizer": "adamw", "weight_decay": 0.1, "betas": [0.9, 0.99], "epsilon": "1e-8",
        "warmup_steps": 0, "schedule": "constant", "max_grad_norm": 1, "caption_dropout": 0, "min_snr_gamma": 0,
        "prior_loss_weight": 1, "noise_offset": 0, "clip_skip": 1, "zero_terminal_snr": False, "flip": False,
        "buckets": False, "max_token_length": 75, "checkpointing": False,
    }
    job = {
        "v": 1, "coreVersion": "1.1", "trainer": "core", "parameters": parameters, "seed": 23,
        "checkpoints": {"epochs": [10, 30], "steps": []},
        "evaluate": {"prompts": ["train", "trigger", "alter", "style"], "images": 100, "sampler": "ddim", "steps": 25, "guidance": 7},
        "base": hashlib.sha256(b"base").hexdigest(), "data": hashlib.sha256(b"data").hexdigest(),
    }
    text = json.dumps(job, sort_keys=True, separators=(",", ":"))
    text = text.replace('"epsilon":"1e-8"', '"epsilon":1e-8')  # json.dumps would write 1e-08
    return {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


print(json.dumps({"numbers": numbers(), "sobol": sobol(), "identity": identity()}))
