"""Dumps tiny random rectified-flow transformers and T5 encoders with inputs, outputs and gradients, for TransformerTests, and
two SentencePiece models with the ids of awkward prompts, for T5TokenizerTests.

python3 generate_transformers.py     (torch, diffusers, transformers, safetensors, sentencepiece, protobuf)

Weights are rounded to f16 before the reference runs in f64, so that the files stay small and nothing is lost.
"""

import io
import json
import pathlib
import random
import shutil
import tempfile

import sentencepiece
import torch
from diffusers import Flux2Transformer2DModel, FluxTransformer2DModel, SD3Transformer2DModel
from safetensors.torch import save_file
from transformers import T5Config, T5EncoderModel, T5Tokenizer

here = pathlib.Path(__file__).parent


def randomise(model):
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        if weight.dim() <= 1:
            weight.data = (1 if "norm" in name and name.endswith("weight") else 0) + 0.2 * noise
        else:
            weight.data = noise / weight[0].numel() ** 0.5
        weight.data = weight.data.half().float()
    return model.eval()


def save(model, folder, file):
    path = here / folder
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    if hasattr(model, "save_config"):
        model.save_config(path)
    else:
        model.config.to_json_file(path / "config.json", use_diff=False)
    tensors = dict(model.named_parameters()) | {n: b for n, b in model.named_buffers() if n == "pos_embed.pos_embed"}
    # The table of places is no multiple of anything: it stays f32.
    save_file({n: (t if "pos_embed.pos_embed" in n else t.half()).contiguous() for n, t in tensors.items()}, path / file,
              {"format": "pt"})
    lines = []
    for name, module in model.named_modules():
        # The reference's list names what has weights; T5's second name of its table is none.
        if any(True for _ in module.parameters()) and type(module).__name__ != "ModuleList" and "embed_tokens" not in name:
            lines.append(f"{name} {type(module).__name__}")
    (path / "modules.txt").write_text("\n".join(lines) + "\n")


def dump(model, folder, inputs, run):
    """The output, and the gradients of its mean squared distance to a target, in f64."""
    model.double()
    exact = {n: t.double() if t.is_floating_point() else t for n, t in inputs.items()}
    output = run(**exact)
    target = torch.randn(output.shape)
    loss = ((output - target.double()) ** 2).mean()
    loss.backward()
    out = dict(inputs) | {"output": output, "target": target, "loss": loss.reshape(1)}
    for name, weight in model.named_parameters():
        out["gradient." + name] = weight.grad if weight.grad is not None else torch.zeros_like(weight)
    out = {n: (t.float() if t.is_floating_point() else t).detach().contiguous().clone() for n, t in out.items()}
    save_file(out, here / folder / "cases.safetensors")


def places(height, across, axes):
    ids = torch.zeros(height, across, axes)
    ids[..., 1] = torch.arange(height)[:, None]
    ids[..., 2] = torch.arange(across)[None]
    return ids.reshape(-1, axes)


def fluxes():
    sizes = dict(in_channels=8, num_layers=1, num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=6)
    torch.manual_seed(1)
    model = randomise(FluxTransformer2DModel(**sizes, pooled_projection_dim=5, guidance_embeds=True, axes_dims_rope=(2, 2, 4)))
    save(model, "flux", "diffusion_pytorch_model.safetensors")
    dump(model, "flux", {
        "hidden_states": torch.randn(2, 6, 8), "encoder_hidden_states": torch.randn(2, 3, 6), "pooled_projections": torch.randn(2, 5),
        "timestep": torch.tensor([0.25, 0.5]), "guidance": torch.tensor([1.0, 0.5]), "img_ids": places(2, 3, 3),
        "txt_ids": torch.zeros(3, 3)}, lambda **inputs: model(**inputs).sample)
    model = randomise(Flux2Transformer2DModel(**sizes, guidance_embeds=False, timestep_guidance_channels=16, axes_dims_rope=(2, 2, 2, 2)))
    save(model, "flux2", "diffusion_pytorch_model.safetensors")
    words = torch.zeros(3, 4)
    words[:, 3] = torch.arange(3)
    dump(model, "flux2", {
        "hidden_states": torch.randn(2, 6, 8), "encoder_hidden_states": torch.randn(2, 3, 6), "timestep": torch.tensor([0.25, 0.5]),
        "img_ids": places(2, 3, 4), "txt_ids": words}, lambda **inputs: model(**inputs).sample)


