extension ParameterTable {
    /// How the adapter is trained: rate, optimiser, data, loss.
    package static let trainingParameters: [ParameterDefinition] = [
        ParameterDefinition(
            "lr", .number, default: .value(1e-4), foreign: ["learning_rate", "unet_lr", "rate"], range: .above(0),
            "learning rate of the U-Net"),
        ParameterDefinition(
            "text_encoder_lr", .number, default: .sameAs("lr"), foreign: ["te_lr", "text_encoder_learning_rate"],
            range: .atLeast(0), "learning rate of the text encoder; 0 freezes it"),
        ParameterDefinition(
            "epochs", .integer, default: .value(10), foreign: ["max_train_epochs", "num_train_epochs"],
            range: .atLeast(1),
            "passes over the data"),
        ParameterDefinition(
            "batch", .integer, default: .value(1), foreign: ["batch_size", "train_batch_size"], range: .atLeast(1),
            "images per step"),
        ParameterDefinition(
            "grad_accumulation", .integer, default: .value(1), foreign: ["gradient_accumulation_steps"],
            range: .atLeast(1),
            "batches per optimiser step"),
        ParameterDefinition(
            "resolution", .resolution, range: .from(8, through: 8192),
            "side of the training images, or [width, height], in pixels; absent: what the base was trained on"),
        ParameterDefinition(
            "optimizer", .choice(["adamw"]), default: .value("adamw"), foreign: ["optimizer_type", "optimiser"],
            "optimiser"),
        ParameterDefinition(
            "weight_decay", .number, default: .value(0.01), range: .atLeast(0), "decoupled weight decay"),
        ParameterDefinition(
            "betas", .list(count: 2), default: .value([0.9, 0.999]), foreign: ["adam_betas"], range: .from(0, below: 1),
            "AdamW's decay rates"),
        ParameterDefinition(
            "epsilon", .number, default: .value(1e-8), foreign: ["eps", "adam_epsilon"], range: .above(0),
            "AdamW's epsilon"),
        ParameterDefinition(
            "warmup_steps", .integer, default: .value(0), foreign: ["lr_warmup_steps", "warmup"], range: .atLeast(0),
            "steps over which the rate rises from 0"),
        ParameterDefinition(
            "schedule", .choice(Schedule.allCases.map(\.rawValue)), default: .value("constant"),
            aliases: ["constant_with_warmup": "constant", "cosine_with_restarts": "cosine-restarts"],
            foreign: ["lr_scheduler", "scheduler"], "course of the learning rate after the warm-up"),
        ParameterDefinition(
            "lr_cycles", .integer, default: .value(1), foreign: ["lr_scheduler_num_cycles"], range: .atLeast(1),
            "restarts of the schedule cosine-restarts"),
        ParameterDefinition(
            "max_grad_norm", .number, default: .value(1), range: .atLeast(0), "gradient clipping; 0 for none"),
        ParameterDefinition(
            "caption_dropout", .number, default: .value(0), foreign: ["caption_dropout_rate"],
            range: .from(0, through: 1),
            "share of captions replaced by the empty one"),
        ParameterDefinition(
            "condition_dropout", .number, foreign: ["conditioning_dropout_prob"], range: .from(0, through: 0.33),
            "of pairs: share of steps without the instruction, as many without the source, as many without both; "
                + "absent: 0.05"),
        ParameterDefinition(
            "min_snr_gamma", .number, default: .value(0), foreign: ["snr_gamma"], range: .atLeast(0),
            "min-SNR loss weighting; 0 for none"),
        ParameterDefinition(
            "prior_loss_weight", .number, default: .value(1), range: .atLeast(0), "weight of regularisation images"),
        ParameterDefinition(
            "noise_offset", .number, default: .value(0), range: .atLeast(0), "per-channel offset of the noise"),
        ParameterDefinition(
            "clip_skip", .integer, default: .value(1), range: .from(1, through: 12), "1: the text encoder's last layer"),
        ParameterDefinition(
            "prediction_type", .choice(["epsilon", "v_prediction"]), aliases: ["v": "v_prediction"],
            "what the U-Net predicts; absent: what the base says"),
        ParameterDefinition(
            "zero_terminal_snr", .flag, default: .value(false), "rescale the noise schedule to end in pure noise"),
        ParameterDefinition(
            "timestep_sampling", .choice(["logit-normal", "uniform"]),
            aliases: ["logit_normal": "logit-normal", "sigmoid": "logit-normal"],
            "how a flow's noise levels are drawn, before the shift; absent: logit-normal"),
        ParameterDefinition("logit_mean", .number, "mean of the logit-normal levels of a flow; absent: 0"),
        ParameterDefinition(
            "logit_std", .number, range: .above(0), "deviation of the logit-normal levels of a flow; absent: 1"),
        ParameterDefinition(
            "flow_shift", .number, foreign: ["discrete_flow_shift"], range: .above(0),
            "shift of a flow's levels towards noise, for pictures of every size; absent: what the base says"),
        ParameterDefinition(
            "flow_weighting", .choice(["none", "sigma_sqrt", "cosmap"]), foreign: ["weighting_scheme"],
            "loss weight of a flow's levels; absent: none"),
        ParameterDefinition("flip", .flag, default: .value(false), foreign: ["flip_aug"], "mirror images at random"),
        ParameterDefinition(
            "buckets", .flag, default: .value(false), foreign: ["enable_bucket"], "batches by aspect ratio"),
        ParameterDefinition(
            "max_token_length", .integer, default: .value(75), range: .from(75, through: 225), "tokens of a caption"),
        ParameterDefinition(
            "checkpointing", .flag, default: .value(false), foreign: ["gradient_checkpointing"],
            "recompute activations to save memory"),
        ParameterDefinition(
            "precision", .choice(["f32", "bf16"]), foreign: ["mixed_precision"],
            "what a training step rounds the operands of its products to; absent: f32"),
        ParameterDefinition(
            "seed", .integer, default: .value(0), range: .atLeast(0), "seed of one job; 'seeds' names several"),
    ]
}
