"""Holds the 200 awkward prompts of CLIPTokenizerTests against the installed transformers once more.

    python3 tokenizer_check.py

`radiata` has no command that prints token ids: the test suite compares its tokenizer with Fixtures/prompts/cases.json, and this
compares that file with transformers' CLIPTokenizer on the same vocabulary and merges.
"""

import json
import pathlib
import sys

from transformers import CLIPTokenizer

folder = pathlib.Path(__file__).parent.parent / "CoreDiffusionTests" / "Fixtures" / "prompts"
tokenizer = CLIPTokenizer.from_pretrained(folder)
cases = json.loads((folder / "cases.json").read_text())
different = []
for case in cases:
    found = tokenizer(case["prompt"], padding="max_length", truncation=True, max_length=77).input_ids
    # The fixture leaves padding out, which is the end token.
    if found != case["ids"] + [tokenizer.eos_token_id] * (77 - len(case["ids"])):
        different.append(case["prompt"])
for prompt in different:
    print(f"BAD {prompt!r}")
print(f"{len(cases) - len(different)} of {len(cases)} prompts have the ids of transformers")
sys.exit(bool(different) or len(cases) != 200)
