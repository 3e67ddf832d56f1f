"""Reads a job: a sweep file of one job, with the names and defaults of Radiata's built-in trainer."""

import dataclasses
import json
import re


class BadJob(Exception):
    """A job that cannot be trained as it is asked for."""


DEFAULTS = {
    "algorithm": "lora", "layers": "attn-mlp", "dim": 4, "alpha": None, "conv_dim": None, "conv_alpha": None, "factor": -1,
    "train_norm": False, "dropout": 0.0, "rank_dropout": 0.0, "module_dropout": 0.0, "use_tucker": False, "use_scalar": False,
    "rs_lora": False, "dora": False, "wd_on_output": True, "decompose_both": False, "full_matrix": False,
    "unbalanced_factorization": False, "block_size": 4, "constraint": 0.0, "rescaled": False, "train_on_input": False,
    "lr": 1e-4, "text_encoder_lr": None, "epochs": 10, "batch": 1, "grad_accumulation": 1, "resolution": None,
    "optimizer": "adamw", "weight_decay": 0.01, "betas": [0.9, 0.999], "epsilon": 1e-8, "warmup_steps": 0,
    "schedule": "constant", "lr_cycles": 1, "max_grad_norm": 1.0, "caption_dropout": 0.0, "min_snr_gamma": 0.0,
    "prior_loss_weight": 1.0, "noise_offset": 0.0, "clip_skip": 1, "prediction_type": None, "flip": False,
    "checkpointing": False,
    # Its own: a state every so many steps, beside those at the end of an epoch; 0 for none.
    "state_steps": 0,
}
# Known to the format and not done here: refused unless they are at the value that changes nothing.
NOT_DONE = {
    "scale_weight_norms": 0, "block_dims": None, "block_alphas": None, "block_lr": None, "zero_terminal_snr": False,
    "buckets": False, "max_token_length": 75,
}
ALIASES = {
    "algorithm": {"locon": "lora"}, "prediction_type": {"v": "v_prediction"},
    "schedule": {"constant_with_warmup": "constant", "cosine_with_restarts": "cosine-restarts"},
}
CHOICES = {
    "algorithm": {"lora", "loha", "lokr", "full", "dylora", "glora", "ia3", "diag-oft", "boft"},
    "layers": {"attn-only", "attn-mlp", "full", "full-lin", "unet-only", "unet-transformer-only", "unet-convblock-only"},
    "schedule": {"constant", "linear", "cosine", "cosine-restarts"}, "optimizer": {"adamw"},
}


@dataclasses.dataclass
class Job:
    name: str
    base: str
    data: str
    seed: int
    parameters: dict
    epochs_to_keep: list
    steps_to_keep: list
    state_seconds: float

    def __getattr__(self, name):
        try:
            return self.__dict__["parameters"][name]
        except KeyError:
            raise AttributeError(name) from None


def seconds(text):
    """`90`, `30s`, `5m`, `1h30m`."""
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}
    parts = re.findall(r"([0-9.]+)([dhms]?)", str(text))
    return sum(float(number) * units[unit] for number, unit in parts)


def resolve(given):
    """Parameters with defaults filled in.

    Raises BadJob for names that are not known, values that are none, and what this trainer does not do.
    """
    parameters = dict(DEFAULTS)
    for name, value in given.items():
        if name in NOT_DONE:
            if value not in (NOT_DONE[name], None):
                raise BadJob(f"{name}: {value} is not done by this trainer; use the built-in one, or leave it out")
            continue
        if name not in parameters:
            raise BadJob(f"'{name}' is no parameter of this trainer; known: {', '.join(sorted(parameters))}")
        value = ALIASES.get(name, {}).get(value, value) if isinstance(value, str) else value
        if name in CHOICES and value not in CHOICES[name]:
            raise BadJob(f"{name}: '{value}' is not done by this trainer; done: {', '.join(sorted(CHOICES[name]))}")
        if value is not None:
            parameters[name] = value
    # LoKr without dim trains its full matrix.
    if parameters["algorithm"] == "lokr" and given.get("dim") is None:
        parameters["full_matrix"] = True
    for name, other in [("alpha", "dim"), ("conv_dim", "dim"), ("conv_alpha", "alpha"), ("text_encoder_lr", "lr")]:
        if parameters[name] is None:
            parameters[name] = parameters[other]
    for name, other in [("alpha", "dim"), ("conv_alpha", "conv_dim")]:
        parameters[name] = parameters[name] or parameters[other]
    if parameters["dropout"] and parameters["algorithm"] != "lora":
        raise BadJob(f"dropout: {parameters['dropout']} is for lora; rank_dropout and module_dropout are for all")
    return parameters


def read(path):
    with open(path) as file:
        raw = json.load(file)
    for name in ("base", "data"):
        if not raw.get(name):
            raise BadJob(f"the job has no '{name}'; write it into the sweep file")
    if raw.get("reg_data"):
        raise BadJob("reg_data is not done by this trainer; use the built-in one, or leave it out")
    if (raw.get("evaluate") or {}).get("holdout"):
        raise BadJob("evaluate.holdout is not done by this trainer: it would train on the held-out pictures too")
    plan = raw.get("checkpoints") or {}
    given = dict(raw["groups"][0]["list"][0])
    seed = int(given.pop("seed", None) or raw["seeds"][0])
    return Job(
        name=raw["name"], base=raw["base"], data=raw["data"], seed=seed, parameters=resolve(given),
        epochs_to_keep=[int(epoch) for epoch in plan.get("epochs", [])],
        steps_to_keep=[int(step) for step in plan.get("steps", [])], state_seconds=seconds(plan.get("state_every", "300s")))
