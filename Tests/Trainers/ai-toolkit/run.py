#!/usr/bin/env python3
"""Stands for ostris/ai-toolkit run.py in tests: its file, folders, counters, database and traps, no training.

What it imitates (run.py, BaseSDTrainProcess, DiffusionTrainer, the UI's logger):
- FOLDER/NAME holds config.yaml, NAME_STEP.safetensors, one optimizer.pt that is written over after the weights, and at
  the end NAME.safetensors; a run goes on from what begins with NAME and was made last (by ctime), whoever made it;
  from NAME.safetensors too, so that it ends at once; an optimizer.pt that cannot be read is passed over;
- loss_log.db: rows behind the step that it goes on from are deleted;
- INT: exit 0, nothing saved (with -r the next file's turn); an exception: exit 1;
- type diffusion_trainer with AITK_JOB_ID and a database there: save_now, and stop, which saves and raises;
- ${VARIABLE} is replaced and must be there, [name] is the job's name; a login is asked for where it shall push;
- a step that runs out of memory (stub_oom: from which step, stub_oom_steps: how many, stub_oom_batch: from which batch
  size on) is passed over without a word in the log; the fourth in a row raises;
- the order of the data is not restored: stub_pictures says how many there are, one if left out.

Keys that begin with stub_ are the tests' (stand_in.Gates; places are a step, and N.optimizer between the two files of
step N).
"""
import json
import os
import re
import shutil
import sqlite3
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from mini_yaml import read_yaml  # noqa: E402
from stand_in import Chain, Gates, png, read_safetensors, torch_bytes, torch_load, write_safetensors  # noqa: E402


def read_config(path):
    with open(path) as file:
        text = file.read()

    def variable(match):
        if match[1] not in os.environ:
            raise ValueError(f"Environment variable {match[1]} is not set")
        return os.environ[match[1]]

    text = re.sub(r"\$\{(\w+)\}", variable, text)
    config = json.loads(text) if path.endswith(".json") else read_yaml(text)
    name = config["config"]["name"]
    return json.loads(json.dumps(config).replace("[name]", name))


