#!/usr/bin/env python3
"""Stands for tdrussell/diffusion-pipe train.py in tests: its arguments, files, counters and traps, no training.

What it imitates (train.py, utils/saver.py, DeepSpeed's checkpoints):
- a folder named by the time (UTC) for a new run, the given or the newest one for a resumed run, which it goes on in;
- global_stepN/ is written in place, then `latest` is overwritten with its name; a resume goes by `latest`;
- at the end of an epoch the state comes before the adapter epochN/, so that a run which is killed between the two and
  resumed never makes that adapter;
- an adapter is put together in epochN/tmp, which must not be there before;
- the file `save_quit` in the folder: the state is saved, no adapter, exit 0;
- `alpha` in [adapter] is an error; no signal handler.

Keys that begin with stub_ are the tests' (stand_in.Gates; places are a step, N.state inside its state, N.between
after it, and N.tmp inside the adapter of epoch N).
"""
import argparse
import json
import os
import shutil
import sys
import time
import tomllib
from datetime import datetime, timezone

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from stand_in import Chain, Events, Gates, torch_bytes, torch_load, write_safetensors  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--deepspeed", action="store_true")
parser.add_argument("--local_rank", type=int)
parser.add_argument("--resume_from_checkpoint", nargs="?", const=True)
parser.add_argument("--regenerate_cache", action="store_true")
parser.add_argument("--trust_cache", action="store_true")
args = parser.parse_args()


def newest_run(folder):
    return max((entry.path for entry in os.scandir(folder) if entry.is_dir()), key=os.path.getmtime)


def main():
    with open(args.config, "rb") as file:
        config = tomllib.load(file)
    adapter = config.get("adapter", {})
    if "alpha" in adapter:
        raise NotImplementedError("This script forces alpha=rank to make the saved LoRA format simpler. Please remove alpha")
    output = config["output_dir"]
    resume = args.resume_from_checkpoint
    if resume is None:
        run = os.path.join(output, datetime.now(timezone.utc).strftime("%Y%m%d_%H-%M-%S"))
        os.makedirs(run, exist_ok=True)
        shutil.copy(args.config, run)
    elif resume is True:
        run = newest_run(output)
    else:
        run = os.path.join(output, resume)
        if not os.path.exists(run):
            raise ValueError(f"Checkpoint directory {run} does not exist")
    per_epoch = int(config.get("stub_steps_per_epoch", 4))
    chain = Chain(config["optimizer"]["lr"], adapter.get("rank"))
    step, epoch = 1, 1
    if resume:
        with open(f"{run}/latest") as file:
            tag = file.read().strip()
        state = torch_load(f"{run}/{tag}/mp_rank_00_model_states.pt")
        optimizer = torch_load(f"{run}/{tag}/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt")
        chain.weights, chain.optimizer = state["module"], optimizer
        step, epoch = state["step"] + 1, state["epoch"]
        print(f"Resuming training from checkpoint. Resuming at epoch: {epoch}, step: {step}")
    gates = Gates(config, bool(resume))
    events = Events(run)

    def save_checkpoint(step, next_epoch):
        folder = f"{run}/global_step{step}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/mp_rank_00_model_states.pt", "wb") as file:
            file.write(torch_bytes({"module": chain.weights, "step": step, "epoch": next_epoch}))
        gates.pass_by(f"{step}.state")
        with open(f"{folder}/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", "wb") as file:
            file.write(torch_bytes(chain.optimizer))
        with open(f"{run}/latest", "w") as file:
            file.write(f"global_step{step}")

    def save_model(name):
        print(f"Saving model to directory {name}", flush=True)
        folder = f"{run}/{name}"
        os.makedirs(f"{folder}/tmp", exist_ok=False)
        with open(f"{folder}/tmp/state_dict_0.bin", "wb") as file:
            file.write(torch_bytes(chain.weights))
        gates.pass_by(f"{name.removeprefix('epoch')}.tmp")
        with open(f"{folder}/adapter_config.json", "w") as file:
            json.dump({"peft_type": "LORA", "r": adapter.get("rank")}, file)
        write_safetensors(f"{folder}/adapter_model.safetensors", {"weights": chain.weights}, {"format": "pt"})
        shutil.copy(args.config, folder)
        shutil.rmtree(f"{folder}/tmp")

    is_saved = is_checkpointed = False
    losses = []
    while True:
        gates.pass_by(str(step))
        chain.train(step)
        losses.append(1 / step)
        is_saved = is_checkpointed = False
        ended = epoch if step % per_epoch == 0 else None
        if ended:
            if ended % config.get("checkpoint_every_n_epochs", 10**9) == 0:
                save_checkpoint(step, ended + 1)
                is_checkpointed = True
            gates.pass_by(f"{step}.between")
            if ended % config.get("save_every_n_epochs", 10**9) == 0:
                save_model(f"epoch{ended}")
                is_saved = True
        if step % config.get("logging_steps", 1) == 0:
            events.scalar("train/loss", 1 / step, step)
        if ended:
            events.scalar("train/epoch_loss", sum(losses) / len(losses), ended)
            losses = []
            epoch = ended + 1
            if epoch > config["epochs"]:
                break
            print(f"Started new epoch: {epoch}", flush=True)
        if os.path.isfile(f"{run}/save_quit"):
            os.remove(f"{run}/save_quit")
            save_checkpoint(step, epoch)
            print("Manually quitting")
            sys.exit()
        time.sleep(float(config.get("stub_step_seconds", 0)))
        step += 1
    if not is_checkpointed:
        save_checkpoint(step, epoch)
    if not is_saved:
        save_model(f"epoch{epoch - 1}")
    print("TRAINING COMPLETE!", flush=True)


main()
