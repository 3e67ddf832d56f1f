/// Command profiles that come with the program: the files of `worker/profiles`, which a test holds against
/// these copies.
package enum EmbeddedProfiles {
    /// Text by the name that `trainer:` gives.
    package static let all: [String: String] = [
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
    ]
}
