"""A reference of FluxSpace, FlowEdit, RF-Inversion and SDEdit in PyTorch, on a tiny random Flux and a tiny random SD3 of
diffusers, and its dumps for EditingTests and InversionTests: latents after every step.

python3 generate_edits.py     (torch, diffusers, safetensors)

The formulas are those of the papers and of the two ports of FluxSpace that could be read: arXiv:2412.09611, arXiv:2412.08629;
arXiv:2410.10792 (algorithms 1 and 2) and arXiv:2108.01073.
Everything runs in f64; weights are f16 values.
"""

import pathlib
import shutil

import torch
from diffusers import FluxPipeline, FluxTransformer2DModel, SD3Transformer2DModel
from diffusers.models.embeddings import apply_rotary_emb
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent
HEIGHT, WIDTH, STEPS = 6, 8, 4
LEVELS = torch.tensor([1.0, 0.8125, 0.5625, 0.25, 0.0], dtype=torch.float64)
GUIDANCE = 2.5
# Of every fine change: the largest component of the result after it over the largest before it.
SPREADS = []


def randomise(model):
    for name, weight in model.named_parameters():
        noise = torch.randn_like(weight)
        weight.data = (1 if "norm" in name and name.endswith("weight") else 0) + 0.2 * noise if weight.dim() <= 1 \
            else noise / weight[0].numel() ** 0.5
        weight.data = weight.data.half().float()
    return model.eval().requires_grad_(False)


def save(model, folder):
    path = here / folder
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    model.save_config(path)
    tensors = dict(model.named_parameters()) | {n: b for n, b in model.named_buffers() if n == "pos_embed.pos_embed"}
    save_file({n: (t if "pos_embed" in n and "proj" not in n else t.half()).contiguous() for n, t in tensors.items()},
              path / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    return model.double()


def write(folder, tensors):
    save_file({n: t.float().contiguous().clone() for n, t in tensors.items()}, here / folder / "cases.safetensors")


def without(x, y, eps):
    """What of x is orthogonal to y."""
    return x - (x * y).sum(-1, keepdim=True) / ((y * y).sum(-1, keepdim=True) + eps) * y


def heads(x, attn):
    return x.unflatten(-1, (attn.heads, -1))


def attend(attn, q, k, v, rotary):
    q, k = apply_rotary_emb(q, rotary, sequence_dim=1), apply_rotary_emb(k, rotary, sequence_dim=1)
    out = torch.nn.functional.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)))
    return out.transpose(1, 2).flatten(2)


def modulate(x, shift, scale):
    return torch.nn.functional.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]


