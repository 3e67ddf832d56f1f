#!/usr/bin/env python3
"""Stands for Nerogar/OneTrainer scripts/train.py in tests: its arguments, files, counters and traps, no training.

What it imitates (GenericTrainer, TrainConfig, the LoRA savers):
- a step is a batch, not an update: gradient_accumulation_steps of them are one, and are printed;
- backups are WORKSPACE/backup/TIME-backup-STEP-EPOCH-STEP_OF_EPOCH, made at the beginning of an epoch (of the one that
  a resume begins with too), when INT came, and at the end; a resume takes the last of them by name, whole or not;
- INT: a backup, then the last file as if the run were done, exit 0; TERM is not handled; a loss that is no number
  raises;
- samples (sample_after) are files and, with samples_to_tensorboard, in the event files too; those of several prompts
  have one name, in a folder each;
- what goes wrong while it saves is printed and otherwise passed over;
- it empties cache_dir at its start (clear_cache_before_training), and starts a server (tensorboard).

Keys that begin with stub_ are the tests' (stand_in.Gates; places are a step, and N.backup inside the backup of step N);
stub_port stands for 6006, stub_disk_full for a disk on which no backup has room, stub_nan for a step.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from stand_in import Chain, Events, Gates, png, png_bytes, read_safetensors, torch_bytes, torch_load  # noqa: E402
from stand_in import write_safetensors  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--config-path", required=True)
parser.add_argument("--secrets-path")


class Trainer:
    def __init__(self, config):
        self.config = config
        self.workspace = config["workspace_dir"]
        self.per_epoch = int(config.get("stub_steps_per_epoch", 4))
        self.chain = Chain(config.get("seed"), config["learning_rate"], config.get("lora_rank"), config.get("lora_alpha"))
        self.step = self.epoch = self.epoch_step = 0
        self.stops = False
        os.makedirs(self.workspace, exist_ok=True)

    def start(self):
        if self.config.get("tensorboard", True):
            server = socket.socket()
            try:
                server.bind(("127.0.0.1", int(self.config.get("stub_port", 6006))))
                server.listen()
                self.server = server
            except OSError:
                print("TensorBoard could not bind to port 6006, it was already in use", flush=True)
        cache = self.config["cache_dir"]
        if self.config.get("clear_cache_before_training", True) and os.path.isdir(cache):
            shutil.rmtree(cache)
        os.makedirs(cache, exist_ok=True)
        self.cache = f"{cache}/image-{os.getpid()}.pt"
        with open(self.cache, "wb") as file:
            file.write(torch_bytes("latent"))
        last = None
        if self.config.get("continue_last_backup"):
            backups = f"{self.workspace}/backup"
            names = sorted(os.listdir(backups)) if os.path.isdir(backups) else []
            last = f"{backups}/{names[-1]}" if names else None
            print(f"Continuing training from backup '{last}'..." if last else "No backup found, continuing without backup...")
        if last:
            with open(f"{last}/meta.json") as file:
                progress = json.load(file)["train_progress"]
            self.step, self.epoch, self.epoch_step = progress["global_step"], progress["epoch"], progress["epoch_step"]
            self.chain.weights = read_safetensors(f"{last}/lora/lora.safetensors")[1]
            self.chain.optimizer = torch_load(f"{last}/optimizer/optimizer.pt")
        self.gates = Gates(self.config, last is not None)
        signal.signal(signal.SIGINT, self.interrupt)

    def interrupt(self, *_):
        print("stops after this step", flush=True)
        self.stops = True

    def name(self, kind):
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        return f"{stamp}-{kind}-{self.step}-{self.epoch}-{self.epoch_step}"

    def backup(self):
        path = f"{self.workspace}/backup/{self.name('backup')}"
        print(f"Creating Backup {path}", flush=True)
        try:
            if self.config.get("stub_disk_full"):
                raise OSError(28, "No space left on device")
            for part in ["lora", "optimizer"]:
                os.makedirs(f"{path}/{part}")
            write_safetensors(f"{path}/lora/lora.safetensors", {"weights": self.chain.weights}, {})
            self.gates.pass_by(f"{self.step}.backup")
            with open(f"{path}/optimizer/optimizer.pt", "wb") as file:
                file.write(torch_bytes(self.chain.optimizer))
            progress = {"epoch": self.epoch, "epoch_step": self.epoch_step, "epoch_sample": 0, "global_step": self.step}
            with open(f"{path}/meta.json", "w") as file:
                json.dump({"train_progress": progress}, file)
        except Exception as error:
            print(error)
            print("Could not save backup. Check your disk space!")
            shutil.rmtree(path, ignore_errors=True)
            return
        if self.config.get("rolling_backup"):
            backups = f"{self.workspace}/backup"
            for old in sorted(os.listdir(backups), key=self.step_of)[:-self.config.get("rolling_backup_count", 3)]:
                shutil.rmtree(f"{backups}/{old}")

    @staticmethod
    def step_of(name):
        return int(name.split("-backup-")[1].split("-")[0])

    def save(self, path):
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write_safetensors(path, {"weights": self.chain.weights}, {"ot_branch": "master"})
            print(f"Saving {path}", flush=True)
        except Exception as error:
            print(error)
            print("Could not save model. Check your disk space!")

    def train(self):
        events = Events(f"{self.workspace}/tensorboard/{time.strftime('%Y-%m-%d_%H-%M-%S')}")
        every = self.config.get("save_every", 0)
        while self.epoch < self.config["epochs"] and not self.stops:
            while self.epoch_step < self.per_epoch and not self.stops:
                if self.epoch_step == 0 and self.epoch:
                    if self.config.get("backup_after", 30) and self.config.get("backup_after_unit") == "EPOCH":
                        if self.epoch % self.config["backup_after"] == 0:
                            self.backup()
                    if every and self.config.get("save_every_unit") == "EPOCH" and self.epoch % every == 0:
                        self.save(f"{self.workspace}/save/{self.name('save')}.safetensors")
                self.gates.pass_by(str(self.step + 1))
                if self.stops:
                    break
                if not os.path.exists(self.cache):
                    raise FileNotFoundError(f"[Errno 2] No such file or directory: '{self.cache}'")
                loss = float("nan") if self.config.get("stub_nan") == self.step + 1 else 1 / (self.step + 1)
                if loss != loss:
                    raise RuntimeError("Training loss became NaN. This may be due to invalid parameters, precision issues")
                self.chain.train(self.config.get("seed"), self.step)
                self.step += 1
                self.epoch_step += 1
                if self.step % self.config.get("gradient_accumulation_steps", 1) == 0:
                    print(f"update {self.step // self.config.get('gradient_accumulation_steps', 1)}", flush=True)
                events.scalar("loss/train_step", loss, self.step)
                events.scalar("smooth_loss/train_step", loss, self.step)
                time.sleep(float(self.config.get("stub_step_seconds", 0)))
            if self.epoch_step == self.per_epoch:
                self.epoch += 1
                self.epoch_step = 0
                if self.config.get("sample_after") and self.config.get("sample_after_unit") == "EPOCH":
                    self.sample(events)

    def sample(self, events):
        stamp = self.name("training-sample")
        for index, prompt in enumerate(["a cat", "a dog"]):
            png(f"{self.workspace}/samples/{index} - {prompt}/{stamp}.png")
            if self.config.get("samples_to_tensorboard", True):
                events.image(f"sample{index} - {prompt}", png_bytes(), self.step)

    def end(self):
        if self.config.get("backup_before_save", True):
            self.backup()
        self.save(self.config["output_model_destination"])

    def run(self):
        self.start()
        try:
            self.train()
        except Exception:
            if self.config.get("backup_before_save", True):
                self.backup()
            raise
        self.end()


with open(parser.parse_args().config_path) as text:
    Trainer(json.load(text)).run()
