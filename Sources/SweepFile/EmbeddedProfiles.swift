/// Command profiles that come with the program: the files of `worker/profiles`, written here by
/// `.ci/embed-profiles`; a test holds them against each other.
package enum EmbeddedProfiles {
    /// Text by the name that `trainer:` gives.
    package static let all: [String: String] = [
        "ai-toolkit": #"""
        # ostris/ai-toolkit: run.py with a YAML of its own form
        #   trainer: { profile: ai-toolkit, config: my-lora.yaml, values: { script: /opt/ai-toolkit/run.py } }
        # The file is one that works, with one process. Parameters are places in it: config.process[0].train.lr, …
        # Paths in it are absolute, or set absolutely: the program runs in a folder of its own.
        values: { python: python3 }
        command: ["{python}", "{script}", "{config}"]
        # It goes on from what lies in its folder, the newest file by the time of its making: one state is put there, no more.
        restore: "{out}/model/{name}"
        env: { PYTHONUNBUFFERED: "1", AITK_JOB_ID: radiata }
        config: {}
        set:
          # Its folder is found by this name, and so are files of other jobs whose name begins with it: one folder a job.
          config.name: "{name}"
          "config.process[0].training_folder": "{out}/model"
          "config.process[0].training_seed": "{seed}"
          # The trainer of the UI: the same training, but it looks into a database whether it shall save or stop.
          "config.process[0].type": diffusion_trainer
          "config.process[0].sqlite_db_path": "{out}/stop.db"
          "config.process[0].logging.use_ui_logger": true
          # Without it the log is an empty one for most of a short training.
          "config.process[0].logging.log_every?": 10
          "config.process[0].save.save_every?": 250
        metrics:
          - { sqlite: "{out}/model/{name}/loss_log.db", map: { loss/loss: loss } }
        checkpoints:
          - glob: "{out}/model/{name}/{name}_[0-9]*.safetensors"
            step: "_([0-9]{9})[.]safetensors$"
            epoch: { header: training_info.epoch }
            complete: self
          - glob: "{out}/model/{name}/{name}.safetensors"
            step: { header: training_info.step }
            epoch: { header: training_info.epoch }
            complete: self
          # The weights, and the one optimizer.pt that is written after them, over the last one.
          - glob: "{out}/model/{name}/{name}_[0-9]*.safetensors"
            kind: state
            step: "_([0-9]{9})[.]safetensors$"
            with: [optimizer.pt]
            complete: self
        samples: [ { glob: "{out}/model/{name}/samples/*" } ]
        # INT ends it with 0 and without a save; through the database it saves first, and then ends with 1.
        stop:
          signal: INT
          grace: 30s
          wait: 10m
          exits: [1]
          sqlite:
            file: "{out}/stop.db"
            create: |-
              CREATE TABLE IF NOT EXISTS Job (id TEXT PRIMARY KEY, name TEXT, gpu_ids TEXT, job_config TEXT, status TEXT,
                stop INTEGER DEFAULT 0, return_to_queue INTEGER DEFAULT 0, save_now INTEGER DEFAULT 0,
                sample_now INTEGER DEFAULT 0, step INTEGER DEFAULT 0, info TEXT, speed_string TEXT, queue_position INTEGER);
              INSERT OR IGNORE INTO Job (id, name, status) VALUES ('radiata', 'radiata', 'running');
            save: UPDATE Job SET save_now = 1
            stop: UPDATE Job SET stop = 1
        done:
          file: "{out}/model/{name}/{name}.safetensors"
          header: training_info.step
          reaches: "config.process[0].train.steps"

        """#,
        "diffusion-pipe": #"""
        # tdrussell/diffusion-pipe: train.py under deepspeed
        #   trainer: { profile: diffusion-pipe, config: my-lora.toml, values: { script: /opt/diffusion-pipe/train.py } }
        # The file is one that works. Parameters are places in it: optimizer.lr, adapter.rank, epochs, … (adapter.alpha is refused
        # by the program). Paths in it are absolute, or set absolutely: the program runs in a folder of its own.
        # It has no seed in its file, so several seeds show what luck alone does; and it draws no pictures: evaluate: draws some.
        values: { deepspeed: deepspeed }
        command:
          - "{deepspeed}"
          - --num_gpus=1
          - --master_port={master_port}
          - "{script}"
          - --deepspeed
          - "--config={config}"
        # Its folder is named by the time, and a resumed run writes into the folder that it goes on from: this one.
        resume: [--resume_from_checkpoint=resumed]
        restore: "{out}/model/resumed"
        files:
          # What DeepSpeed goes on from; the run's own names its newest state, whole or not.
          - { text: "global_step{checkpoint_step}", to: "{out}/model/resumed/latest", when: resume }
        env: { PYTHONUNBUFFERED: "1" }
        config: { to: "{out}/config.toml" }
        set:
          output_dir: "{out}/model"
          checkpoint_every_n_epochs?: 1
          save_every_n_epochs?: 1
          logging_steps?: 1
        metrics:
          - { tfevents: "{out}/model", map: { train/loss: loss } }
        checkpoints:
          # An epoch's state is saved before its adapter: neither counts before the program went on.
          - glob: "{out}/model/*/epoch[0-9]*"
            epoch: "^epoch([0-9]+)$"
            complete: passed
          - glob: "{out}/model/*/step[0-9]*"
            step: "^step([0-9]+)$"
            complete: passed
          - glob: "{out}/model/*/global_step[0-9]*"
            kind: state
            step: "^global_step([0-9]+)$"
            complete: passed
        # It saves its state, and no adapter, when it finds this file; TERM ends it at once.
        stop: { file: "{out}/model/*/save_quit", wait: 10m, signal: TERM, grace: 30s }
        # What an interrupted save left, on which the next one dies.
        clean: [ "{out}/model/resumed/*/tmp" ]
        done: { file: "{out}/model/*/epoch*/adapter_model.safetensors", epoch: epochs }

        """#,
        "kohya": #"""
        # kohya-ss/sd-scripts: LoRA and LyCORIS by train_network.py, sdxl_train_network.py, flux_train_network.py, …
        #   trainer: { profile: kohya, config: my-lora.toml, values: { script: /opt/sd-scripts/sdxl_train_network.py } }
        # The file is one that works. Parameters are keys of it: network_dim, unet_lr, network_args.conv_dim, …
        # Paths in it are absolute, or set absolutely: the program runs in a folder of its own.
        values: { accelerate: accelerate }
        command:
          - "{accelerate}"
          - launch
          - --num_cpu_threads_per_process=1
          # One process for a job: several would divide --initial_epoch by their number a second time.
          - --num_processes=1
          - --num_machines=1
          - --main_process_port={master_port}
          - "{script}"
          - --config_file={config}
        # Without --initial_epoch a second resume begins at the wrong epoch: a state knows the steps of its run only.
        resume: ["--resume={checkpoint}", "--initial_epoch={next_epoch}"]
        env: { PYTHONUNBUFFERED: "1" }
        config:
          to: "{out}/config.toml"
          flat: true
          pairs: [network_args, optimizer_args, lr_scheduler_args]
          keys:
            # What the scripts take; a key that they do not know they pass over without a word.
            [pretrained_model_name_or_path, v2, v_parameterization, tokenizer_cache_dir, train_data_dir, cache_info,
            shuffle_caption, caption_separator, caption_extension, caption_extention, keep_tokens,
            keep_tokens_separator, secondary_separator, enable_wildcard, caption_prefix, caption_suffix, color_aug,
            flip_aug, face_crop_aug_range, random_crop, debug_dataset, resolution, cache_latents, vae_batch_size,
            cache_latents_to_disk, skip_cache_check, enable_bucket, min_bucket_reso, max_bucket_reso,
            bucket_reso_steps, bucket_no_upscale, token_warmup_min, token_warmup_step, alpha_mask, dataset_class,
            caption_dropout_rate, caption_dropout_every_n_epochs, caption_tag_dropout_rate, reg_data_dir, in_json,
            dataset_repeats, dataset_config, output_dir, output_name, huggingface_repo_id, huggingface_repo_type,
            huggingface_path_in_repo, huggingface_token, huggingface_repo_visibility, save_state_to_huggingface,
            resume_from_huggingface, async_upload, save_precision, save_every_n_epochs, save_every_n_steps,
            save_n_epoch_ratio, save_last_n_epochs, save_last_n_epochs_state, save_last_n_steps,
            save_last_n_steps_state, save_state, save_state_on_train_end, resume, train_batch_size,
            max_token_length, mem_eff_attn, torch_compile, dynamo_backend, xformers, sdpa, vae, max_train_steps,
            max_train_epochs, max_data_loader_n_workers, persistent_data_loader_workers, seed,
            gradient_checkpointing, gradient_accumulation_steps, mixed_precision, full_fp16, full_bf16, fp8_base,
            fp8_base_unet, fp8_scaled, ddp_timeout, ddp_gradient_as_bucket_view, ddp_static_graph, clip_skip,
            logging_dir, log_with, log_prefix, log_tracker_name, wandb_run_name, log_tracker_config, wandb_api_key,
            log_config, noise_offset, noise_offset_random_strength, multires_noise_iterations, ip_noise_gamma,
            ip_noise_gamma_random_strength, multires_noise_discount, adaptive_noise_scale, zero_terminal_snr,
            min_timestep, max_timestep, loss_type, huber_schedule, huber_c, huber_scale, lowram, highvram,
            sample_every_n_steps, sample_at_first, sample_every_n_epochs, sample_prompts, sample_sampler,
            config_file, output_config, metadata_title, metadata_author, metadata_description, metadata_license,
            metadata_tags, metadata_usage_hint, metadata_thumbnail, metadata_merged_from, metadata_trigger_phrase,
            metadata_preprocessor, metadata_is_negative_embedding, prior_loss_weight, conditioning_data_dir,
            masked_loss, deepspeed, zero_stage, offload_optimizer_device, offload_optimizer_nvme_path,
            offload_param_device, offload_param_nvme_path, zero3_init_flag, zero3_save_16bit_model,
            fp16_master_weights_and_gradients, optimizer_type, use_8bit_adam, use_lion_optimizer, learning_rate,
            max_grad_norm, optimizer_args, lr_scheduler_type, lr_scheduler_args, lr_scheduler, lr_warmup_steps,
            lr_decay_steps, lr_scheduler_num_cycles, lr_scheduler_power, fused_backward_pass,
            lr_scheduler_timescale, lr_scheduler_min_lr_ratio, min_snr_gamma, scale_v_pred_loss_like_noise_pred,
            v_pred_like_loss, debiased_estimation_loss, weighted_captions, cpu_offload_checkpointing, no_metadata,
            save_model_as, use_safetensors, unet_lr, text_encoder_lr, network_weights, network_module, network_dim,
            network_alpha, network_dropout, network_args, network_train_unet_only, network_train_text_encoder_only,
            training_comment, dim_from_weights, scale_weight_norms, base_weights, base_weights_multiplier,
            no_half_vae, skip_until_initial_step, initial_epoch, initial_step, validation_seed, validation_split,
            validate_every_n_steps, validate_every_n_epochs, max_validation_steps, console_log_level,
            console_log_file, console_log_simple, cache_text_encoder_outputs, cache_text_encoder_outputs_to_disk,
            text_encoder_batch_size, disable_mmap_load_safetensors, clip_l, clip_g, t5xxl, ae,
            controlnet_model_name_or_path, t5xxl_max_token_length, apply_t5_attn_mask, apply_lg_attn_mask,
            split_mode, blocks_to_swap, guidance_scale, timestep_sampling, sigmoid_scale, model_prediction_type,
            discrete_flow_shift, weighting_scheme, logit_mean, logit_std, mode_scale, training_shift,
            enable_scaled_pos_embed, pos_emb_random_crop_rate, pos_emb_use_dropout, t5xxl_device, t5xxl_dtype,
            save_clip, save_t5xxl, model_type, gemma2, gemma2_max_token_length, use_flash_attn, use_sage_attn,
            system_prompt, text_encoder_path, byt5, split_attn, attn_mode, resize_interpolation,
            unsloth_offload_checkpointing, qwen3, vae_chunk_size, vae_disable_cache, llm_adapter_path,
            t5_tokenizer_path, qwen3_max_token_length]
        set:
          output_dir: "{out}/model"
          # Two runs with one name in one folder overwrite each other's files.
          output_name: "{name}"
          logging_dir: "{out}/logs"
          # Without a key W&B asks at a keyboard.
          log_with: tensorboard
          save_model_as: safetensors
          seed: "{seed}"
          # What a resume goes on from. Only states at the end of an epoch: one inside an epoch cannot be gone on from
          # exactly.
          save_state: true
          save_every_n_epochs?: 1
          save_last_n_epochs_state?: 2
        metrics:
          # The program counts from 0 after every resume.
          - { tfevents: "{out}/logs", step: { base: attempt }, map: { loss/average: loss } }
        checkpoints:
          - glob: "{out}/model/{name}-[0-9][0-9][0-9][0-9][0-9][0-9].safetensors"
            epoch: "-([0-9]{6})[.]safetensors$"
            step: { header: ss_steps, base: attempt }
            # Taken as soon as it is whole: before the state of its epoch, behind which nobody makes it again.
            complete: self
          - glob: "{out}/model/{name}-step*.safetensors"
            step: { name: "-step([0-9]+)", base: attempt }
            epoch: { header: ss_epoch }
            complete: self
          - glob: "{out}/model/{name}.safetensors"
            step: { header: ss_steps, base: attempt }
            epoch: { header: ss_epoch }
            complete: self
          - glob: "{out}/model/{name}-[0-9][0-9][0-9][0-9][0-9][0-9]-state"
            kind: state
            epoch: "-([0-9]{6})-state$"
            step: { json: train_state.json, key: current_step, base: attempt }
            # Written last, so the rest is there.
            complete: random_states_0.pkl
        samples: [ { glob: "{out}/model/sample/*.png" } ]
        # A signal ends the program at once, and all since the last state is lost: wait for the next one.
        stop: { signal: TERM, grace: 30s, wait: 10m }
        done: { file: "{out}/model/{name}.safetensors", header: ss_epoch, reaches: max_train_epochs }

        """#,
        "musubi": #"""
        # kohya-ss/musubi-tuner: Wan, HunyuanVideo, FramePack, Flux.1 Kontext, Flux.2, Qwen-Image, Z-Image
        #   trainer: { profile: musubi, config: my-wan.toml, values: { script: /opt/musubi-tuner/src/musubi_tuner/wan_train_network.py } }
        # The file is one that works. Parameters are keys of it: network_dim, learning_rate, network_args.conv_dim, …
        # Paths in it are absolute, or set absolutely: the program runs in a folder of its own. The latents and the outputs of
        # the text encoder are cached beforehand (*_cache_latents.py, *_cache_text_encoder_outputs.py), once for all jobs.
        values: { accelerate: accelerate }
        command:
          - "{accelerate}"
          - launch
          - --num_cpu_threads_per_process=1
          - --num_processes=1
          - --num_machines=1
          - --main_process_port={master_port}
          - "{script}"
          - --config_file={config}
        resume: ["--resume={checkpoint}"]
        # A state brings weights, optimizer, random numbers and rate back, but no counter: the program trains the whole length
        # again unless it is told what is left.
        remainder: { max_train_epochs: epoch, max_train_steps: step }
        env: { PYTHONUNBUFFERED: "1" }
        config:
          to: "{out}/config.toml"
          flat: true
          pairs: [network_args, optimizer_args, lr_scheduler_args]
          keys:
            # What all its scripts take; each has more. One that is nearly one of these is most likely a slip.
            [config_file, dataset_config, sdpa, flash_attn, sage_attn, xformers, flash3, split_attn, compile,
            compile_backend, compile_mode, compile_dynamic, compile_fullgraph, compile_cache_size_limit,
            cuda_allow_tf32, cuda_cudnn_benchmark, dynamo_backend, dynamo_mode, dynamo_fullgraph,
            dynamo_dynamic, max_train_steps, max_train_epochs, max_data_loader_n_workers,
            persistent_data_loader_workers, seed, gradient_checkpointing, gradient_checkpointing_cpu_offload,
            gradient_accumulation_steps, mixed_precision, logging_dir, log_with, log_prefix, log_tracker_name,
            wandb_run_name, log_tracker_config, wandb_api_key, log_config, ddp_timeout,
            ddp_gradient_as_bucket_view, ddp_static_graph, sample_every_n_steps, sample_at_first,
            sample_every_n_epochs, sample_prompts, optimizer_type, optimizer_args, learning_rate, max_grad_norm,
            lr_scheduler, lr_warmup_steps, lr_decay_steps, lr_scheduler_num_cycles, lr_scheduler_power,
            lr_scheduler_timescale, lr_scheduler_min_lr_ratio, lr_scheduler_type, lr_scheduler_args, fp8_base,
            fp8_scaled, blocks_to_swap, use_pinned_memory_for_block_swap, img_in_txt_in_offloading,
            disable_numpy_memmap, guidance_scale, timestep_sampling, discrete_flow_shift, sigmoid_scale,
            weighting_scheme, logit_mean, logit_std, mode_scale, min_timestep, max_timestep,
            preserve_distribution_shape, num_timestep_buckets, show_timesteps, no_metadata, network_weights,
            network_module, network_dim, network_alpha, network_dropout, network_args, training_comment,
            dim_from_weights, scale_weight_norms, base_weights, base_weights_multiplier, output_dir,
            output_name, resume, save_every_n_epochs, save_every_n_steps, save_last_n_epochs,
            save_last_n_epochs_state, save_last_n_steps, save_last_n_steps_state, save_state,
            save_state_on_train_end, save_precision, metadata_title, metadata_author, metadata_description,
            metadata_license, metadata_tags, metadata_reso, metadata_arch, huggingface_repo_id,
            huggingface_repo_type, huggingface_path_in_repo, huggingface_token, huggingface_repo_visibility,
            save_state_to_huggingface, resume_from_huggingface, async_upload, dit, vae, vae_dtype, dit_dtype,
            text_encoder, text_encoder1, text_encoder2, text_encoder_dtype, vae_tiling, vae_chunk_size,
            model_version, task, edit, edit_plus, "*"]
        set:
          # A folder for each attempt: the numbers of a resumed one begin at 1 again, and would overwrite the first ones.
          output_dir: "{out}/model"
          output_name: "{name}"
          logging_dir: "{out}/logs"
          # Without a key W&B asks at a keyboard.
          log_with: tensorboard
          seed: "{seed}"
          # What a resume goes on from: states at the end of an epoch.
          save_state: true
          save_every_n_epochs?: 1
          save_last_n_epochs_state?: 2
        metrics:
          - { tfevents: "{out}/logs", step: { base: attempt }, map: { loss/average: loss } }
        checkpoints:
          - glob: "{out}/model/{name}-[0-9][0-9][0-9][0-9][0-9][0-9].safetensors"
            epoch: { name: "-([0-9]{6})[.]safetensors$", base: attempt }
            step: { header: ss_steps, base: attempt }
            complete: self
          - glob: "{out}/model/{name}-step*.safetensors"
            step: { name: "-step([0-9]+)", base: attempt }
            epoch: { header: ss_epoch, base: attempt }
            complete: self
          - glob: "{out}/model/{name}.safetensors"
            step: { header: ss_steps, base: attempt }
            epoch: { header: ss_epoch, base: attempt }
            complete: self
          - glob: "{out}/model/{name}-[0-9][0-9][0-9][0-9][0-9][0-9]-state"
            kind: state
            epoch: { name: "-([0-9]{6})-state$", base: attempt }
            # A state does not say its step; the adapter that was saved with it does.
            step: { header: ss_steps, beside: ["-state", ".safetensors"], base: attempt }
            complete: random_states_0.pkl
        # A model of videos writes MP4, one of pictures PNG.
        samples: [ { glob: "{out}/model/sample/*.png" }, { glob: "{out}/model/sample/*.mp4" } ]
        # A signal ends the program at once, and all since the last state is lost: wait for the next one.
        stop: { signal: TERM, grace: 30s, wait: 10m }
        done: { file: "{out}/model/{name}.safetensors", epoch: max_train_epochs }

        """#,
        "onetrainer": #"""
        # Nerogar/OneTrainer: scripts/train.py with the JSON that its window saves
        #   trainer: { profile: onetrainer, config: my-lora.json, values: { script: /opt/OneTrainer/scripts/train.py } }
        # The file is one that works. Parameters are keys of it: learning_rate, lora_rank, optimizer.weight_decay, …
        # Paths in it, those of the concepts too, are absolute, or set absolutely: the program runs in a folder of its own.
        values: { python: python3 }
        command: ["{python}", "{script}", "--config-path={config}"]
        # It goes on from the last backup by name: one is put there, no more.
        restore: "{out}/work/backup"
        env: { PYTHONUNBUFFERED: "1" }
        config: { to: "{out}/config.json" }
        set:
          workspace_dir: "{out}/work"
          # It empties this folder when it starts: two runs with one folder would destroy each other's cache.
          cache_dir: "{out}/cache"
          # A server on port 6006 for every run; the files are written all the same.
          tensorboard: false
          # The pictures are in its folder; each would be there twice.
          samples_to_tensorboard: false
          output_model_destination: "{out}/{name}.safetensors"
          output_model_format: SAFETENSORS
          seed: "{seed}"
          continue_last_backup: true
          backup_before_save: true
          # "Could not save backup. Check your disk space!" is all that it says of one that failed.
          backup_after?: 1
          backup_after_unit?: EPOCH
          rolling_backup?: true
          rolling_backup_count?: 2
        metrics:
          # Its steps are batches, before they are gathered to one update.
          - { tfevents: "{out}/work/tensorboard", map: { loss/train_step: loss } }
        checkpoints:
          - glob: "{out}/work/save/*-save-*.safetensors"
            step: "-save-([0-9]+)-"
            epoch: "-save-[0-9]+-([0-9]+)-"
            complete: self
          - glob: "{out}/{name}.safetensors"
            complete: self
          - glob: "{out}/work/backup/*-backup-*"
            kind: state
            step: "-backup-([0-9]+)-"
            epoch: "-backup-[0-9]+-([0-9]+)-"
            # Written last of the weights' and the optimizer's.
            complete: meta.json
        samples: [ { glob: "{out}/work/samples/*/*.jpg" }, { glob: "{out}/work/samples/*/*.png" } ]
        # On INT it saves a backup and, as if it were done, the last file, and ends with 0.
        stop: { signal: INT, grace: 10m }
        done: { file: "{out}/{name}.safetensors", epoch: epochs }

        """#,
        "program": #"""
        # Any program that takes a job file, an output folder and, when it goes on, a state:
        #   PROGRAM JOB.json OUT [STATE]
        # JOB.json is a sweep file of one job: the parameters stand in groups[0].list[0], the seed in seeds[0].
        # The sweep sets the parameter `program` to an absolute path that exists on every worker.
        command: ["{program}", "{job}", "{out}"]
        resume: ["{checkpoint}"]
        metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
        checkpoints:
          - { glob: "{out}/adapter-*", step: "adapter-([0-9]+)", kind: adapter }
          - { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state }
        samples: [ { glob: "{out}/samples/*.png" } ]
        stop: { signal: TERM, grace: 30s }

        """#,
        "reference": #"""
        # Radiata's own trainer in Python (clients/python: pip install radiata-trainer): PyTorch, diffusers, PEFT and LyCORIS,
        # with the names of the built-in trainer's parameters, on CPUs and GPUs.
        #   trainer: { profile: reference, values: { python: /opt/radiata-trainer/bin/python } }
        # with base: and data: as for the built-in trainer.
        values: { python: python3, device: auto }
        command: ["{python}", -m, radiata_trainer, "{job}", "--out={out}", "--device={device}", "--threads={threads}"]
        resume: ["--resume={checkpoint}"]
        env: { PYTHONUNBUFFERED: "1" }
        metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
        checkpoints:
          # Each is made under another name and renamed.
          - glob: "{out}/adapters/step-*.safetensors"
            step: "^step-([0-9]+)"
            epoch: { header: radiata_epoch }
            complete: self
          - glob: "{out}/final.safetensors"
            step: { header: radiata_step }
            epoch: { header: radiata_epoch }
            complete: self
          - glob: "{out}/states/step-*"
            kind: state
            step: "^step-([0-9]+)$"
            epoch: { json: state.json, key: epoch }
            complete: state.json
        samples: [ { glob: "{out}/samples/*.png" } ]
        # It saves its state and ends with 75.
        stop: { signal: TERM, grace: 2m }
        done: { file: "{out}/final.safetensors" }

        """#,
        "simpletuner": #"""
        # bghira/SimpleTuner: simpletuner train with a config.json
        #   trainer: { profile: simpletuner, config: config/config.json }
        # The file is one that works, its keys without dashes. Parameters are keys of it: learning_rate, lora_rank, …
        # Paths in it (data_backend_config, lycoris_config) are absolute, or set absolutely: the program runs in a folder of its
        # own, where it finds the copy as config/config.json.
        values: { simpletuner: simpletuner }
        command: ["{simpletuner}", train]
        # By name: 'latest' would also take a folder that was cut short.
        resume: ["--resume_from_checkpoint=checkpoint-{checkpoint_step}"]
        restore: "{out}/model"
        env: { PYTHONUNBUFFERED: "1", CONFIG_BACKEND: json }
        config: { to: "{out}/config/config.json" }
        set:
          output_dir: "{out}/model"
          seed: "{seed}"
          # Its own log; W&B would ask for a key.
          report_to: simpletuner
          push_to_hub: false
          checkpoint_step_interval?: 250
        metrics:
          - { jsonl: "{out}/model/training_metrics.jsonl", under: metrics, map: { train_loss: loss } }
        checkpoints:
          - glob: "{out}/model/checkpoint-*[0-9]/pytorch_lora_weights.safetensors"
            step: "checkpoint-([0-9]+)/"
            complete: self
          - glob: "{out}/model/pytorch_lora_weights.safetensors"
            complete: self
          - glob: "{out}/model/checkpoint-*[0-9]"
            kind: state
            step: "^checkpoint-([0-9]+)$"
            # Written last, by a rename.
            complete: .guard
        # A model of videos writes MP4, one of pictures PNG.
        samples: [ { glob: "{out}/model/validation_images/*.png" }, { glob: "{out}/model/validation_images/*.mp4" } ]
        # INT ends it with 130, and all since the last checkpoint is lost: wait for the next one.
        stop: { signal: INT, grace: 60s, wait: 10m, exits: [130] }
        done: { file: "{out}/model/pytorch_lora_weights.safetensors", step: max_train_steps }

        """#,
    ]
}