def fluxspace(model, latents, level, prompts, coarse, fine, tau, acts_coarse, acts_fine, port):
    """The velocity. Port A keeps token lengths, masks by word 0 without places, and changes the null prompt's modulation; port B
    does none of that, and masks by the words that it is given, with places."""
    (p, c), (pe, ce), (p0, c0) = prompts
    tokens = FluxPipeline._pack_latents(latents, len(latents), latents.shape[1], HEIGHT, WIDTH)
    t, g = torch.full((len(latents),), level * 1000, dtype=torch.float64), torch.full((len(latents),), GUIDANCE * 1000, dtype=torch.float64)
    eps = 1e-10 if port == "A" else 1e-8
    changed = (1 - coarse) * p + coarse * without(pe, p, eps) if acts_coarse else p
    act = torch.nn.functional.silu
    temb, temb_changed = (act(model.time_text_embed(t, g, v)) for v in (p, changed))
    ids = torch.cat([torch.zeros(c.shape[1], 3, dtype=torch.float64),
                     FluxPipeline._prepare_latent_image_ids(1, HEIGHT // 2, WIDTH // 2, "cpu", torch.float64)])
    rotary = tuple(r.double() for r in model.pos_embed(ids))
    words = c.shape[1]
    image = model.x_embedder(tokens)
    texts = [model.context_embedder(x) for x in ((c, ce, c0) if acts_fine else (c,))]
    for block in model.transformer_blocks:
        attn = block.attn
        shift, scale, gate, shift2, scale2, gate2 = block.norm1.linear(temb).chunk(6, 1)
        n = modulate(image, shift, scale)
        q, k, v = attn.norm_q(heads(attn.to_q(n), attn)), attn.norm_k(heads(attn.to_k(n), attn)), heads(attn.to_v(n), attn)
        results, kept, after = [], [], []
        for index, text in enumerate(texts):
            own = temb if index == 2 and port == "B" else temb_changed
            parts = block.norm1_context.linear(own).chunk(6, 1)
            m = modulate(text, parts[0], parts[1])
            tq, tk = attn.norm_added_q(heads(attn.add_q_proj(m), attn)), attn.norm_added_k(heads(attn.add_k_proj(m), attn))
            out = attend(attn, torch.cat([tq, q], 1), torch.cat([tk, k], 1),
                         torch.cat([heads(attn.add_v_proj(m), attn), v], 1), rotary)
            results.append(attn.to_out[0](out[:, words:]))
            kept.append(tk)
            h = text + parts[2][:, None] * attn.to_add_out(out[:, :words])
            after.append(h + parts[5][:, None] * block.ff_context(modulate(h, parts[3], parts[4])))
        o = results[0]
        if acts_fine:
            mq, mk = q, kept[1]
            if port == "B":
                mq = apply_rotary_emb(q, tuple(r[words:] for r in rotary), sequence_dim=1)
                mk = apply_rotary_emb(mk, tuple(r[:words] for r in rotary), sequence_dim=1)
            scores = torch.einsum("bihd,bjhd->bhij", mq, mk) / q.shape[-1] ** 0.5
            looked = scores.softmax(-1).mean(1)[..., [0] if port == "A" else [1, 2]].mean(-1)
            low, high = looked.amin(1, keepdim=True), looked.amax(1, keepdim=True)
            mask = (torch.sigmoid(10 * ((looked - low) / (high - low) - 0.5)) >= tau).double()[..., None]
            assert tau > 1 or 0 < mask.mean() < 1
            o = results[0] + fine * mask * without(results[1], results[2], eps)
            SPREADS.append(o.abs().max() / results[0].abs().max())
            if port == "A":
                o = o * results[0].norm(dim=-1, keepdim=True) / o.norm(dim=-1, keepdim=True)
        h = image + gate[:, None] * o
        image, texts = h + gate2[:, None] * block.ff(modulate(h, shift2, scale2)), after
    text = texts[0]
    # Single blocks take the embedding before its activation.
    plain = model.time_text_embed(t, g, p)
    for block in model.single_transformer_blocks:
        text, image = block(image, text, plain, rotary)
    return FluxPipeline._unpack_latents(model.proj_out(model.norm_out(image, plain)), HEIGHT, WIDTH, 1)


def flux_velocity(model, latents, level, prompt, guidance):
    tokens = FluxPipeline._pack_latents(latents, len(latents), latents.shape[1], HEIGHT, WIDTH)
    full = lambda x: torch.full((len(latents),), x, dtype=torch.float64)  # noqa: E731
    ids = FluxPipeline._prepare_latent_image_ids(1, HEIGHT // 2, WIDTH // 2, "cpu", torch.float64)
    out = model(tokens, prompt[1], prompt[0], full(level), ids,
                torch.zeros(prompt[1].shape[1], 3, dtype=torch.float64), full(guidance)).sample
    return FluxPipeline._unpack_latents(out, HEIGHT, WIDTH, 1)


def flow_edit(velocity, picture, noise, source, target, guidances, most, least, average):
    z, drawn, states = picture.clone(), None, []
    for i in range(STEPS):
        level, width = LEVELS[i], LEVELS[i + 1] - LEVELS[i]
        if STEPS - i > most:
            continue
        if STEPS - i > least:
            change = 0
            for k in range(average):
                zs = (1 - level) * picture + level * noise[f"noise.{i}.{k}"]
                zt = z + zs - picture
                change = change + (velocity(zt, level, target, guidances[1]) - velocity(zs, level, source, guidances[0])) / average
            z = z + width * change
            states.append(z)
        else:
            if drawn is None:
                drawn = z + (1 - level) * picture + level * noise[f"noise.{i}.0"] - picture
            drawn = drawn + width * velocity(drawn, level, target, guidances[1])
            states.append(drawn)
    return states


def sdedit(velocity, picture, noise, prompt, strength):
    first = int(max(STEPS - min(STEPS * strength, STEPS), 0))
    x, states = (1 - LEVELS[first]) * picture + LEVELS[first] * noise, []
    for i in range(first, STEPS):
        x = x + (LEVELS[i + 1] - LEVELS[i]) * velocity(x, LEVELS[i], prompt, GUIDANCE)
        states.append(x)
    return states


def rf_inversion(velocity, picture, noise, null, target, gamma, eta, first, end):
    """In the paper's own times: Y runs with the level, X against it, so that its drift is the negative velocity."""
    y, there = picture, []
    times = LEVELS.flip(0)
    for i in range(STEPS):
        u = velocity(y, times[i], null, 0.0)
        y = y + (u + gamma * ((noise - y) / (1 - times[i]) - u)) * (times[i + 1] - times[i])
        there.append(y)
    x, back = y, []
    for i in range(STEPS):
        time, after = 1 - LEVELS[i], 1 - LEVELS[i + 1]
        v = -velocity(x, LEVELS[i], target, GUIDANCE)
        share = eta if first <= i < end else 0.0
        x = x + (v + share * ((picture - x) / (1 - time) - v)) * (after - time)
        back.append(x)
    return there, back


def main():
    torch.manual_seed(21)
    model = save(randomise(FluxTransformer2DModel(
        in_channels=8, num_layers=3, num_single_layers=1, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=6,
        pooled_projection_dim=5, guidance_embeds=True, axes_dims_rope=(2, 2, 4))), "flux-edit")
    half = lambda *shape: torch.randn(*shape).half().double()  # noqa: E731
    out = {"latents": half(2, 2, HEIGHT, WIDTH), "levels": LEVELS}
    prompts = []
    for name in ("base", "edit", "null"):
        out[f"{name}.pooled"], out[f"{name}.states"] = half(2, 5), half(2, 4, 6)
        prompts.append((out[f"{name}.pooled"], out[f"{name}.states"]))
    for port, fine in (("A", 5.0), ("B", 0.7)):
        x = out["latents"]
        for i in range(STEPS):
            acts = i >= 1
            x = x + (LEVELS[i + 1] - LEVELS[i]) * fluxspace(
                model, x, LEVELS[i].item(), prompts, 0.6, fine, 0.5, port == "A" or acts, acts, port)
            out[f"{port}.{i}"] = x
        out[f"{port}.spreads"] = torch.stack(SPREADS)
        SPREADS.clear()
    # With nothing that acts, the reference is the library's own network.
    ours = fluxspace(model, out["latents"], 0.5, prompts, 0, 0, 0.5, False, False, "A")
    theirs = flux_velocity(model, out["latents"], 0.5, prompts[0], GUIDANCE)
    assert (ours - theirs).abs().max() < 1e-6 * theirs.abs().max(), (ours - theirs).abs().max()
    noise = {f"noise.{i}.{k}": half(2, 2, HEIGHT, WIDTH) for i in range(STEPS) for k in range(2)}
    out |= noise
    for label, most, least, average in (("edit", 3, 0, 2), ("tail", 4, 2, 1)):
        states = flow_edit(lambda *a: flux_velocity(model, *a), out["latents"], noise, prompts[0], prompts[1], (1.5, 3.0), most, least,
                           average)
        out |= {f"flow.{label}.{i}": x for i, x in enumerate(states)}
    plain = lambda *a: flux_velocity(model, *a)  # noqa: E731
    states = sdedit(plain, out["latents"], noise["noise.0.0"], prompts[1], 0.75)
    out |= {f"sdedit.{i}": x for i, x in enumerate(states)}
    there, back = rf_inversion(plain, out["latents"], noise["noise.0.0"], prompts[2], prompts[1], 0.5, 0.7, 1, 3)
    out |= {f"inverted.{i}": x for i, x in enumerate(there)} | {f"redrawn.{i}": x for i, x in enumerate(back)}
    write("flux-edit", out)

    model = save(randomise(SD3Transformer2DModel(
        sample_size=8, num_layers=2, attention_head_dim=8, num_attention_heads=2, joint_attention_dim=6, caption_projection_dim=16,
        pooled_projection_dim=5, in_channels=2, out_channels=2, pos_embed_max_size=6, qk_norm="rms_norm")), "sd3-edit")

    def guided(x, level, prompt, guidance):
        call = lambda pooled, states: model(x, states, pooled, torch.full((2,), level * 1000, dtype=torch.float64)).sample  # noqa: E731
        with_prompt, alone = call(*prompt), call(*prompts[2])
        return alone + guidance * (with_prompt - alone)

    states = flow_edit(guided, out["latents"], noise, prompts[0], prompts[1], (3.5, 7.5), 3, 0, 1)
    write("sd3-edit", {n: t for n, t in out.items() if "." not in n or n.split(".")[0] in ("base", "edit", "null", "noise")} |
          {f"flow.edit.{i}": x for i, x in enumerate(states)})


with torch.no_grad():
    main()