class Process:
    def __init__(self, config):
        self.options = config
        self.config = config["config"]["process"][0]
        self.name = config["config"]["name"]
        self.folder = f"{self.config['training_folder']}/{self.name}"
        self.train_config, self.save_config = self.config["train"], self.config.get("save", {})
        network = self.config.get("network", {})
        self.chain = Chain(self.config.get("training_seed"), self.train_config["lr"], network.get("linear"),
                           network.get("linear_alpha"), network.get("type"))
        self.step = 0
        self.job = os.environ.get("AITK_JOB_ID")
        self.database = self.config.get("sqlite_db_path", "./aitk_db.db")
        is_ui = self.config["type"] == "diffusion_trainer" and self.job
        self.database = self.database if is_ui and os.path.exists(self.database) else None

    def flag(self, name):
        if not self.database:
            return False
        with sqlite3.connect(self.database, timeout=30) as connection:
            row = connection.execute(f"SELECT {name} FROM Job WHERE id = ?", (self.job,)).fetchone()
            if row and row[0] == 1 and name == "save_now":
                connection.execute("UPDATE Job SET save_now = 0 WHERE id = ?", (self.job,))
        return bool(row and row[0] == 1)

    def newest(self):
        """As get_latest_save_path: by the time of the inode's last change, of whatever begins with the name."""
        if not os.path.isdir(self.folder):
            return None
        found = [entry.path for entry in os.scandir(self.folder)
                 if entry.name.startswith(self.name) and entry.name.endswith(".safetensors")]
        return max(found, key=os.path.getctime) if found else None

    def resume(self):
        path = self.newest()
        if not path:
            return False
        print(f"#### IMPORTANT RESUMING FROM {path} ####", flush=True)
        metadata, self.chain.weights = read_safetensors(path)
        self.step = json.loads(metadata["training_info"])["step"]
        try:
            self.chain.optimizer = torch_load(f"{self.folder}/optimizer.pt")
            print(f"Loading optimizer state from {self.folder}/optimizer.pt")
        except Exception as error:
            print(f"Failed to load optimizer state from {self.folder}/optimizer.pt")
            print(error)
        return True

    def log(self):
        self.connection = sqlite3.connect(f"{self.folder}/loss_log.db")
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.executescript(
            "CREATE TABLE IF NOT EXISTS steps (step INTEGER PRIMARY KEY, wall_time REAL);"
            "CREATE TABLE IF NOT EXISTS metric_keys (key TEXT PRIMARY KEY, first_seen_step INTEGER);"
            "CREATE TABLE IF NOT EXISTS metrics (step INTEGER, key TEXT, value_real REAL, value_text TEXT,"
            " PRIMARY KEY (step, key));")
        self.connection.execute("DELETE FROM metrics WHERE step > ?", (self.step,))
        self.connection.execute("DELETE FROM steps WHERE step > ?", (self.step,))
        self.connection.commit()

    def write_metric(self, key, value):
        self.connection.execute("INSERT OR REPLACE INTO steps VALUES (?, ?)", (self.step, time.time()))
        self.connection.execute("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?, NULL)", (self.step, key, value))
        self.connection.commit()

    def save(self, path):
        info = {"training_info": json.dumps({"step": self.step, "epoch": 0}), "name": self.name}
        write_safetensors(path, {"weights": self.chain.weights}, info)
        print(f"Saved checkpoint to {path}", flush=True)
        self.gates.pass_by(f"{self.step}.optimizer")
        data = torch_bytes(self.chain.optimizer)
        with open(f"{self.folder}/optimizer.pt", "wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            self.gates.pass_by(f"{self.step}.half")
            file.write(data[len(data) // 2:])

    def save_step(self):
        self.save(f"{self.folder}/{self.name}_{self.step:09d}.safetensors")

    def run(self):
        if self.save_config.get("push_to_hub") and not os.environ.get("HF_TOKEN"):
            input("Enter your token (input will not be visible): ")
        os.makedirs(self.folder, exist_ok=True)
        is_resumed = self.resume()
        self.gates = Gates(self.options, is_resumed)
        is_logging = self.config.get("logging", {}).get("use_ui_logger")
        if is_logging:
            self.log()
        every = self.config.get("logging", {}).get("log_every", 100)
        pictures = int(self.options.get("stub_pictures", 1))
        # Begins at the first picture again.
        drawn = misses = 0
        while self.step < self.train_config["steps"]:
            self.gates.pass_by(str(self.step + 1))
            misses = self.misses(misses)
            if not misses:
                self.chain.train(self.config.get("training_seed"), self.step, drawn % pictures)
            drawn += 1
            self.step += 1
            if is_logging and not misses and self.step % every == 0:
                self.write_metric("loss/loss", 1 / self.step)
                self.write_metric("learning_rate", float(self.train_config["lr"]))
            if self.step % self.save_config.get("save_every", 1000) == 0 and self.step < self.train_config["steps"]:
                self.save_step()
                self.prune()
            sample = self.config.get("sample", {})
            if sample.get("sample_every") and self.step % sample["sample_every"] == 0:
                for index, _ in enumerate(sample.get("prompts", [])):
                    png(f"{self.folder}/samples/{int(time.time() * 1000)}__{self.step:09d}_{index}.png")
            if self.flag("stop"):
                print(f"\n[Stop Signal Detected] Saving emergency checkpoint at step {self.step}...")
                self.save_step()
                raise Exception("Job stopped")
            if self.flag("save_now"):
                print(f"\nSaving at step {self.step}")
                self.save_step()
            time.sleep(float(self.options.get("stub_step_seconds", 0)))
        self.save(f"{self.folder}/{self.name}.safetensors")

    def misses(self, before):
        first = self.options.get("stub_oom")
        if first is None or not first <= self.step + 1 < first + self.options.get("stub_oom_steps", 1):
            return 0
        if self.train_config.get("batch_size", 1) < self.options.get("stub_oom_batch", 1):
            return 0
        if before == 3:
            raise RuntimeError("OOM during training step 3 times in a row, aborting training")
        print(f"# OOM during training step, skipping batch {before + 1}/3 #", flush=True)
        return before + 1

    def prune(self):
        keep = self.save_config.get("max_step_saves_to_keep", 5)
        found = sorted(n for n in os.listdir(self.folder) if n.startswith(f"{self.name}_") and n.endswith(".safetensors"))
        for old in found[:-keep]:
            os.remove(f"{self.folder}/{old}")


def main():
    arguments = sys.argv[1:]
    goes_on = "-r" in arguments
    for path in (argument for argument in arguments if not argument.startswith("-")):
        try:
            config = read_config(path)
            process = Process(config)
            os.makedirs(process.folder, exist_ok=True)
            if os.path.abspath(path) != os.path.abspath(f"{process.folder}/config.yaml"):
                shutil.copy(path, f"{process.folder}/config.yaml")
            process.run()
        except KeyboardInterrupt:
            print("Keyboard interrupt")
            if not goes_on:
                sys.exit(0)


main()
