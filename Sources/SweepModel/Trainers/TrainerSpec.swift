/// Who trains: the built-in core, or a program.
package enum TrainerSpec: Equatable, Sendable {
    case core
    case command(CommandTrainer)

    package var isCore: Bool { self == .core }

    package var command: CommandTrainer? {
        if case .command(let trainer) = self { return trainer }
        return nil
    }

    /// What tables show.
    package var name: String {
        switch self {
        case .core: "core"
        case .command(let trainer): trainer.name ?? "command"
        }
    }

    /// The command the worker runs. The core is a built-in profile of the same interface; `{radiata}` is the
    /// worker's own program, the job's file says the rest (`TrainerTask`). Its checkpoints are folders with a
    /// manifest (`AttemptFolder`), so it needs no rules.
    package var program: CommandTrainer {
        switch self {
        case .core:
            CommandTrainer(
                name: "core", command: ["{radiata}", "trainer", "{job}", "--threads", "{threads}"],
                metrics: [CommandTrainer.MetricSource(kind: .jsonl, path: "{out}/metrics.jsonl")])
        case .command(let trainer): trainer
        }
    }
}

extension TrainerSpec: Codable {
    /// `"core"`, or the command trainer's map.
    package init(from decoder: any Decoder) throws {
        if let container = try? decoder.singleValueContainer(), let name = try? container.decode(String.self) {
            guard name == "core" else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "trainer '\(name)' is not resolved; wanted 'core' or a command")
            }
            self = .core
        } else {
            self = .command(try CommandTrainer(from: decoder))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .core:
            var container = encoder.singleValueContainer()
            try container.encode("core")
        case .command(let trainer): try trainer.encode(to: encoder)
        }
    }
}
