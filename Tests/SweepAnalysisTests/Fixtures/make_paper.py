"""Synthetic results of the LyCORIS paper's sweep, for Tests/SweepAnalysisTests/PaperStatementTests.swift.

    python3 make_paper.py > paper.json

The magnitudes are means over the five categories of the averages that the paper's repository ships (DINOv2 with padding,
seeds 23 to 25): only LoRA, LoHa and LoKr are there, most configurations at epoch 10 alone. Around each of them three seeds
are drawn, normal with the spread below. Style preservation is not among the shipped averages. Trigger similarity is also
there by category for the three defaults.
"""

import json
import random

random.seed(20261130)

SEEDS = [23, 24, 25]
# Standard deviation between seeds, in units of the measure.
SPREAD = {"image_similarity": 0.004, "squared_centroid_distance": 0.006, "text_similarity": 0.002, "vendi": 0.12}
COLUMNS = [
    ("image_similarity", "train"), ("image_similarity", "trigger"), ("image_similarity", "alter"),
    ("squared_centroid_distance", "trigger"), ("text_similarity", "train"), ("text_similarity", "alter"),
    ("vendi", "train"), ("vendi", "alter"),
]
LORA = {"algorithm": "lora", "dim": 8, "alpha": 4, "layers": "attn-mlp", "lr": 5e-4}
LOHA = {"algorithm": "loha", "dim": 4, "alpha": 2, "layers": "attn-mlp", "lr": 5e-4}
LOKR = {"algorithm": "lokr", "dim": 10000, "alpha": 1, "factor": 8, "layers": "attn-mlp", "lr": 5e-4}
FULL = {"layers": "full", "conv_dim": 8, "conv_alpha": 4, "train_norm": True}
ROWS = [
    (LORA, {}, 10, [0.557, 0.563, 0.413, 0.193, 0.226, 0.243, 8.37, 3.24]),
    (LORA, {}, 30, [0.548, 0.554, 0.427, 0.220, 0.227, 0.229, 8.40, 3.19]),
    (LORA, {}, 50, [0.532, 0.550, 0.411, 0.231, 0.227, 0.225, 8.71, 3.20]),
    (LORA, {"dim": 32, "alpha": 16}, 10, [0.558, 0.581, 0.462, 0.180, 0.221, 0.219, 8.17, 3.20]),
    (LORA, {"dim": 32, "alpha": 16}, 30, [0.541, 0.561, 0.460, 0.208, 0.227, 0.199, 8.68, 3.22]),
    (LORA, {"dim": 32, "alpha": 16}, 50, [0.532, 0.542, 0.440, 0.240, 0.226, 0.195, 8.90, 3.19]),
    (LORA, {"dim": 32, "alpha": 1}, 10, [0.549, 0.544, 0.388, 0.206, 0.225, 0.251, 8.92, 3.23]),
    (LORA, {"dim": 32, "alpha": 1}, 50, [0.532, 0.546, 0.397, 0.231, 0.227, 0.238, 8.68, 3.23]),
    (LORA, {"layers": "attn-only"}, 10, [0.546, 0.540, 0.389, 0.203, 0.224, 0.246, 8.61, 3.34]),
    (LORA, {"layers": "attn-only"}, 50, [0.544, 0.544, 0.412, 0.222, 0.227, 0.238, 8.64, 3.15]),
    (LORA, FULL, 10, [0.563, 0.576, 0.426, 0.182, 0.225, 0.237, 7.80, 3.15]),
    (LORA, {"lr": 1e-4}, 10, [0.543, 0.527, 0.354, 0.235, 0.226, 0.259, 9.24, 3.34]),
    (LOHA, {}, 10, [0.561, 0.565, 0.401, 0.189, 0.224, 0.254, 8.55, 3.18]),
    (LOHA, {}, 30, [0.545, 0.551, 0.365, 0.208, 0.227, 0.260, 8.53, 3.23]),
    (LOHA, {}, 50, [0.532, 0.538, 0.352, 0.225, 0.227, 0.257, 8.66, 3.26]),
    (LOHA, {"dim": 16, "alpha": 8}, 10, [0.564, 0.586, 0.532, 0.184, 0.214, 0.161, 7.51, 3.01]),
    (LOHA, {"dim": 16, "alpha": 8}, 30, [0.526, 0.541, 0.424, 0.242, 0.226, 0.210, 8.82, 3.25]),
    (LOHA, {"dim": 16, "alpha": 8}, 50, [0.510, 0.523, 0.386, 0.269, 0.227, 0.220, 9.37, 3.30]),
    (LOHA, {"dim": 16, "alpha": 1}, 10, [0.571, 0.576, 0.400, 0.184, 0.225, 0.261, 8.01, 3.01]),
    (LOKR, {}, 10, [0.564, 0.581, 0.448, 0.184, 0.224, 0.231, 8.06, 3.15]),
    (LOKR, {}, 30, [0.530, 0.549, 0.403, 0.234, 0.227, 0.225, 8.84, 3.35]),
    (LOKR, {}, 50, [0.519, 0.535, 0.388, 0.251, 0.227, 0.223, 9.10, 3.35]),
    (LOKR, {"factor": 4}, 10, [0.555, 0.575, 0.446, 0.189, 0.227, 0.225, 8.73, 3.16]),
    (LOKR, {"factor": 12}, 10, [0.567, 0.574, 0.429, 0.179, 0.224, 0.243, 8.33, 3.13]),
    (LOKR, {"layers": "attn-only"}, 10, [0.562, 0.560, 0.410, 0.193, 0.224, 0.245, 8.10, 3.15]),
]
# Trigger similarity of the defaults at epochs 10, 30 and 50.
CATEGORIES = ["anime", "people", "scene", "toys", "style"]
BY_CATEGORY = {
    "lora": [[.597, .601, .599], [.525, .548, .547], [.696, .643, .646], [.648, .643, .624], [.351, .332, .334]],
    "loha": [[.585, .596, .590], [.513, .525, .529], [.713, .668, .627], [.658, .631, .609], [.356, .337, .337]],
    "lokr": [[.603, .600, .603], [.550, .562, .559], [.746, .669, .631], [.669, .597, .560], [.338, .316, .323]],
}

jobs, results = {}, []
for base, change, epoch, values in ROWS:
    parameters = base | change
    configuration = "-".join([base["algorithm"]] + [f"{key}{value}" for key, value in change.items()])
    for seed in SEEDS:
        job = f"{configuration}-{seed}"
        jobs[job] = {
            "id": job, "group": base["algorithm"], "configuration": configuration, "seed": seed,
            "parameters": parameters | {"epochs": 50}}
        for (metric, prompts), value in zip(COLUMNS, values):
            drawn = random.gauss(value, SPREAD[metric])
            results.append([job, epoch, "", prompts, metric, round(drawn, 5)])
        if not change:
            for category, of in zip(CATEGORIES, BY_CATEGORY[base["algorithm"]]):
                drawn = random.gauss(of[epoch // 20], SPREAD["image_similarity"])
                results.append([job, epoch, category, "trigger", "image_similarity", round(drawn, 5)])

print(json.dumps({"jobs": list(jobs.values()), "results": results}))
