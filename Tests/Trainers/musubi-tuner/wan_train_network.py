#!/usr/bin/env python3
"""Stands for kohya-ss/musubi-tuner wan_train_network.py in tests: its arguments, files, counters and traps.

What it imitates (hv_train_network.py, utils/train_utils.py, accelerate's save_state):
- values of the TOML are taken as they are, sections flattened, unknown keys accepted without a word;
- the first epoch and the first step are constants, 0, also with --resume: it trains max_train_epochs again, and its
  file names and steps begin anew; a state has no train_state.json;
- files are written in place; of a state random_states_0.pkl comes last;
- W&B without a key asks at a keyboard; a loss that is no number is nothing to it;
- no signal handler; the last epoch has no numbered file; the file without a number is the end;
- the latents of the data set must have been cached by another command;
- samples are videos: NAME_e000005_00_TIME_SEED.mp4 in the folder sample.

Weights are those of stand_in.Chain: of each step by its place in the whole training, which the random numbers of a
state stand for. Keys that begin with stub_ are the tests' (stand_in.Gates; places are EPOCH.STEP from the beginning
of the whole training, and EPOCH.state inside a state); stub_nan is the step at which the loss ends to be a number.
"""
import argparse
import os
import pickle
import shutil
import sys
import time
import tomllib

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from stand_in import Chain, Events, Gates, read_safetensors, write_safetensors  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--config_file")
parser.add_argument("--resume")
parser.add_argument("--dit")
parser.add_argument("--dataset_config")
parser.add_argument("--output_dir")
parser.add_argument("--output_name")
parser.add_argument("--logging_dir")
parser.add_argument("--log_with", default="tensorboard")
parser.add_argument("--max_train_epochs", type=int)
parser.add_argument("--max_train_steps", type=int, default=1600)
parser.add_argument("--save_every_n_epochs", type=int)
parser.add_argument("--save_last_n_epochs_state", type=int)
parser.add_argument("--save_state", action="store_true")
parser.add_argument("--seed", type=int)
parser.add_argument("--learning_rate", type=float, default=2e-6)
parser.add_argument("--network_module")
parser.add_argument("--network_dim", type=int)
parser.add_argument("--network_alpha", type=float, default=1)
parser.add_argument("--network_args", nargs="*")


def read_config():
    args = parser.parse_args()
    flat = {}
    with open(args.config_file, "rb") as file:
        for key, value in tomllib.load(file).items():
            flat.update(value if isinstance(value, dict) else {key: value})
    return parser.parse_args(namespace=argparse.Namespace(**flat))


def main():
    args = read_config()
    options = vars(args)
    per_epoch = int(options.get("stub_steps_per_epoch", 4))
    cache = options.get("stub_cache")
    if cache and not os.path.exists(cache):
        raise ValueError("No training items found in the dataset. Please ensure that the latents are cached.")
    if args.log_with == "wandb" and not os.environ.get("WANDB_API_KEY"):
        input("wandb: Enter your choice: ")
    if args.max_train_epochs is not None:
        args.max_train_steps = args.max_train_epochs * per_epoch
    epochs = -(-args.max_train_steps // per_epoch)
    chain = Chain(args.seed, args.learning_rate, args.network_dim, args.network_alpha, sorted(args.network_args or []))
    drawn = 0
    if args.resume:
        for name in ["model.safetensors", "optimizer.bin", "scheduler.bin", "random_states_0.pkl"]:
            if not os.path.exists(f"{args.resume}/{name}"):
                raise FileNotFoundError(f"[Errno 2] No such file or directory: '{args.resume}/{name}'")
        with open(f"{args.resume}/random_states_0.pkl", "rb") as file:
            drawn = pickle.load(file)["drawn"]
        chain.weights = read_safetensors(f"{args.resume}/model.safetensors")[1]
        with open(f"{args.resume}/optimizer.bin", "rb") as file:
            chain.optimizer = file.read()
        print(f"resume training from local state: {args.resume}")
    gates = Gates(options, args.resume is not None)
    events = Events(f"{args.logging_dir}/{time.strftime('%Y%m%d%H%M%S')}/network_train") if args.logging_dir else None
    os.makedirs(args.output_dir, exist_ok=True)
    base = f"{args.output_dir}/{args.output_name}"

    def save(path, step, epoch):
        metadata = {"ss_steps": str(step), "ss_epoch": str(epoch), "ss_network_dim": str(args.network_dim)}
        write_safetensors(path, {"weights": chain.weights}, metadata)
        print(f"saving checkpoint: {path}", flush=True)

    def save_state(path, whole):
        os.makedirs(path, exist_ok=True)
        write_safetensors(f"{path}/model.safetensors", {"weights": chain.weights}, {"format": "pt"})
        gates.pass_by(f"{whole}.state")
        for name in ["optimizer.bin", "scheduler.bin"]:
            with open(f"{path}/{name}", "wb") as file:
                file.write(chain.optimizer)
        with open(f"{path}/random_states_0.pkl", "wb") as file:
            pickle.dump({"drawn": drawn}, file)

    def sample(number):
        os.makedirs(f"{args.output_dir}/sample", exist_ok=True)
        name = f"{args.output_name}_e{number:06d}_00_{time.strftime('%Y%m%d%H%M%S')}_{args.seed}.mp4"
        with open(f"{args.output_dir}/sample/{name}", "wb") as file:
            file.write(b"\0\0\0\x1cftypisom\0\0\2\0isomiso2mp41" + chain.weights)

    step = 0
    for epoch in range(epochs):
        print(f"\nepoch {epoch + 1}/{epochs}", flush=True)
        for batch in range(per_epoch):
            gates.pass_by(f"{drawn // per_epoch + 1}.{batch}")
            chain.train(args.seed, drawn)
            drawn += 1
            step += 1
            if events:
                loss = float("nan") if step >= options.get("stub_nan", 10**9) else 1 / drawn
                events.scalar("loss/current", loss, step)
                events.scalar("loss/average", loss * (1 + (args.network_dim or 0) / 100), step)
        if events:
            events.scalar("loss/epoch", 1 / drawn, epoch + 1)
        if options.get("sample_every_n_epochs") and (epoch + 1) % options["sample_every_n_epochs"] == 0:
            sample(epoch + 1)
        if args.save_every_n_epochs and (epoch + 1) % args.save_every_n_epochs == 0 and epoch + 1 < epochs:
            save(f"{base}-{epoch + 1:06d}.safetensors", step, epoch + 1)
            if args.save_state:
                save_state(f"{base}-{epoch + 1:06d}-state", drawn // per_epoch)
                if args.save_last_n_epochs_state:
                    old = epoch + 1 - args.save_last_n_epochs_state * args.save_every_n_epochs
                    shutil.rmtree(f"{base}-{old:06d}-state", ignore_errors=True)
    save(f"{base}.safetensors", step, epochs)
    print("model saved.", flush=True)


main()
