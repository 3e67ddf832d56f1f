"""Writes edits.json: configuration files, what Python's readers make of them, and what they make of them after one
value was changed or added. Needs PyYAML.

    python3 make_edits.py > edits.json

The parsed values come from tomllib, json and PyYAML, the changes are made in Python's objects: nothing here is of the
program under test.
"""
import copy
import json
import sys
import tomllib

import yaml

KOHYA = '''# My best SDXL LoRA so far.
pretrained_model_name_or_path = "/models/sdxl.safetensors"   # base
train_data_dir = '/data/cat'
resolution = "1024,1024"
network_module = "lycoris.kohya"
network_dim = 16
network_alpha = 8.0
network_args = [
  "conv_dim=8",   # of 3x3 layers
  "algo=lokr",
]
optimizer_args = ["weight_decay=0.1", "betas=0.9,0.99"]
unet_lr = 1e-4          # halved once
learning_rate = 5.0e-05
max_train_epochs = 10
gradient_checkpointing = true
no_half_vae = false
empty = []
betas = [ 0.9, 0.99 ]

# the end
'''
SECTIONS = '''[model_arguments]
pretrained_model_name_or_path = "/models/sd15.safetensors"
v2 = false

[optimizer_arguments]   # rates
learning_rate = 1e-4
  unet_lr = 0.0002
lr_scheduler = "cosine"

[network]
network_dim = 32
'''
ODD = '''title = "a \\"quoted\\" # text"
raw = 'C:\\no\\escape'
long = """
one
two"""
literal = \'\'\'
it's \'\'\'
hex = 0xFF
big = 1_000
point = { x = 1, y = { z = "in" } }
none = {}
a.b.c = 1
a.b.d = 2
"quoted key" = 3
[server]
port = 80
[server.tls]
tls_on = true
[[item]]
name = "first"
[[item]]
name = "second"
nested = [[1, 2], [3]]
[deep.er.table]
x = 1
'''
TOOLKIT = '''---
job: extension
config:
  # this name will be the folder and filename name
  name: "my_first_lora_v1"
  process:
    - type: 'sd_trainer'
      # root folder to save training sessions/samples/weights
      training_folder: "output"
      device: cuda:0
      network:
        type: "lokr"
        linear: 16
        linear_alpha: 16.5
        lokr_full_rank: true
      save:
        dtype: float16
        save_every: 250
      datasets:
        - folder_path: "/path/to/images"
          caption_ext: "txt"
          resolution: [ 512, 768, 1024 ]
      train:
        batch_size: 1
        steps: 2000  # total number of steps
        lr: 1.0e-4
        ema_config: {use_ema: true, ema_decay: 0.99}
        noise_scheduler: flowmatch
      empty:
      sample:
        prompts:
          - "woman with red hair"
          - plain prompt, with a comma
        neg: ""
        text: |
          one
          two
meta:
  name: "[name]"
  version: '1.0'
'''
ONETRAINER = '''{
    "__version": 6,
    "training_method": "LORA",
    "learning_rate": 0.0003,
    "epochs": 100,
    "train_unet": true,
    "lora_rank": 16,
    "lora_alpha": 1.0,
    "base_model_name": "/models/\\u00e4.safetensors",
    "optimizer": {
        "optimizer": "ADAMW",
        "weight_decay": 0.01,
        "beta1": null
    },
    "concepts": [
        {"path": "/a", "balancing": 1.0},
        {"path": "/b", "balancing": 2.0}
    ],
    "none": {},
    "empty": []
}
'''
FLOW = '{job: extension, config: {name: x, process: [{type: t, network: {linear: 4}}]}, flag: "yes"}\n'
DENSE = '{"a":{"b":1,"c":[1,2]},"d":"x"}'

READERS = {"toml": tomllib.loads, "json": json.loads, "yaml": yaml.safe_load}
FILES = [("toml", KOHYA), ("toml", SECTIONS), ("toml", ODD), ("yaml", TOOLKIT), ("yaml", FLOW), ("json", ONETRAINER),
         ("json", DENSE)]


def leaves(value, path):
    if isinstance(value, dict):
        for key, inner in value.items():
            if all(c.isalnum() or c in "_-" for c in key):
                yield from leaves(inner, path + [key])
    elif isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        for index, inner in enumerate(value):
            yield from leaves(inner, path + [index])
    else:
        yield path, value


def tables(value, path):
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            if all(c.isalnum() or c in "_-" for c in key):
                yield from tables(inner, path + [key])
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from tables(inner, path + [index])


def put(root, path, value):
    root = copy.deepcopy(root)
    place = root
    for step, after in zip(path, path[1:]):
        if isinstance(place, dict) and place.get(step) is None:
            place[step] = {}
        place = place[step]
    place[path[-1]] = value
    return root


def text(path):
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else ("." if out else "") + step
    return out


def others(value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if isinstance(value, float):
        return [value / 3, 2.0, 1e-7]
    if isinstance(value, list):
        return [["x"] + value] if not value or isinstance(value[0], str) else [value[::-1]]
    if value is None:
        return [5, "text"]
    return [value + " # more", "true", "", "a: b", 'q"\\\\\n\tä']


def main():
    cases = []
    for format, source in FILES:
        parsed = READERS[format](source)
        edits = []
        for path, value in leaves(parsed, []):
            for new in others(value):
                edits.append((path, new))
        for path in tables(parsed, []):
            edits += [(path + ["zz_new"], 7), (path + ["zz_new"], "new"), (path + ["zz_new", "inner"], 0.5)]
        cases.append({
            "format": format, "text": source, "parsed": parsed,
            "edits": [{"path": text(path), "value": new, "parsed": put(parsed, path, new)} for path, new in edits]})
    json.dump(cases, sys.stdout, indent=0, sort_keys=True)
    print()


main()
