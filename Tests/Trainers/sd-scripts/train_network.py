#!/usr/bin/env python3
"""Stands for kohya-ss/sd-scripts train_network.py in tests: its arguments, files, counters and traps, no training.

What it imitates (train_network.py, library/train_util.py, accelerate's save_state):
- values of the TOML are taken as they are, sections flattened, unknown keys accepted without a word;
- the step counts from 0 in every run; a state's train_state.json has the right epoch and the step of this run;
- --resume alone derives the first epoch from that step, which is right once and wrong the second time;
- files are written in place; of a state random_states_0.pkl comes last;
- --skip_until_initial_step begins to count at what of the first step is left inside its epoch;
- of several processes (WORLD_SIZE) each has its share of an epoch, and --initial_epoch divides by their number again;
- with max_train_steps the end is where the steps of this run come to it, or the epochs end;
- a loss that is no number is nothing to it;
- no signal handler: TERM ends it at once;
- the last epoch has no numbered file; the file without a number is the end.

"Weights" are a chain of digests over seed, rate, dim and every step of every epoch, so that a run which does an
epoch twice, or leaves one out, ends with other weights. Keys that begin with stub_ are the tests':
stub_steps_per_epoch, stub_gate (a file that is waited for), stub_wait (EPOCH.STEP, where), stub_half_state (waits
inside the state of that epoch), stub_resumed_gate and stub_resumed_wait (the same after a resume; `end` is between the last
state and the last file), stub_step_seconds, stub_nan (the step at which the loss ends to be a number).
"""
import argparse
import hashlib
import json
import os
import pickle
import shutil
import sys
import time
import tomllib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from stand_in import Events, png, read_safetensors, write_safetensors  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--config_file")
parser.add_argument("--resume")
parser.add_argument("--initial_epoch", type=int)
parser.add_argument("--initial_step", type=int)
parser.add_argument("--skip_until_initial_step", action="store_true")
parser.add_argument("--output_dir")
parser.add_argument("--output_name", default="last")
parser.add_argument("--logging_dir")
parser.add_argument("--log_prefix", default="")
parser.add_argument("--log_with", default="tensorboard")
parser.add_argument("--max_train_epochs", type=int)
parser.add_argument("--max_train_steps", type=int, default=1600)
parser.add_argument("--save_every_n_epochs", type=int)
parser.add_argument("--save_every_n_steps", type=int)
parser.add_argument("--save_last_n_epochs_state", type=int)
parser.add_argument("--save_state", action="store_true")
parser.add_argument("--save_state_on_train_end", action="store_true")
parser.add_argument("--sample_prompts")
parser.add_argument("--sample_every_n_epochs", type=int)
parser.add_argument("--sample_every_n_steps", type=int)
parser.add_argument("--seed", type=int)
parser.add_argument("--learning_rate", type=float, default=1e-6)
parser.add_argument("--unet_lr", type=float)
parser.add_argument("--network_module")
parser.add_argument("--network_dim", type=int, default=4)
parser.add_argument("--network_alpha", type=float, default=1)
parser.add_argument("--network_args", nargs="*")
parser.add_argument("--network_train_unet_only", action="store_true")


def read_config():
    args = parser.parse_args()
    if not args.config_file:
        return args
    path = args.config_file if args.config_file.endswith(".toml") else args.config_file + ".toml"
    if not os.path.exists(path):
        print(f"{path} not found.")
        sys.exit(1)
    flat = {}
    with open(path, "rb") as file:
        for key, value in tomllib.load(file).items():
            if isinstance(value, dict):
                flat.update(value)
            else:
                flat[key] = value
    return parser.parse_args(namespace=argparse.Namespace(**flat))


def wait_for(gate):
    print(f"waiting for {gate}", flush=True)
    while not os.path.exists(gate):
        time.sleep(0.02)


