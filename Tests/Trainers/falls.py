#!/usr/bin/env python3
"""Shows the stand-ins falling into traps of their trainers: each function here runs one by itself, as a shell loop would.

Prints `fell NAME` for each fall, and what was seen instead where there was none. docs/reference/trainer-traps.md lists
the traps; what the profiles do about each stands there too. With names as arguments only those.
"""
import concurrent.futures
import glob
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from stand_in import read_events, read_safetensors  # noqa: E402

KOHYA = f"{HERE}/sd-scripts/train_network.py"
ACCELERATE = f"{HERE}/sd-scripts/accelerate"
MUSUBI = f"{HERE}/musubi-tuner/wan_train_network.py"
AI_TOOLKIT = f"{HERE}/ai-toolkit/run.py"
ONE_TRAINER = f"{HERE}/OneTrainer/scripts/train.py"
SIMPLE_TUNER = f"{HERE}/SimpleTuner/simpletuner"
DIFFUSION_PIPE = f"{HERE}/diffusion-pipe/train.py"


class Run:
    """One program in a folder; where `until` was printed, it is killed."""

    def __init__(self, folder, *arguments, until=None, **environment):
        log = f"{folder}/log"
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA", "WANDB", "HF_"))}
        with open(log, "wb") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True, env={**plain, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment})
        end = time.monotonic() + 60
        while until and process.poll() is None and time.monotonic() < end:
            with open(log) as file:
                if until in file.read():
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            time.sleep(0.01)
        self.code = process.wait(timeout=60)
        with open(log) as file:
            self.output = file.read()
        if until:
            assert self.code == -signal.SIGKILL, f"it did not come to '{until}': {self.output}"


