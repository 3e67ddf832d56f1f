package import ConfigText
package import RunSpec
import SweepModel

/// A configuration file of a trainer that people bring along: whose it is, told by its content.
package struct TrainerConfig: Sendable {
    package enum Trainer: String, CaseIterable, Sendable {
        case kohya
        case musubi
        case aiToolkit = "ai-toolkit"
        case oneTrainer = "onetrainer"
        case simpleTuner = "simpletuner"
        case diffusionPipe = "diffusion-pipe"

        /// What people call it.
        package var title: String {
            switch self {
            case .kohya: "kohya sd-scripts"
            case .musubi: "musubi-tuner"
            case .aiToolkit: "ai-toolkit"
            case .oneTrainer: "OneTrainer"
            case .simpleTuner: "SimpleTuner"
            case .diffusionPipe: "diffusion-pipe"
            }
        }

        /// Its values that runs are usually compared over.
        fileprivate func axes(_ document: ConfigDocument) -> [String] {
            switch self {
            case .kohya:
                [
                    "unet_lr", "learning_rate", "network_dim", "network_alpha", "network_args.conv_dim",
                    "network_args.factor",
                    "optimizer_type", "max_train_epochs", "train_batch_size",
                ]
            case .musubi:
                [
                    "learning_rate", "network_dim", "network_alpha", "network_args.factor", "discrete_flow_shift",
                    "optimizer_type", "max_train_epochs",
                ]
            case .simpleTuner:
                ["learning_rate", "lora_rank", "lora_alpha", "optimizer", "max_train_steps", "train_batch_size"]
            case .diffusionPipe:
                ["optimizer.lr", "adapter.rank", "optimizer.type", "epochs", "micro_batch_size_per_gpu"]
            case .aiToolkit:
                [
                    "train.lr", "network.linear", "network.linear_alpha", "network.lokr_factor", "train.optimizer",
                    "train.steps", "train.batch_size",
                ].map { "config.process[0].\($0)" }
            case .oneTrainer:
                ["learning_rate", "lora_rank", "lora_alpha", "lokr_decompose_factor", "epochs", "batch_size"]
            }
        }

        fileprivate var seed: String {
            switch self {
            case .kohya, .musubi, .oneTrainer, .simpleTuner, .diffusionPipe: "seed"
            case .aiToolkit: "config.process[0].training_seed"
            }
        }

        fileprivate var isFlat: Bool { self == .kohya || self == .musubi }
        fileprivate var pairs: Set<String> {
            isFlat ? ["network_args", "optimizer_args", "lr_scheduler_args"] : []
        }

        /// Programs that the profile needs on the workers, with where they usually lie.
        var places: [(name: String, text: String)] {
            switch self {
            case .kohya: [("script", "/opt/sd-scripts/train_network.py")]
            case .musubi: [("script", "/opt/musubi-tuner/src/musubi_tuner/wan_train_network.py")]
            case .aiToolkit: [("script", "/opt/ai-toolkit/run.py")]
            case .oneTrainer: [("script", "/opt/OneTrainer/scripts/train.py")]
            case .diffusionPipe: [("script", "/opt/diffusion-pipe/train.py")]
            case .simpleTuner: []
            }
        }

        /// Programs that are found in the PATH, and how one says otherwise.
        var programs: [(name: String, text: String)] {
            switch self {
            case .kohya: [("accelerate", "/opt/sd-scripts/venv/bin/accelerate")]
            case .musubi: [("accelerate", "/opt/musubi-tuner/.venv/bin/accelerate")]
            case .aiToolkit: [("python", "/opt/ai-toolkit/venv/bin/python")]
            case .oneTrainer: [("python", "/opt/OneTrainer/venv/bin/python")]
            case .diffusionPipe: [("deepspeed", "/opt/diffusion-pipe/venv/bin/deepspeed")]
            case .simpleTuner: [("simpletuner", "/opt/simpletuner/.venv/bin/simpletuner")]
            }
        }
    }

    package let trainer: Trainer
    /// Its absolute path.
    package let path: String
    private let document: ConfigDocument

    /// - Parameter path: absolute; its ending tells the format.
    /// - Throws: `ConfigFault` for a file that cannot be read, or is none of a trainer that is known.
    package init(_ text: String, path: String) throws(ConfigFault) {
        guard let format = ConfigFormat(ofFile: path) else {
            throw ConfigFault("\(path): wanted a .toml, .yaml or .json file of a trainer")
        }
        self.path = path
        let plain = try ConfigDocument(text, format: format)
        guard let trainer = Self.trainer(of: plain) else {
            throw ConfigFault(
                "\(path): this is none of the files that are known: kohya's TOML (pretrained_model_name_or_path, "
                    + "network_module), musubi-tuner's (dit, network_module), diffusion-pipe's (model.type, adapter), "
                    + "ai-toolkit's YAML (job, config.process), OneTrainer's JSON (training_method), SimpleTuner's "
                    + "(model_family, model_type); write the trainer yourself: docs/guide/your-own-trainer.md")
        }
        self.trainer = trainer
        document = try ConfigDocument(text, format: format, isFlat: trainer.isFlat, pairs: trainer.pairs)
    }

    private static func trainer(of document: ConfigDocument) -> Trainer? {
        let root = document.root
        if root["config"]?["process"] != nil, root["job"] != nil { return .aiToolkit }
        if document.format == .json, root["training_method"] != nil { return .oneTrainer }
        if document.format == .json, ["model_family", "--model_family"].contains(where: { root[$0] != nil }) {
            return .simpleTuner
        }
        if document.format == .toml, root["model"]?["type"] != nil, root["adapter"] != nil || root["epochs"] != nil {
            return .diffusionPipe
        }
        guard document.format == .toml, case .table(let entries) = root.content else { return nil }
        let keys = entries.flatMap { entry -> [String] in
            if case .table(let inner) = entry.node.content { return inner.map(\.key) }
            return [entry.key]
        }
        if keys.contains("dit"), keys.contains("network_module") || keys.contains("network_dim") { return .musubi }
        let own: Set<String> = ["pretrained_model_name_or_path", "network_module", "network_dim", "max_train_epochs"]
        return own.intersection(keys).count >= 2 ? .kohya : nil
    }

    /// The seed it trains with; nil where it says none.
    package var seed: Int? {
        guard let path = ConfigPath(trainer.seed), let seed = document.value(at: path)?.integer, seed >= 0 else {
            return nil
        }
        return seed
    }

    /// The whole path of a name: what stands in ai-toolkit's one process may be named from there.
    package func fullName(_ name: String) -> String {
        guard trainer == .aiToolkit, let key = ConfigPath(name)?.firstKey, document.root[key] == nil else {
            return name
        }
        return "config.process[0]." + name
    }

    /// A sweep's name made of the file's.
    package var name: String { Self.name(of: path) }

    package static func name(of path: String) -> String {
        let file = path.split(separator: "/").last.map(String.init) ?? path
        let stem = file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
        let letters = stem.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let name = String(letters).split(separator: "-").joined(separator: "-")
        return name.isEmpty ? "imported" : String(name.prefix(100))
    }

    /// Paths in it that are relative: the program of a job runs in a folder of its own.
    ///
    /// - Parameter exists: whether something lies at an absolute path.
    /// - Returns: the place in the file, and where it leads from the file's folder or from `folder`.
    package func relativePaths(from folder: String, exists: (String) -> Bool) -> [(path: String, absolute: String)] {
        let own = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        return document.texts.compactMap { place, text in
            guard !text.isEmpty, !text.hasPrefix("/"), text.count < 1000, !text.contains("\n"),
                ConfigPath(place) != nil,
                text.contains("/") || text.contains(".")
            else { return nil }
            for root in [own, folder] {
                let parts = text.split(separator: "/").filter { $0 != "." }
                let absolute = root + "/" + parts.joined(separator: "/")
                if exists(absolute) { return (place, absolute) }
            }
            return nil
        }
    }

    /// Axes worth trying, with what the file says now and values around it.
    package var suggestions: [(name: String, now: ParameterValue, values: [ParameterValue])] {
        var isRateThere = false
        return trainer.axes(document).compactMap { name in
            guard let path = ConfigPath(name), let now = document.value(at: path), !now.isNull else { return nil }
            // The general rate says nothing where the parts have their own.
            if name == "learning_rate", isRateThere { return nil }
            if name == "unet_lr" { isRateThere = true }
            // An item of a list of texts is a number all the same.
            let value = now.text.flatMap(Double.init).map { ParameterValue.number($0) } ?? now
            return (name, value, Self.around(value))
        }
    }

    private static func around(_ value: ParameterValue) -> [ParameterValue] {
        let number = value.number ?? value.text.flatMap(Double.init)
        guard let number, number > 0 else { return [value] }
        if number == number.rounded(), number >= 2 {
            return [.number((number / 2).rounded()), .number(number), .number(number * 2)]
        }
        return [.number(Self.rounded(number / 2)), .number(number), .number(Self.rounded(number * 2))]
    }

    /// Without the digits that halving adds: two that matter are enough.
    private static func rounded(_ number: Double) -> Double {
        Double("\(number)".count > 8 ? "\(Float(number))" : "\(number)") ?? number
    }
}
