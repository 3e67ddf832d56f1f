#!/usr/bin/env python3
"""Writes the corpus of DecoderTests: small inputs of every decoder, good and bad, made without code of this project.
Inputs that once crashed or hung a decoder are added by hand as `<target>-found-…` and stay.
python3 make_corpus.py Corpus"""
import json
import os
import struct
import sys
import zlib

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def put(name, data):
    with open(os.path.join(out, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def crc32c(data):
    table = []
    for n in range(256):
        c = n
        for _ in range(8):
            c = (c >> 1) ^ (0x82F63B78 if c & 1 else 0)
        table.append(c)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def leb(value):
    data = b""
    while value >= 0x80:
        data += bytes([value & 0x7F | 0x80])
        value >>= 7
    return data + bytes([value])


def name(text):
    return leb(len(text.encode())) + text.encode()


job = "ab" * 32
token = {"ledger": "0123456789abcdef", "epoch": 1, "job": job, "attempt": 1}

sweep = """name: fuzz
trainer:
  command: [train, --lr, "{lr}", --out, "{out}"]
  env: { OMP_NUM_THREADS: "2" }
  metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
  checkpoints: [ { glob: "{out}/ckpt-*.safetensors", step: "ckpt-([0-9]+)", kind: adapter } ]
  stop: { signal: TERM, grace: 30s }
seeds: [1, 2]
requires: { labels: { gpu: a100 }, gpus: 1, memory: 8GB }
retries: { oom: 2 }
timeout: 2h
keep: { last: 2 }
priority: 3
"""
groups = {
    "grid": "groups:\n  - name: g\n    grid: { lr: [1e-4, 5e-4], dim: { values: [4, 8], when: { lr: 1e-4 } } }\n"
            "    derive: { alpha: dim / 2 }\n    exclude: [ { lr: 5e-4 } ]\n",
    "vary": "groups:\n  - baseline: { lr: 1e-4 }\n    vary: [ { dim: [1, 2] }, { lr: [3, 4], dim: 9 } ]\n",
    "zip": "groups:\n  - grid: { lr: [1], zip: [ { a: [1, 2], b: [x, y] } ] }\n",
    "sample": "groups:\n  - sample: { method: sobol, count: 5, seed: 7 }\n"
              "    space: { lr: { log: [1e-5, 1e-2] }, dim: { choice: [4, 8] }, f: { int: [2, 16] }, d: { uniform: [0, 1] } }\n",
    "anchors": "x: &a [1, 2]\ngroups:\n  - grid: { lr: *a }\n",
    "list": "groups:\n  - list: [ { lr: 0x10, s: \"a\\tb\", n: null, b: true, l: [[1, 2], [3]] } ]\n",
}
for kind, text in groups.items():
    put(f"sweepFile-{kind}", sweep + text)
    put(f"launchRequest-{kind}", json.dumps({"key": "0" * 32, "inputs": [], "bundle": {
        "fileName": "f.yaml", "text": sweep + text, "files": {}, "inputs": {}}}))
put("sweepFile-core", "name: c\nbase: b\ndata: d\nseeds: [1]\n"
                      "groups: [ { list: [ { algorithm: lora, lr: 1e-4, layers: full, dim: 4 } ] } ]\n")
put("sweepFile-block", "name: b\nseeds:\n- 1\ntrainer:\n  command:\n  - >-\n    folded\n    text\n  - |\n    literal\n"
                       "groups:\n- list:\n  - ? lr\n    : 1\n")
for index, text in enumerate(["dim / 2", "-(a + 2.5e-3) * b_1 / 4 - .5", "1/0", "((((a))))", "a +", "1e400", "é"]):
    put(f"expression-{index}", text)
for index, text in enumerate(["--lr {lr} {{x}} ${HOME} { y } {é} {_a}", "{", "{{{{a}}}}", '{"a": "{b}"}']):
    put(f"commandTemplate-{index}", text)
for index, text in enumerate([
        '{"b":[1,2.50,-0.0,1e21,1e-7,null,true],"a":{"é\\u0000":"\\ud83d\\ude00"}}', "[9007199254740993,0.1,5e-324]",
        '"\\ud800"', "1"]):
    put(f"canonicalJSON-{index}", text)
register = {
    "worker": "w", "name": "n", "session": "0" * 32, "slots": 1, "threads": 1, "labels": {"a": "b"}, "gpus": 0, "memory": 1,
    "version": ""}
reports = [
    {"token": token, "finished": {"streamPosition": 3}}, {"token": token, "log": {"offset": 18446744073709551615, "text": "x"}},
    {"token": token, "failed": {"failure": "oom", "message": "m", "exitCode": 1}}, {"token": token, "released": {"reason": "pause"}},
    {"token": token, "checkpoint": {
        "name": "step-00000001", "streamPosition": 1, "manifest": {
            "step": 1, "epoch": 0, "final": True, "files": [{"name": "a", "kind": "state", "bytes": 1, "sha256": job}]}}},
    {"token": token, "evaluations": {
        "rows": [{
            "checkpoint": "base", "epoch": 0, "step": 0, "class": "", "prompts": "p", "metric": "m", "value": "NaN", "n": 1}],
        "completed": ["base"]}},
    {"token": token, "artifacts": {"rows": [{"checkpoint": "c", "kind": "k", "name": "n", "sha256": job, "bytes": 1}]}},
]
requests = [
    register, {"session": "0" * 32, "number": 1, "reports": reports, "freeSlots": 1, "waitSeconds": 0.5},
    {"session": "0" * 32, "attempts": [{"token": token, "step": 1, "phase": "training"}]}, {"sha256": job, "bytes": 7},
    {"sha256": [job]}, {"action": "resume", "target": "t", "failure": "nan"}, {"worker": "w", "drain": True},
    {"sql": "SELECT 1", "limit": 5}, {"scope": "read", "note": "n", "lifetime": 1e300}, {"id": "x"},
]
for index, value in enumerate(requests):
    put(f"requestJSON-{index}", bytes([index]) + json.dumps(value).encode())
for index, text in enumerate([
        f"sha256={job}&index=1&crc32c=deadbeef", f"sha256={job}&offset=-1&count=99999999999999999999",
        "sweep=a%20b&state=done&limit=10&after=x", "job=abcdef12&attempt=0&offset=5&wait=1e308", "sweep=s&format=csv",
        "sweep=%00%ff%zz", "job=x&wait=nan"]):
    put(f"requestParameters-{index}", text)
answers = [
    {"number": 1, "outcomes": [{"code": "gap", "expected": 4}, {"code": "accepted"}], "grants": [],
     "stops": [{"token": token, "reason": "drain"}]},
    {"verdicts": ["fine", "superseded"], "isDraining": False},
    {"ledger": "l", "epoch": 1, "leaseSeconds": 60, "heartbeatSeconds": 10, "leftovers": [token]},
    {"name": "n", "tree": {"digest": job, "isFolder": True, "files": [{"path": "../a", "size": -1, "sha256": job}]}},
    {"job": {}, "sweeps": [], "attempts": [], "checkpoints": [], "latest": {"loss": "Infinity"}, "events": []},
    {"columns": ["a"], "rows": [[1, 2.5, None, "x", {"hex": "00ff"}, "NaN", True]], "isTruncated": False},
    {"sweeps": [{"name": "s", "created": 1, "priority": 0, "configurations": 1, "states": {"done": 3}, "checkpoints": 0}], "workers": []},
    {"attempt": 1, "offset": 0, "text": "t", "next": 1, "isComplete": True},
]
for index, value in enumerate(answers):
    put(f"answerJSON-{index}", bytes([index]) + json.dumps(value).encode())


def batch(series, first=1):
    data = b"RMB1" + name("0123456789abcdef") + name(job) + leb(1) + leb(1) + leb(first) + leb(len(series))
    for key, steps, values in series:
        data += name(key) + leb(len(steps))
        last = 0
        for step in steps:
            difference = (step - last) & (2**64 - 1)
            signed = difference - 2**64 if difference >> 63 else difference
            data += leb(((signed << 1) ^ (signed >> 63)) & (2**64 - 1))
            last = step
        for value in values:
            data += struct.pack("<d", value)
    return data + struct.pack("<I", crc32c(data))


put("metricBatch-two", batch([("loss", [1, 2, 3], [0.5, float("nan"), float("inf")]), ("lr", [-5, 2**63 - 1], [-0.0, 5e-324])]))
put("metricBatch-empty", batch([]))
put("metricBatch-late", batch([("é", [0], [1.0])], first=2**61))
body = b"RMB1" + name("l") + name(job) + leb(1) + leb(1) + leb(1) + leb(1) + name("k") + leb(2**40)
put("metricBatch-lying", body + struct.pack("<I", crc32c(body)))
for index, text in enumerate([
        '{"step": 3, "loss": 0.12, "lr": 1e-4}', '{"step":1,"loss":NaN,"x":{"a":[1,"b"]},"s":"\\u00e9\\ud83d\\ude00"}',
        '{"step":-1}', '{"step":1e300,"loss":-Infinity}', '{"a"', '{"step":"1"}']):
    put(f"metricLine-{index}", text)
for index, text in enumerate([
        "SELECT * FROM jobs WHERE state = 'done' ORDER BY id LIMIT 5",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c LIMIT 9) SELECT sum(x) FROM c",
        "SELECT hash FROM token", "SELECT json_extract(parameters, '$.lr') FROM jobs", "PRAGMA user_version", "ATTACH 'x' AS y",
        "SELECT 1; DROP TABLE job"]):
    put(f"queryGate-{index}", text)
record = struct.pack("<QIIQ", 1, 2, 0, 99)
for key, step, value in [("loss", 1, 0.5), ("lr", 2, 1e-4)]:
    record += struct.pack("<H", len(key)) + key.encode() + struct.pack("<qd", step, value)
whole = struct.pack("<II", len(record), crc32c(record)) + record
put("pointSpool-two", whole)
put("pointSpool-torn", whole + whole[:11])
put("pointSpool-long", struct.pack("<II", 0xFFFFFFFF, 0) + record)
put("reportSpool-one", json.dumps({"report": reports[0], "blobs": [{"path": "/x", "sha256": job, "size": 1}]}))
put("reportSpool-full", json.dumps({"report": {"number": 1, "body": {"finished": {"streamPosition": 1}}}, "blobs": []}))


def png(width, height, rows, color=2, chunks=()):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
            + b"".join(chunk(kind, data) for kind, data in chunks)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


put("image-small", png(2, 2, b"\0\1\2\3\4\5\6" * 2))
put("image-huge", png(60000, 60000, b"\0"))
put("image-gray", png(3, 1, b"\0abc", color=0))
# libwebp's own: lossless, lossy, two frames.
put("image-webp-lossless", bytes.fromhex("524946461e000000574542505650384c110000002f014000000750e42ad4a3ff8188e87f0000"))
put("image-webp-lossy", bytes.fromhex(
    "5249464632000000574542505650382026000000b001009d012a0200020007409625a00274ba0004aa0000fccaf5e53e26dbf8de6f35b1d80000"))
put("image-webp-frames", bytes.fromhex(
    "524946468a00000057454250565038580a00000002000000010000010000414e494d06000000000000000000414e4d462a0000000000000000000100"
    "00010000000000025650384c110000002f014000000750e42ad4a3ff8188e87f0000414e4d462c00000000000000000001000001000000000000565038"
    "4c140000002f01400000075081540820000a9afec78888fe07"))
# A profile and EXIF data, for lcms2 and the orientation.
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../ImageFilesTests/Fixtures/p3.icc"), "rb") as f:
    profile = f.read()
exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
put("image-icc", png(2, 2, b"\0\1\2\3\4\5\6" * 2,
                     chunks=[(b"iCCP", b"p3\0\0" + zlib.compress(profile)), (b"eXIf", exif)]))
put("image-gamma", png(2, 2, b"\0\1\2\3\4\5\6" * 2, chunks=[(b"gAMA", struct.pack(">I", 100000))]))
put("image-jpeg", bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300" + "01" * 64 + "ffd9"))
for index, text in enumerate([job, job.upper(), "lycoris-paper", "", "../x", "0" * 32]):
    put(f"digest-{index}", text)
put("wireError-gap", '{"code":"gap","message":"m","expected":3,"retryAfter":1e300}')
put("wireError-odd", '{"code":"brand-new","message":""}')


header = json.dumps({"__metadata__": {"format": "pt", "note": "\u00fc"},
                     "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
                     "b": {"dtype": "BF16", "shape": [2], "data_offsets": [24, 28]},
                     "c": {"dtype": "I64", "shape": [], "data_offsets": [28, 36]}}).encode()
put("safetensors-sound", struct.pack("<Q", len(header)) + header + bytes(range(36)))
put("safetensors-lying", struct.pack("<Q", 2**40) + header)
deep = b'{"a":' + b"[" * 500
put("safetensors-deep", struct.pack("<Q", len(deep)) + deep + bytes(16))
vocabulary = {"a": 0, "s": 1, "m": 2, "l": 3, "t</w>": 4, "c": 5, "at</w>": 6, "cat</w>": 7, "<|startoftext|>": 8, "<|endoftext|>": 9}
merges = ["a t</w>", "c at</w>"]
put("tokenizer-whole", b"\0" + json.dumps({"model": {"type": "BPE", "vocab": vocabulary, "merges": merges}}).encode())
put("tokenizer-pairs", b"\0" + json.dumps({
    "model": {"vocab": vocabulary, "merges": [m.split() for m in merges]},
    "added_tokens": [{"id": 9, "content": "x"}]}).encode())
put("tokenizer-parts", b"\1" + json.dumps(vocabulary).encode() + b"\0#version: 0.2\n" + "\n".join(merges).encode())
put("tokenizer-odd", b"\1" + b'{"a": -1, "b": 1e300}' + b"\0a\na b c\n  \n\xff \xfe")
models = [
    {"_class_name": "UNet2DConditionModel", "sample_size": 32, "in_channels": 4, "out_channels": 4,
     "block_out_channels": [32, 64], "layers_per_block": 2, "cross_attention_dim": 32, "attention_head_dim": [4, 8],
     "norm_num_groups": 8, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
     "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"], "transformer_layers_per_block": [1, 2],
     "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 80},
    {"_class_name": "AutoencoderKL", "in_channels": 3, "latent_channels": 4, "block_out_channels": [8, 16],
     "layers_per_block": 1, "norm_num_groups": 4, "scaling_factor": 0.18215, "sample_size": 32},
    {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
     "max_position_embeddings": 77, "vocab_size": 100, "hidden_act": "quick_gelu", "eos_token_id": 2},
    {"projection_dim": 16, "logit_scale_init_value": 2.6592, "text_config": {"hidden_size": 32, "vocab_size": 100},
     "vision_config": {"hidden_size": 32, "image_size": 32, "patch_size": 8}},
    {"model_type": "dinov2", "hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "mlp_ratio": 4,
     "image_size": 28, "patch_size": 14, "layerscale_value": 1.0},
    {"_class_name": "DDPMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
     "num_train_timesteps": 1000, "prediction_type": "epsilon", "timestep_spacing": "leading"},
]
for index, value in enumerate(models):
    put(f"modelConfiguration-{index}", bytes([index]) + json.dumps(value).encode())
put("modelConfiguration-huge", b"\0" + json.dumps({
    **models[0], "block_out_channels": [2**62], "layers_per_block": 2**62, "norm_num_groups": 0}).encode())
put("modelConfiguration-steps", b"\5" + json.dumps({**models[5], "num_train_timesteps": 10**12}).encode())
put("conceptFile-two",
    '8_moons:\n  trigger: veko\n  class: moon\n  kind: object\n  prompts: ["veko moon", \'small veko\'] # two\n'
    '4_style:\n  trigger: "zuri"\n  class: ""\n  kind: style\n  prompts:\n    - zuri picture\n')
put("conceptFile-odd", "a:\n  prompts: [\"\n\n  kind\n- x\n\t: :\n")


def font():
    """cmap (format 12), CBLC (index format 1) and CBDT with one glyph of a small PNG."""
    picture = png(2, 2, b"\0\1\2\3\4\5\6" * 2)
    glyph = struct.pack(">BBbbB", 2, 2, 0, 2, 2) + struct.pack(">I", len(picture)) + picture
    cbdt = struct.pack(">HH", 3, 0) + glyph
    index = struct.pack(">HHI", 1, 17, 4) + struct.pack(">II", 0, len(glyph))
    array = struct.pack(">HHI", 1, 1, 8)
    line = bytes(12)
    size = struct.pack(">IIII", 56, len(array) + len(index), 1, 0) + line + line + struct.pack(">HHBBBb", 1, 1, 2, 2, 32, 1)
    cblc = struct.pack(">HHI", 3, 0, 1) + size + array + index
    groups = struct.pack(">III", 0x1F600, 0x1F600, 1)
    cmap = struct.pack(">HHHHI", 0, 1, 3, 10, 12) + struct.pack(">HHIII", 12, 0, 16 + len(groups), 0, 1) + groups
    tables = {b"CBDT": cbdt, b"CBLC": cblc, b"cmap": cmap}
    place, records, content = 12 + 16 * len(tables), b"", b""
    for tag, data in tables.items():
        records += tag + struct.pack(">III", 0, place + len(content), len(data))
        content += data
    return struct.pack(">IHHHH", 0x00010000, len(tables), 0, 0, 0) + records + content


put("font-one", font())
put("font-cut", font()[:90])
put("memoryCounters-two", "0::/user.slice\n")
put("memoryCounters-one", "12:cpu,memory:/a\n3:x:/b\noom_kill 7\n")
put("memoryCounters-lying", "0::/\noom_kill 99999999999999999999\noom_kill\n")
put("trainerOutput-manifest", b"\0" + json.dumps({
    "step": 1, "epoch": 0, "final": True, "files": [{"name": "a", "kind": "state", "bytes": 1, "sha256": job}]}).encode())
put("trainerOutput-evaluation", b"\1" + json.dumps({
    "checkpoint": "base", "epoch": 0, "step": 0, "class": "", "prompts": "p", "metric": "m", "value": 0.5, "n": 1}).encode())
put("trainerOutput-artifact", b"\2" + json.dumps({"checkpoint": "c", "kind": "k", "name": "../n", "sha256": job, "bytes": 2**63}).encode())
trackers = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../TrainerFilesTests/Fixtures")


def tracked(name):
    with open(os.path.join(trackers, name), "rb") as f:
        return f.read()


events = tracked("torch/events.out.tfevents.1700000003.host.3")
put("trainerFile-events", b"\0" + events)
tensors = tracked("tensors/events.out.tfevents.1700000000.host.0")
place = 0
while place < len(tensors):
    (length,) = struct.unpack("<Q", tensors[place:place + 8])
    put(f"trainerFile-event{place}", b"\1" + tensors[place + 12:place + 12 + length])
    place += 16 + length
put("trainerFile-wandb", b"\2" + tracked("wandb/run-fixture1.wandb")[:3000])
put("trainerFile-csv", b'\3step,loss,"a ""b"""\r\n1,0.5,"x\ny"\n2;nan;inf\n')
put("trainerFile-sqlite", b"\4" + tracked("loss_log.db"))
