"""Dumps what PEFT's merge rules make of three changes of a weight, for CombinationRuleTests.

python3 generate_merge_rules.py     (torch, peft, safetensors)
"""

import pathlib

import torch
from peft.utils.merge_utils import dare_linear, dare_ties, magnitude_based_pruning, ties
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
DENSITY = 0.4


def kept(changes):
    """The places that PEFT's pruning by chance keeps after the same seed, as it draws them."""
    return [torch.bernoulli(torch.full_like(change, DENSITY)) for change in changes]


torch.manual_seed(51)
changes = [torch.randn(7, 5, dtype=torch.float64).float().double() for _ in range(3)]
# Places that agree in sign, and one where nothing changes.
changes[1][:3] = changes[0][:3] * 0.5
for change in changes:
    change[6, 4] = 0
weights = torch.tensor([1.0, 0.5, -0.25], dtype=torch.float64)
out = {f"change.{i}": change for i, change in enumerate(changes)}
out["weights"] = weights
out["pruned"] = magnitude_based_pruning(changes[0], DENSITY)
out["ties"] = ties(changes, weights, DENSITY)
torch.manual_seed(52)
out["dare"] = dare_linear(changes, weights, DENSITY)
torch.manual_seed(52)
out["dare-ties"] = dare_ties(changes, weights, DENSITY)
torch.manual_seed(52)
for i, mask in enumerate(kept(changes)):
    out[f"kept.{i}"] = mask
# No rule of PEFT's: the columns of QR, by their sizes, are the changes without their projections on those
# before.
flat = torch.stack([change.flatten() for change in changes], dim=1)
q, r = torch.linalg.qr(flat)
out["orthogonal"] = ((q * r.diagonal()) @ weights).reshape(7, 5)
save_file({key: value.float().contiguous() for key, value in out.items()}, here / "merge-rules.safetensors")
