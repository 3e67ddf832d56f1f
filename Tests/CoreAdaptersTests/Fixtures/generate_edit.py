"""Dumps what diffusers makes of a U-Net that reads an edit's source (InstructPix2Pix), for EditAdapterTests.

`unet` is a text-to-image U-Net. `step`: its first layer widened with zeros, as
train_instruct_pix2pix.py does, then loss and gradients of one batch. `adapter.safetensors`: the difference of
a trained first layer. `wide` is that U-Net whole; `pipeline.*`: whole paths of diffusers'
StableDiffusionInstructPix2PixPipeline with it, from given latents.

python3 generate_edit.py
"""

import pathlib

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from safetensors.torch import save_file

here = pathlib.Path(__file__).parent / "edit"
sizes = dict(
    block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=2, cross_attention_dim=6,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    out_channels=4,
)
torch.manual_seed(41)
unet = UNet2DConditionModel(in_channels=4, **sizes)
with torch.no_grad():
    for name, weight in unet.named_parameters():
        weight.copy_(torch.randn_like(weight) * (0.5 / weight[0].numel() ** 0.5 if weight.dim() > 1 else 0.1))
        if "norm" in name and name.endswith("weight"):
            weight.add_(1)
unet.save_pretrained(here / "unet")

wide = UNet2DConditionModel(in_channels=8, **sizes)
state = unet.state_dict()
# As the training script: new_conv_in.weight.zero_(); new_conv_in.weight[:, :4].copy_(unet.conv_in.weight)
state["conv_in.weight"] = torch.cat([state["conv_in.weight"], torch.zeros_like(state["conv_in.weight"])], dim=1)
wide.load_state_dict(state)

sample, source, target = torch.randn(3, 2, 4, 6, 4).unbind(0)
times, context = torch.tensor([40.0, 700.0]), torch.randn(2, 3, 6)
answer = wide(torch.cat([sample, source], dim=1), times, context).sample
loss = torch.nn.functional.mse_loss(answer, target)
loss.backward()
out = {
    "step.sample": sample, "step.source": source, "step.target": target, "step.timestep": times, "step.context": context,
    "step.answer": answer, "step.loss": loss.reshape(1), "step.gradient": wide.conv_in.weight.grad,
    "step.bias_gradient": wide.conv_in.bias.grad,
}

torch.manual_seed(42)
diff = torch.randn_like(wide.conv_in.weight) * 0.1
bias = torch.randn_like(wide.conv_in.bias) * 0.1
with torch.no_grad():
    wide.conv_in.weight.add_(diff)
    wide.conv_in.bias.add_(bias)
wide.save_pretrained(here / "wide")
save_file({"lora_unet_conv_in.diff": diff, "lora_unet_conv_in.diff_b": bias}, here / "adapter.safetensors")
out["adapted.answer"] = wide(torch.cat([sample, source], dim=1), times, context).sample
out["adapted.without"] = wide(torch.cat([sample, torch.zeros_like(source)], dim=1), times, context).sample

scheduler = DDIMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
    steps_offset=1)
scheduler.save_pretrained(here / "scheduler")
vae = AutoencoderKL(
    block_out_channels=(4, 4), norm_num_groups=2, latent_channels=4, down_block_types=("DownEncoderBlock2D",) * 2,
    up_block_types=("UpDecoderBlock2D",) * 2)
pipeline = StableDiffusionInstructPix2PixPipeline(
    vae=vae, text_encoder=None, tokenizer=None, unet=wide, scheduler=scheduler, safety_checker=None,
    feature_extractor=None, requires_safety_checker=False)
pipeline.set_progress_bar_config(disable=True)
empty = torch.randn(1, 3, 6)
out["pipeline.empty"] = empty
for name, guidance, image_guidance in (("both", 4.0, 1.5), ("text", 3.0, 1.0), ("equal", 2.0, 2.0), ("none", 1.0, 1.5)):
    out[f"pipeline.{name}"] = pipeline(
        image=source, prompt_embeds=context, negative_prompt_embeds=empty.repeat(2, 1, 1), num_inference_steps=4,
        guidance_scale=guidance, image_guidance_scale=image_guidance, latents=sample, output_type="latent").images
save_file({name: tensor.detach().contiguous() for name, tensor in out.items()}, here / "cases.safetensors")
