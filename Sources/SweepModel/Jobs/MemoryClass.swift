import Ports
import RunSpec

extension ResolvedJob {
    /// Parameters that decide nothing of how much memory a GPU needs, by the last part of their name.
    private static let light: Set<String> = [
        "lr", "learning_rate", "unet_lr", "text_encoder_lr", "weight_decay", "betas", "epochs", "max_train_epochs",
        "max_train_steps", "steps", "warmup_steps", "lr_warmup_steps", "schedule", "lr_scheduler", "alpha",
        "network_alpha", "conv_alpha", "dropout", "network_dropout", "rank_dropout", "module_dropout", "seed",
        "noise_offset", "min_snr_gamma", "max_grad_norm", "caption_dropout", "prior_loss_weight",
    ]

    /// What jobs have in common that need about the same memory of a GPU: trainer, base, and the parameters
    /// that count. nil for jobs that use none.
    package var memoryClass: String? {
        guard let trainer = trainer.command, requirements.leavesGPUs != true, kind != .evaluate else { return nil }
        let heavy = parameters.filter { name, _ in
            !Self.light.contains(name.split(separator: ".").last.map(String.init) ?? name)
        }
        let content: ParameterValue = [
            "trainer": .text(TrainerSpec.command(trainer).commandIdentity), "kind": .text(kind.rawValue),
            "base": base.map { .text($0.digest.text) } ?? .null, "parameters": .map(heavy),
            "config": .list((trainer.config?.sources ?? []).map { .text(ContentDigest.of($0.content).text) }),
        ]
        // Numbers of a job are finite, or it had no id.
        return (try? CanonicalJSON.text(content)).map { ContentDigest.of($0).text }
    }
}