def main():
    args = read_config()
    extra = vars(args)
    processes = int(os.environ.get("WORLD_SIZE", 1))
    # Of the loader of this process.
    per_epoch = -(-int(extra.get("stub_steps_per_epoch", 4)) // processes)
    if args.log_with == "wandb" and not os.environ.get("WANDB_API_KEY"):
        input("wandb: Enter your choice: ")
    for pair in args.network_args or []:
        pair.split("=")[1]
    if args.max_train_epochs is not None:
        args.max_train_steps = args.max_train_epochs * per_epoch
    epochs = -(-args.max_train_steps // per_epoch)
    weights = hashlib.sha256(
        f"{args.seed} {args.unet_lr or args.learning_rate} {args.network_dim} {args.network_alpha} "
        f"{sorted(args.network_args or [])}".encode()).digest()
    steps_from_state = None
    if args.resume:
        for name in ["model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl"]:
            if not os.path.exists(f"{args.resume}/{name}"):
                raise FileNotFoundError(f"[Errno 2] No such file or directory: '{args.resume}/{name}'")
        with open(f"{args.resume}/random_states_0.pkl", "rb") as file:
            pickle.load(file)
        weights = read_safetensors(f"{args.resume}/model.safetensors")[1]
        with open(f"{args.resume}/train_state.json") as file:
            steps_from_state = json.load(file)["current_step"]
        print(f"resume training from local state: {args.resume}")
    initial_step = 0
    if args.initial_step is not None:
        initial_step = args.initial_step
    elif args.initial_epoch is not None:
        initial_step = (args.initial_epoch - 1) * -(-per_epoch // processes)
    elif steps_from_state is not None:
        initial_step = steps_from_state
    assert args.max_train_steps > initial_step, f"max_train_steps should be greater than initial step: {initial_step}"
    first_epoch = initial_step // per_epoch
    os.makedirs(args.output_dir, exist_ok=True)
    events = None
    if args.logging_dir:
        stamp = time.strftime("%Y%m%d%H%M%S") + f"{os.getpid()}"
        events = Events(f"{args.logging_dir}/{args.log_prefix or ''}{stamp}/network_train")
    kind = "stub_resumed_" if args.resume else "stub_"
    gate, wait = extra.get(kind + "gate", extra.get("stub_gate")), str(extra.get(kind + "wait", ""))
    half = bool(extra.get("stub_half_state")) and not args.resume

    def save(path, step, epoch):
        metadata = {
            "ss_steps": str(step), "ss_epoch": str(epoch), "ss_output_name": args.output_name,
            "ss_network_dim": str(args.network_dim), "ss_network_args": json.dumps(args.network_args)}
        write_safetensors(path, {"weights": weights}, metadata)
        print(f"saving checkpoint: {path}", flush=True)

    def save_state(path, step, epoch):
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/train_state.json", "w") as file:
            json.dump({"current_epoch": epoch, "current_step": step}, file)
        write_safetensors(f"{path}/model.safetensors", {"weights": weights}, {"format": "pt"})
        if half and gate and wait == f"{epoch}.state":
            wait_for(gate)
        for name in ["optimizer.bin", "scheduler.bin"]:
            with open(f"{path}/{name}", "wb") as file:
                file.write(weights)
        with open(f"{path}/random_states_0.pkl", "wb") as file:
            pickle.dump({"step": step}, file)

    def sample(number):
        if not os.path.exists(args.sample_prompts):
            raise FileNotFoundError(f"[Errno 2] No such file or directory: '{args.sample_prompts}'")
        stamp = time.strftime("%Y%m%d%H%M%S")
        png(f"{args.output_dir}/sample/{args.output_name}_{number}_00_{stamp}_{args.seed}.png")

    base = f"{args.output_dir}/{args.output_name}"
    # The batches before it are passed over.
    step = initial_step - first_epoch * per_epoch if args.skip_until_initial_step else 0
    skipped = step
    for epoch in range(first_epoch, epochs):
        print(f"\nepoch {epoch + 1}/{epochs}\n", flush=True)
        for batch in range(skipped, per_epoch):
            if gate and wait == f"{epoch + 1}.{batch}":
                wait_for(gate)
            weights = hashlib.sha256(weights + f"{args.seed} {epoch} {batch}".encode()).digest()
            step += 1
            time.sleep(float(extra.get("stub_step_seconds", 0)))
            if events:
                loss = 1 / (1 + epoch * per_epoch + batch)
                if step >= extra.get("stub_nan", 10**9):
                    loss = float("nan")
                events.scalar("loss/current", loss, step)
                events.scalar("loss/average", loss * (1 + args.network_dim / 100), step)
                events.scalar("lr/unet", args.unet_lr or args.learning_rate, step)
            if args.save_every_n_steps and step % args.save_every_n_steps == 0:
                save(f"{base}-step{step:08d}.safetensors", step, epoch + 1)
                if args.save_state:
                    save_state(f"{base}-step{step:08d}-state", step, epoch + 1)
            if args.sample_prompts and args.sample_every_n_steps and not args.sample_every_n_epochs:
                if step % args.sample_every_n_steps == 0:
                    sample(f"{step:06d}")
            if step >= args.max_train_steps:
                break
        skipped = 0
        if events:
            events.scalar("loss/epoch_average", 1 / (epoch + 1), epoch + 1)
        if args.save_every_n_epochs and (epoch + 1) % args.save_every_n_epochs == 0 and epoch + 1 < epochs:
            save(f"{base}-{epoch + 1:06d}.safetensors", step, epoch + 1)
            if args.save_state:
                save_state(f"{base}-{epoch + 1:06d}-state", step, epoch + 1)
                last = args.save_last_n_epochs_state
                if last:
                    old = epoch + 1 - last * args.save_every_n_epochs
                    shutil.rmtree(f"{base}-{old:06d}-state", ignore_errors=True)
        if args.sample_prompts and args.sample_every_n_epochs and (epoch + 1) % args.sample_every_n_epochs == 0:
            sample(f"e{epoch + 1:06d}")
    if args.save_state or args.save_state_on_train_end:
        save_state(f"{base}-state", step, epochs)
    if gate and wait == "end":
        wait_for(gate)
    save(f"{base}.safetensors", step, epochs)
    print("model saved.", flush=True)


main()