def toml(folder, name="a", epochs="max_train_epochs = 5", **more):
    lines = [f'output_dir = "{folder}/model"', f'output_name = "{name}"', f'logging_dir = "{folder}/logs-{name}"', epochs,
             "network_dim = 8", "learning_rate = 1e-4", "save_every_n_epochs = 1", "save_state = true", "seed = 3"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    path = f"{folder}/{name}.toml"
    with open(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return f"--config_file={path}"


def held(folder, place):
    return {"stub_gate": f"{folder}/gate", "stub_wait": place}


def weights(path):
    return read_safetensors(path)[1]


def header(path):
    return read_safetensors(path)[0]


def events(pattern):
    return [event for path in sorted(glob.glob(pattern, recursive=True)) for event in read_events(path)]


# kohya sd-scripts


def kohya_counters(folder):
    """By the recipe the weights are right; the steps in headers, states and event files are those of this run."""
    assert Run(folder, KOHYA, toml(folder)).code == 0
    Run(folder, KOHYA, toml(folder, "b", **held(folder, "4.1")), until="waiting for")
    state = f"{folder}/model/b-000003-state"
    os.rename(f"{folder}/logs-b", f"{folder}/logs-first")
    assert Run(folder, KOHYA, toml(folder, "b"), f"--resume={state}", "--initial_epoch=4").code == 0
    assert weights(f"{folder}/model/b.safetensors") == weights(f"{folder}/model/a.safetensors")
    assert header(f"{folder}/model/b-000004.safetensors")["ss_steps"] == "4"
    with open(f"{folder}/model/b-000004-state/train_state.json") as file:
        assert json.load(file) == {"current_epoch": 4, "current_step": 4}
    steps = [step for tag, step, _ in events(f"{folder}/logs-b/**/events*") if tag == "loss/current"]
    assert steps == list(range(1, 9)), steps


def kohya_skip(folder):
    """--skip_until_initial_step is exact once; a second resume goes on from a number that began inside an epoch."""
    more = {"save_every_n_steps": 6, "skip_until_initial_step": True}
    assert Run(folder, KOHYA, toml(folder, **more)).code == 0
    Run(folder, KOHYA, toml(folder, "b", **more, **held(folder, "2.3")), until="waiting for")
    first = f"{folder}/model/first"
    os.rename(f"{folder}/model/b-step00000006-state", first)
    assert Run(folder, KOHYA, toml(folder, "b", **more), f"--resume={first}").code == 0
    assert weights(f"{folder}/model/b.safetensors") == weights(f"{folder}/model/a.safetensors")
    again = {"stub_resumed_gate": f"{folder}/gate", "stub_resumed_wait": "4.1"}
    Run(folder, KOHYA, toml(folder, "b", **more, **again), f"--resume={first}", until="waiting for")
    third = Run(folder, KOHYA, toml(folder, "b", **more), f"--resume={folder}/model/b-step00000006-state")
    assert third.code == 0 and "epoch 2/5" in third.output
    assert weights(f"{folder}/model/b.safetensors") != weights(f"{folder}/model/a.safetensors")


def kohya_last_state(folder):
    """The newest state may be the one of the end, from which nothing can be gone on."""
    Run(folder, KOHYA, toml(folder, save_state_on_train_end=True, **held(folder, "end")), until="waiting for")
    assert not os.path.exists(f"{folder}/model/a.safetensors")
    ended = Run(folder, KOHYA, toml(folder), f"--resume={folder}/model/a-state", "--initial_epoch=6")
    assert ended.code == 1 and "max_train_steps should be greater than initial step" in ended.output


def kohya_processes(folder):
    """With two visible devices two processes are started, and --initial_epoch is divided once too often."""
    command = [ACCELERATE, "launch", f"--main_process_port={free_port()}"]
    Run(folder, *command, KOHYA, toml(folder, **held(folder, "4.1")), until="waiting for", CUDA_VISIBLE_DEVICES="0,1")
    resume = [f"--resume={folder}/model/a-000003-state", "--initial_epoch=4"]
    wrong = Run(folder, *command, KOHYA, toml(folder), *resume, CUDA_VISIBLE_DEVICES="0,1")
    assert wrong.code == 0 and "epoch 2/5" in wrong.output, wrong.output
    right = Run(folder, *command, "--num_processes=1", KOHYA, toml(folder), *resume, CUDA_VISIBLE_DEVICES="0,1")
    assert right.code == 0 and "epoch 4/5" in right.output and "epoch 3/5" not in right.output


def kohya_max_steps(folder):
    """A length in steps ends a resumed run too late, since its steps count anew."""
    length = "max_train_steps = 18"
    assert Run(folder, KOHYA, toml(folder, epochs=length)).code == 0
    assert header(f"{folder}/model/a.safetensors")["ss_steps"] == "18"
    Run(folder, KOHYA, toml(folder, "b", epochs=length, **held(folder, "4.1")), until="waiting for")
    state = f"{folder}/model/b-000003-state"
    assert Run(folder, KOHYA, toml(folder, "b", epochs=length), f"--resume={state}", "--initial_epoch=4").code == 0
    assert 12 + int(header(f"{folder}/model/b.safetensors")["ss_steps"]) == 20
    assert weights(f"{folder}/model/b.safetensors") != weights(f"{folder}/model/a.safetensors")


def kohya_epoch_axis(folder):
    """Of some tags the x of an event is the epoch, of the others the step."""
    assert Run(folder, KOHYA, toml(folder)).code == 0
    found = events(f"{folder}/logs-a/**/events*")
    assert [step for tag, step, _ in found if tag == "loss/epoch_average"] == [1, 2, 3, 4, 5]
    assert [step for tag, step, _ in found if tag == "loss/average"] == list(range(1, 21))


def kohya_sample_names(folder):
    """The number in a sample's name is an epoch behind an `e`, else a step; epochs win where both are asked for."""
    with open(f"{folder}/prompts.txt", "w") as file:
        file.write("a cat\n")
    more = {"sample_prompts": f"{folder}/prompts.txt", "sample_every_n_steps": 8}
    assert Run(folder, KOHYA, toml(folder, **more)).code == 0
    assert Run(folder, KOHYA, toml(folder, "b", sample_every_n_epochs=2, **more)).code == 0
    names = sorted(os.listdir(f"{folder}/model/sample"))
    assert [name.split("_")[1] for name in names] == ["000008", "000016", "e000002", "e000004"], names


def kohya_nan(folder):
    """A loss that is no number is nothing to it: it trains on and ends with 0."""
    assert Run(folder, KOHYA, toml(folder, stub_nan=3)).code == 0
    assert any(value != value for _, _, value in events(f"{folder}/logs-a/**/events*"))


# musubi-tuner


def musubi_unknown_key(folder):
    """A misspelt key is taken without a word."""
    assert Run(folder, MUSUBI, toml(folder, netwrok_alpha=4)).code == 0


def musubi_nan(folder):
    """As sd-scripts."""
    assert Run(folder, MUSUBI, toml(folder, stub_nan=3)).code == 0


def musubi_prompt(folder):
    """W&B without a key asks at a keyboard."""
    ended = Run(folder, MUSUBI, toml(folder, log_with="wandb"))
    assert ended.code == 1 and "EOFError" in ended.output


def musubi_port(folder):
    """Two launches have one port unless they are told."""
    with taken_port() as port:
        ended = Run(folder, ACCELERATE, "launch", f"--main_process_port={port}", MUSUBI, toml(folder))
    assert ended.code == 1 and "another process is utilizing it" in ended.output


def musubi_videos(folder):
    """Who looks for pictures finds no samples: they are videos."""
    assert Run(folder, MUSUBI, toml(folder, sample_every_n_epochs=1)).code == 0
    names = os.listdir(f"{folder}/model/sample")
    assert names and all(name.endswith(".mp4") for name in names)


# ai-toolkit


def yaml(folder, *more, log_every=None):
    text = ["job: extension", "config:", "  name: cat", "  process:", "    - type: sd_trainer",
            f'      training_folder: "{folder}/out"', "      network:", "        type: lora", "        linear: 8",
            "      save:", "        save_every: 4", "      train:", "        steps: 12", "        lr: 1e-4",
            "      logging:", "        use_ui_logger: true", *([f"        log_every: {log_every}"] if log_every else []), *more]
    with open(f"{folder}/cat.yaml", "w") as file:
        file.write("\n".join(text) + "\n")
    return f"{folder}/cat.yaml"


def logged(folder):
    with sqlite3.connect(f"{folder}/out/cat/loss_log.db") as connection:
        return [row[0] for row in connection.execute("SELECT step FROM metrics WHERE key = 'loss/loss' ORDER BY step")]


def ai_toolkit_log_every(folder):
    """It logs every hundredth step unless it is told: of a short training nothing."""
    assert Run(folder, AI_TOOLKIT, yaml(folder)).code == 0
    assert logged(folder) == []


def ai_toolkit_oom_skips(folder):
    """Up to three steps that run out of memory are passed over, and the run is a success."""
    ended = Run(folder, AI_TOOLKIT, yaml(folder, "stub_oom: 5", "stub_oom_steps: 2", log_every=1))
    assert ended.code == 0 and os.path.exists(f"{folder}/out/cat/cat.safetensors")
    assert logged(folder) == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12], logged(folder)


def ai_toolkit_oom_raises(folder):
    """The fourth in a row raises, in words that say nothing of memory to whoever looks for `out of memory`."""
    ended = Run(folder, AI_TOOLKIT, yaml(folder, "stub_oom: 5", "stub_oom_steps: 4"))
    assert ended.code == 1 and "out of memory" not in ended.output.lower() and "3 times in a row" in ended.output


# OneTrainer


def one_trainer(folder, **more):
    config = {"workspace_dir": f"{folder}/work", "cache_dir": f"{folder}/cache", "tensorboard": False, "epochs": 4,
              "output_model_destination": f"{folder}/cat.safetensors", "learning_rate": 3e-4, "lora_rank": 8, **more}
    with open(f"{folder}/config.json", "w") as file:
        json.dump(config, file)
    return Run(folder, ONE_TRAINER, "--config-path", f"{folder}/config.json")


def onetrainer_micro_steps(folder):
    """The number in its names is that of batches: twice that of updates where two are gathered."""
    ended = one_trainer(folder, gradient_accumulation_steps=2)
    assert ended.code == 0 and ended.output.count("update ") == 8
    assert os.listdir(f"{folder}/work/backup")[0].split("-backup-")[1].startswith("16-")


def onetrainer_samples(folder):
    """Each sample is in the event files too; files of two prompts have one name."""
    assert one_trainer(folder, sample_after=1, sample_after_unit="EPOCH").code == 0
    files = glob.glob(f"{folder}/work/samples/*/*.png")
    assert len(files) == 8 and len({os.path.basename(path) for path in files}) == 4
    data = b"".join(open(path, "rb").read() for path in glob.glob(f"{folder}/work/tensorboard/*/events*"))
    assert data.count(b"\x89PNG") == 8


# SimpleTuner


def simpletuner(folder, *arguments, **more):
    os.makedirs(f"{folder}/config", exist_ok=True)
    config = {"output_dir": f"{folder}/out", "learning_rate": 1e-4, "lora_rank": 8, "train_batch_size": 2,
              "max_train_steps": 10, "checkpoint_step_interval": 4, "report_to": "simpletuner", **more}
    with open(f"{folder}/config/config.json", "w") as file:
        json.dump(config, file)
    return Run(folder, SIMPLE_TUNER, "train", *arguments)


def simpletuner_dashes(folder):
    """A key with dashes and one without are both taken, and one of the two wins without a word."""
    assert simpletuner(folder, **{"--max_train_steps": 4}).code == 0
    with open(f"{folder}/out/training_metrics.jsonl") as file:
        assert len(file.readlines()) == 4


def simpletuner_smaller_batch(folder):
    """Out of memory after a checkpoint: with half the batch it refuses to go on from there."""
    ended = simpletuner(folder, stub_oom_step=6, stub_oom_batch=2)
    assert ended.code == 1 and "CUDA out of memory" in ended.output
    smaller = simpletuner(folder, "--resume_from_checkpoint=latest", train_batch_size=1)
    assert smaller.code == 1 and "batch size has changed" in smaller.output


# diffusion-pipe


def pipe(folder, name="a", rank=8, **more):
    lines = [f'output_dir = "{folder}/out"', "epochs = 4", "save_every_n_epochs = 1", "checkpoint_every_n_epochs = 1"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    lines += ["[adapter]", 'type = "lora"', f"rank = {rank}", "[optimizer]", "lr = 2e-4"]
    with open(f"{folder}/{name}.toml", "w") as file:
        file.write("\n".join(lines) + "\n")
    return f"--config={folder}/{name}.toml"


def diffusion_pipe_newest(folder):
    """Without a name it goes on from the newest folder, which may be that of another run."""
    Run(folder, DIFFUSION_PIPE, pipe(folder, **held(folder, "7")), until="waiting for")
    mine = os.listdir(f"{folder}/out")[0]
    os.rename(f"{folder}/out/{mine}", f"{folder}/out/mine")
    assert Run(folder, DIFFUSION_PIPE, pipe(folder, "b", rank=16)).code == 0
    resumed = Run(folder, DIFFUSION_PIPE, pipe(folder), "--resume_from_checkpoint")
    assert "Resuming at epoch: 5, step: 17" in resumed.output, resumed.output
    assert not os.path.exists(f"{folder}/out/mine/epoch4")


def diffusion_pipe_epoch_axis(folder):
    """Of train/epoch_loss the x is the epoch."""
    assert Run(folder, DIFFUSION_PIPE, pipe(folder)).code == 0
    found = events(f"{folder}/out/*/events*")
    assert [step for tag, step, _ in found if tag == "train/epoch_loss"] == [1, 2, 3, 4]
    assert [step for tag, step, _ in found if tag == "train/loss"] == list(range(1, 17))


def diffusion_pipe_port(folder):
    """Two launches have one port unless they are told."""
    with taken_port() as port:
        ended = Run(folder, f"{HERE}/diffusion-pipe/deepspeed", f"--master_port={port}", DIFFUSION_PIPE, pipe(folder))
    assert ended.code == 1 and "EADDRINUSE" in ended.output


# The runner


def taken_port():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    class Port:
        def __enter__(self):
            return listener.getsockname()[1]

        def __exit__(self, *_):
            listener.close()

    return Port()


def free_port():
    with taken_port() as port:
        return port


PREFIXES = ("kohya_", "musubi_", "ai_toolkit_", "onetrainer_", "simpletuner_", "diffusion_pipe_")
FALLS = {name: value for name, value in list(globals().items()) if name.startswith(PREFIXES)}


def show(name):
    with tempfile.TemporaryDirectory() as folder:
        try:
            FALLS[name](folder)
            return f"fell {name}"
        except Exception as error:
            return f"{name} did not fall as described: {type(error).__name__}: {error}"


if __name__ == "__main__":
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(show, sys.argv[1:] or FALLS))
    print("\n".join(results))
    sys.exit(0 if all(line.startswith("fell ") for line in results) else 1)
