import ConfigText
import RunSpec
import SweepModel

/// Sums that a trainer would take as they are: steps of a training against what is to happen in them, what a
/// resume goes on from, where the outputs of all jobs lie.
extension SweepLint {
    /// Names of the same thing, of the core and of trainers' files.
    private static let names: [Quantity: [String]] = [
        .batch: ["train_batch_size", "batch_size", "batch"],
        .accumulation: ["gradient_accumulation_steps", "grad_accumulation"],
        .epochs: ["max_train_epochs", "epochs"], .steps: ["max_train_steps"],
        .warmup: ["lr_warmup_steps", "warmup_steps"], .saveSteps: ["save_every_n_steps"],
        .saveEpochs: ["save_every_n_epochs"], .sampleSteps: ["sample_every_n_steps"],
        .sampleEpochs: ["sample_every_n_epochs"],
    ]
    private enum Quantity {
        case batch, accumulation, epochs, steps, warmup, saveSteps, saveEpochs, sampleSteps, sampleEpochs
    }

    /// Most configurations that are added up: findings repeat.
    private static let most = 500

    /// - Parameters:
    ///   - document: the trainer's configuration file; nil where there is none.
    ///   - source: its name in messages.
    mutating func lookAtSteps(_ document: ConfigDocument?, _ source: String) {
        let samples = samplesOfAnEpoch(document)
        let lint = self
        for configuration in sweep.plan.configurations.prefix(Self.most) {
            func number(_ quantity: Quantity) -> (name: String, value: Double)? {
                for name in Self.names[quantity] ?? [] {
                    if let value = lint.effective(name, configuration, document)?.number { return (name, value) }
                }
                return nil
            }
            addUp(number, samples: samples, source)
        }
    }

    private mutating func addUp(
        _ number: (Quantity) -> (name: String, value: Double)?, samples: Int?, _ source: String
    ) {
        let batch = number(.batch)
        let epochs = number(.epochs)
        var steps = number(.steps).map(\.value)
        if let samples, let batch, Double(samples) < batch.value {
            add(
                "\(batch.name) is \(Int(batch.value)), and an epoch has \(samples) samples (pictures times repeats): no "
                    + "batch is ever full")
        }
        if let epochs {
            if let given = number(.steps) {
                add("\(source): \(given.name) is passed over where \(epochs.name) is set (\(Int(epochs.value)))")
            }
            steps = samples.map { samples in
                let batches = (Double(samples) / max(1, batch?.value ?? 1)).rounded(.up)
                return (batches / max(1, number(.accumulation)?.value ?? 1)).rounded(.up) * epochs.value
            }
            for (quantity, what) in [(Quantity.saveEpochs, "checkpoint"), (.sampleEpochs, "sample")] {
                if let every = number(quantity), every.value > epochs.value {
                    add(
                        "\(every.name) is \(Int(every.value)) of \(Int(epochs.value)) epochs: no \(what) before the end"
                    )
                }
            }
        }
        guard let steps, steps > 0 else { return }
        let sum = samples.map { "\(Int(steps)) steps (\($0) samples an epoch)" } ?? "\(Int(steps)) steps"
        // A share of all steps where it is below 1.
        if let warmup = number(.warmup), warmup.value >= steps, warmup.value >= 1 {
            add("\(warmup.name) is \(Int(warmup.value)) of \(sum): the rate never reaches its value")
        }
        for (quantity, what) in [(Quantity.saveSteps, "checkpoint"), (.sampleSteps, "sample")] {
            if let every = number(quantity), every.value > steps {
                add("\(every.name) is \(Int(every.value)) of \(sum): no \(what) before the end")
            }
        }
        let plan = sweep.definition.checkpoints?.steps ?? []
        if let late = plan.filter({ Double($0) > steps }).min() {
            add("checkpoints.steps has \(late), and the training \(sum): it is never written")
        }
    }

    /// What a job has there in the end: a parameter, a setting of the sweep, the core's default, or what the
    /// file says.
    private func effective(
        _ name: String, _ configuration: PlannedConfiguration, _ document: ConfigDocument?
    ) -> ParameterValue? {
        if let own = configuration.parameters[name] { return own }
        if let set = sweep.definition.trainer.command?.config?.set.last(where: { $0.path == name && !$0.isDefault }) {
            return set.value
        }
        return ConfigPath(name).flatMap { document?.value(at: $0) }
    }

    /// Pictures times repeats, by the folders in kohya's layout that the sweep or the file names.
    private func samplesOfAnEpoch(_ document: ConfigDocument?) -> Int? {
        let own = ConfigPath("train_data_dir").flatMap { document?.value(at: $0)?.text }
        guard let folder = sweep.definition.data?.path ?? own, folder.hasPrefix("/") else { return nil }
        let endings = [".png", ".jpg", ".jpeg", ".webp", ".bmp"]
        var count = 0
        for name in names(folder) {
            guard let repeats = name.split(separator: "_", maxSplits: 1).first.flatMap({ Int($0) }), name.contains("_")
            else { continue }
            count +=
                repeats
                * names("\(folder)/\(name)").count { file in
                    endings.contains { file.lowercased().hasSuffix($0) }
                }
        }
        return count > 0 ? count : nil
    }

    // MARK: States and outputs

    /// A trainer that would be resumed from what it does not write.
    mutating func lookAtStates(
        _ document: ConfigDocument, _ source: CommandTrainer.ConfigRule.Source, _ trainer: CommandTrainer
    ) {
        guard !trainer.resume.isEmpty, let first = sweep.plan.configurations.first else { return }
        guard let state = effective("save_state", first, document) ?? fallbackSetting("save_state", trainer) else {
            return
        }
        if state == .flag(false) {
            add(
                "\(source.from): save_state is false, so there is nothing to resume from: a job that is lost begins again"
            )
        }
    }

    private func fallbackSetting(_ path: String, _ trainer: CommandTrainer) -> ParameterValue? {
        trainer.config?.set.last { $0.path == path }?.value
    }

    /// Keys of files that say where a training writes.
    private static let outputs = [
        "output_dir", "training_folder", "workspace_dir", "output_model_destination", "cache_dir", "logging_dir",
    ]

    /// One place for the files of all jobs.
    mutating func lookAtPlaces(
        _ document: ConfigDocument, _ source: CommandTrainer.ConfigRule.Source, _ trainer: CommandTrainer
    ) {
        guard sweep.plan.jobs.count > 1 else { return }
        let set = Set((trainer.config?.set ?? []).map(\.path))
        for (path, text) in document.texts where !set.contains(path) && text.hasPrefix("/") {
            let key = path.split(separator: ".").last.map(String.init) ?? path
            guard Self.outputs.contains(key), !sweep.definition.examples.contains(where: { $0.name == path }) else {
                continue
            }
            add(
                "\(source.from): \(path) is \(text) for all jobs, which overwrite each other's files there; "
                    + "set: { \(path): \"{out}\" }")
        }
    }
}
