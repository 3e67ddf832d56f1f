"""Trains one job, and goes on from a state as if it had never stopped."""

import contextlib
import json
import logging
import math
import os
import random
import signal
import time

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils.logging import disable_progress_bar

from . import adapters, data, files
from .job import BadJob

STOPPED = 75
# What the libraries say about themselves is no part of a job's log.
for name in ("LyCORIS", "diffusers", "transformers"):
    logging.getLogger(name).setLevel(logging.ERROR)
disable_progress_bar()


class Training:
    def __init__(self, job, out, device, precision, samples):
        self.job, self.out, self.samples = job, out, samples
        self.device = torch.device(device)
        self.precision = precision
        self.stops = False
        torch.manual_seed(job.seed)
        random.seed(job.seed)
        self.load()
        self.prepare_data()
        sides = adapters.attach(self.unet, self.text_encoder, job)
        self.adapters = [side for side in sides if side]
        self.trains_text = sides[1] is not None
        if job.checkpointing:
            self.unet.enable_gradient_checkpointing()
        groups = [{"params": sides[0].parameters(), "rate": job.lr}]
        if self.trains_text:
            groups.append({"params": sides[1].parameters(), "rate": job.text_encoder_lr})
        self.optimizer = torch.optim.AdamW(
            groups, lr=job.lr, betas=tuple(job.betas), eps=job.epsilon, weight_decay=job.weight_decay)
        self.step = self.epoch = self.place = 0
        self.metrics = files.Metrics(f"{out}/metrics.jsonl")

    # Models and data

    def load(self):
        base = self.job.base
        with open(f"{base}/model_index.json") as file:
            kind = json.load(file).get("_class_name")
        if kind != "StableDiffusionPipeline":
            raise BadJob(f"{base} is a {kind}; this trainer knows StableDiffusionPipeline (1 and 2)")
        self.tokenizer = CLIPTokenizer.from_pretrained(f"{base}/tokenizer")
        self.unet = UNet2DConditionModel.from_pretrained(f"{base}/unet", torch_dtype=torch.float32).to(self.device).eval()
        self.vae = AutoencoderKL.from_pretrained(f"{base}/vae", torch_dtype=torch.float32).to(self.device).eval()
        self.vae.requires_grad_(False)
        self.text_encoder = CLIPTextModel.from_pretrained(f"{base}/text_encoder").to(self.device, torch.float32).eval()
        self.schedule = DDIMScheduler.from_pretrained(f"{base}/scheduler")
        self.alphas = self.schedule.alphas_cumprod.to(self.device)
        self.prediction = self.job.prediction_type or self.schedule.config.prediction_type
        if self.prediction not in ("epsilon", "v_prediction"):
            raise BadJob(f"prediction_type: '{self.prediction}' is not done by this trainer; done: epsilon, v_prediction")

    def size(self):
        side = self.job.resolution or self.unet.config.sample_size * 2 ** (len(self.vae.config.block_out_channels) - 1)
        return tuple(side) if isinstance(side, list) else (int(side), int(side))

    def prepare_data(self):
        visits = data.read(self.job.data)
        self.captions = [caption for _, caption, _ in visits]
        self.counts = [count for _, _, count in visits]
        self.latents = []
        with torch.no_grad():
            for path, _, _ in visits:
                picture = data.load(path, self.size()).to(self.device)
                forms = [picture, picture.flip(-1)] if self.job.flip else [picture]
                moments = [self.vae.encode(form[None]).latent_dist for form in forms]
                self.latents.append([(moment.mean[0], moment.std[0]) for moment in moments])
        batches = -(-sum(self.counts) // self.job.batch)
        self.steps_in_epoch = -(-batches // self.job.grad_accumulation)
        self.steps = self.steps_in_epoch * self.job.epochs
        print(f"{len(visits)} pictures, {sum(self.counts)} visits and {self.steps_in_epoch} steps an epoch", flush=True)

    def context(self, captions):
        tokens = self.tokenizer(
            captions, padding="max_length", max_length=self.tokenizer.model_max_length, truncation=True, return_tensors="pt")
        output = self.text_encoder(tokens.input_ids.to(self.device), output_hidden_states=True)
        if self.job.clip_skip == 1:
            return output.last_hidden_state
        inner = getattr(self.text_encoder, "text_model", self.text_encoder)
        return inner.final_layer_norm(output.hidden_states[-self.job.clip_skip])

    # One batch

    def draw(self, batch, number):
        """What chance decides of a batch, by its number in the whole training: a resumed run draws the same."""
        source = data.generator("batch", self.job.seed, number)
        captions, latents = [], []
        for index in batch:
            forms = self.latents[index]
            turn = int(torch.randint(len(forms), (1,), generator=source)) if len(forms) > 1 else 0
            mean, deviation = forms[turn]
            latents.append(mean + deviation * torch.randn(mean.shape, generator=source).to(self.device))
            is_dropped = float(torch.rand(1, generator=source)) < self.job.caption_dropout
            captions.append("" if is_dropped else self.captions[index])
        latents = torch.stack(latents) * self.vae.config.scaling_factor
        noise = torch.randn(latents.shape, generator=source)
        if self.job.noise_offset:
            noise = noise + self.job.noise_offset * torch.randn(*noise.shape[:2], 1, 1, generator=source)
        times = torch.randint(len(self.alphas), (len(batch),), generator=source)
        return captions, latents, noise.to(self.device), times.to(self.device)

    def loss(self, batch, number):
        captions, latents, noise, times = self.draw(batch, number)
        alpha = self.alphas[times].view(-1, 1, 1, 1)
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        target = noise if self.prediction == "epsilon" else alpha.sqrt() * noise - (1 - alpha).sqrt() * latents
        is_half = self.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16) if is_half else contextlib.nullcontext():
            with contextlib.nullcontext() if self.trains_text else torch.no_grad():
                context = self.context(captions)
            found = self.unet(noisy, times, encoder_hidden_states=context).sample
        error = ((found.float() - target) ** 2).mean(dim=(1, 2, 3))
        if self.job.min_snr_gamma:
            ratio = (alpha / (1 - alpha)).flatten()
            error = error * ratio.clamp(max=self.job.min_snr_gamma) / (ratio if self.prediction == "epsilon" else ratio + 1)
        return error.mean()

    def rate(self, step):
        """Share of the rate in an update, counted from 0."""
        warm = self.job.warmup_steps
        if step < warm:
            return step / max(1, warm)
        share = (step - warm) / max(1, self.steps - warm)
        if self.job.schedule == "linear":
            return max(0.0, 1 - share)
        if self.job.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * share))
        if self.job.schedule == "cosine-restarts":
            return 0.5 * (1 + math.cos(math.pi * (share * self.job.lr_cycles % 1)))
        return 1.0

    def update(self, batches):
        """One step over the batches that are gathered for it."""
        for side in self.adapters:
            side.mode(True)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * self.rate(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for number, batch in batches:
            loss = self.loss(batch, number) / len(batches)
            loss.backward()
            total += float(loss.detach())
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(weights, self.job.max_grad_norm or math.inf)
        self.optimizer.step()
        self.step += 1
        rates = {"lr": self.optimizer.param_groups[0]["lr"]}
        if self.trains_text:
            rates["lr/text_encoder"] = self.optimizer.param_groups[1]["lr"]
        self.metrics.write(step=self.step, epoch=self.epoch + 1, loss=total, grad_norm=float(norm), **rates)
        if not math.isfinite(total):
            raise FloatingPointError(f"the loss is {total} at step {self.step}; a smaller rate may help")

    # Saving

    def tensors(self):
        return {key: value for side in self.adapters for key, value in side.tensors().items()}

    def save_adapter(self, path, epoch):
        metadata = {
            "ss_network_module": "networks.lora" if self.job.algorithm == "lora" else "lycoris.kohya",
            "ss_network_dim": self.job.dim, "ss_network_alpha": self.job.alpha, "ss_steps": self.step, "ss_epoch": epoch,
            "ss_seed": self.job.seed, "radiata_step": self.step, "radiata_epoch": epoch,
            "radiata_parameters": json.dumps(self.job.parameters)}
        files.save_adapter(path, self.tensors(), metadata)

    def save_state(self):
        groups = self.optimizer.param_groups
        tensors = {
            "weights": [weight.detach() for group in groups for weight in group["params"]],
            "optimizer": self.optimizer.state_dict(), "random": torch.get_rng_state(),
            # LyCORIS draws DyLoRA's ranks from it.
            "python": random.getstate(),
            "buffers": {key: value.detach().clone() for key, value in self.tensors().items()}}
        if self.device.type == "cuda":
            tensors["cuda"] = torch.cuda.get_rng_state(self.device)
        facts = {
            "step": self.step, "epoch": self.epoch, "place": self.place, "seed": self.job.seed,
            "parameters": self.job.parameters}
        os.makedirs(f"{self.out}/states", exist_ok=True)
        files.save_state(f"{self.out}/states", self.step, tensors, facts)
        self.saved_at = time.monotonic()
        self.saved_step = self.step
        print(f"state at step {self.step}", flush=True)

    def restore(self, folder):
        facts, tensors = files.load_state(folder)
        if facts["parameters"] != self.job.parameters or facts["seed"] != self.job.seed:
            raise BadJob(f"{folder} is a state of another job: {facts['parameters']}")
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        with torch.no_grad():
            for weight, saved in zip(weights, tensors["weights"], strict=True):
                weight.copy_(saved)
        self.optimizer.load_state_dict(tensors["optimizer"])
        torch.set_rng_state(tensors["random"])
        random.setstate(tensors["python"])
        if "cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["cuda"], self.device)
        self.step, self.epoch, self.place = facts["step"], facts["epoch"], facts["place"]
        self.saved_step = self.step
        print(f"goes on from step {self.step}, epoch {self.epoch + 1}", flush=True)

    def draw_samples(self, name):
        if not self.samples:
            return
        for side in self.adapters:
            side.mode(False)
        pipeline = StableDiffusionPipeline(
            vae=self.vae, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=DDIMScheduler.from_config(self.schedule.config), safety_checker=None, feature_extractor=None,
            requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        os.makedirs(f"{self.out}/samples", exist_ok=True)
        width, height = self.size()
        captions = list(dict.fromkeys(self.captions))[: self.samples]
        for index, caption in enumerate(captions):
            source = data.generator("sample", self.job.seed, index)
            picture = pipeline(
                caption, width=width, height=height, num_inference_steps=10, guidance_scale=5.0, generator=source).images[0]
            temporary = f"{self.out}/samples/.{name}.png"
            picture.save(temporary)
            os.replace(temporary, f"{self.out}/samples/{name}-{index}.png")

    # The whole

    def is_kept(self, epoch_ended):
        job = self.job
        return self.step in job.steps_to_keep or epoch_ended and self.epoch in job.epochs_to_keep

    def run(self, resume=None):
        """Returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "stops", True))
        self.saved_at, self.saved_step = time.monotonic(), 0
        if resume:
            self.restore(resume)
        while self.epoch < self.job.epochs:
            batches = data.epoch_batches(self.counts, self.job.batch, self.job.seed, self.epoch)
            first = self.epoch * len(batches)
            while self.place < len(batches):
                some = batches[self.place:self.place + self.job.grad_accumulation]
                self.update([(first + self.place + i, batch) for i, batch in enumerate(some)])
                self.place += len(some)
                ended = self.place >= len(batches)
                if ended:
                    self.epoch, self.place = self.epoch + 1, 0
                self.after_step(ended)
                if self.stops and self.step < self.steps:
                    self.save_state()
                    return STOPPED
                if ended:
                    break
        self.save_adapter(f"{self.out}/final.safetensors", self.epoch)
        self.draw_samples("final")
        return 0

    def after_step(self, ended):
        """What is delivered comes before the state behind which nobody makes it again."""
        if self.step >= self.steps:
            return
        is_kept = self.is_kept(ended)
        if is_kept:
            self.draw_samples(f"step-{self.step:08d}")
            self.save_adapter(f"{self.out}/adapters/step-{self.step:08d}.safetensors", self.epoch)
        is_due = time.monotonic() - self.saved_at >= self.job.state_seconds
        every = self.job.state_steps
        if ended or is_kept or is_due or every and self.step % every == 0:
            self.save_state()