def stable_diffusion_3():
    torch.manual_seed(2)
    model = randomise(SD3Transformer2DModel(
        sample_size=8, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=6, caption_projection_dim=16,
        pooled_projection_dim=5, in_channels=4, out_channels=4, pos_embed_max_size=6, dual_attention_layers=(0,), qk_norm="rms_norm"))
    save(model, "sd3", "diffusion_pytorch_model.safetensors")
    dump(model, "sd3", {
        "hidden_states": torch.randn(2, 4, 5, 8), "encoder_hidden_states": torch.randn(2, 3, 6), "pooled_projections": torch.randn(2, 5),
        "timestep": torch.tensor([125.0, 500.0])}, lambda **inputs: model(**inputs).sample)


def t5():
    torch.manual_seed(3)
    model = randomise(T5EncoderModel(T5Config(
        vocab_size=30, d_model=12, d_kv=6, d_ff=16, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu", dropout_rate=0)))
    save(model, "t5", "model.safetensors")
    dump(model, "t5", {"input_ids": torch.randint(0, 30, (2, 19))}, lambda input_ids: model(input_ids).last_hidden_state)


def tokenizers():
    """One model with SentencePiece's whole table of characters, in its own file; one with few rules, as tokenizer.json."""
    random.seed(4)
    prompts = [case["prompt"] for case in json.loads((here / "prompts" / "cases.json").read_text())]
    assert len(prompts) == 200
    prompts += [
        "\u2581a\u2581\u2581b\u2581", "</s>", "a</s> b", "<pad><unk>x", "<extra_id_0> and <extra_id_12>", "\uff1cpad\uff1e", "\u2581",
        "a\u2581 b", "<extra_id_0", "x<extra_id_99>y", "\ufb03 \u3392 \u33a5", "e\u0301\u200d\u0301", "\U0001f469\u200d\U0001f680 x",
        "\u00a8 \u02d8", "\uff76\uff9e", "\u1e9b\u0323", "\ud7a3\u11a8", "\r\n", "a\u0000b", "unknown\u16a0\u16a1word"]
    corpus = here.parent.parent.parent / "docs"
    lines = [line for path in sorted(corpus.rglob("*.md")) for line in path.read_text().split("\n") if line.strip()]
    lines = random.sample(lines, 1500) + [p for p in prompts[:200:3] if p.strip() and "\x00" not in p] * 2
    for name, size, rules in (("t5-tokenizer", 700, "nmt_nfkc"), ("t5-tokenizer-json", 500, None)):
        path = here / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        written = io.BytesIO()
        table = {}
        with tempfile.NamedTemporaryFile("w", suffix=".tsv") as few:
            if rules is None:
                few.write("41\t61\n42\t62 62\n66 69\t46\n1F600\t3A 29\nE9\t65\nFF21 FF22\t5A\n")
                few.flush()
                table = {"normalization_rule_tsv": few.name}
            else:
                table = {"normalization_rule_name": rules}
            sentencepiece.SentencePieceTrainer.Train(
                sentence_iterator=iter(lines), model_writer=written, vocab_size=size, model_type="unigram", pad_id=0, eos_id=1,
                unk_id=2, bos_id=-1, character_coverage=0.995, hard_vocab_limit=False, num_threads=1, minloglevel=2, **table)
        if rules is None:
            with tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / "spiece.model").write_bytes(written.getvalue())
                tokenizer = T5Tokenizer.from_pretrained(folder)
                tokenizer.save_pretrained(path)
            tokenizer = T5Tokenizer.from_pretrained(path)
        else:
            (path / "spiece.model").write_bytes(written.getvalue())
            tokenizer = T5Tokenizer.from_pretrained(path)
        cases = [{"prompt": p, "ids": tokenizer(p).input_ids,
                  "cut": tokenizer(p, padding="max_length", truncation=True, max_length=12).input_ids} for p in prompts]
        (path / "cases.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
        unknown = sum(2 in case["ids"] for case in cases)
        print(name, len(tokenizer), "pieces,", len(cases), "prompts,", unknown, "with unknown pieces")


fluxes()
stable_diffusion_3()
t5()
tokenizers()
