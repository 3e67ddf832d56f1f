/// An external training program and how to read what it does. Every text may hold `{name}`
/// (`CommandTemplate`).
package struct CommandTrainer: Codable, Equatable, Sendable {
    /// The profile's name; nil for a trainer written into the sweep file.
    package var name: String?
    /// Program and arguments.
    package var command: [CommandArgument]
    /// Appended when a training state exists; `{checkpoint}` is its restored file or folder.
    package var resume: [CommandArgument]
    package var files: [TemplateFile]
    package var env: [String: String]
    package var metrics: [MetricSource]
    package var checkpoints: [CheckpointRule]
    package var samples: [SampleRule]
    package var stop: StopRule
    /// A second command per checkpoint, which prints its metrics as JSON.
    package var evaluate: [String]?
    /// The configuration file that the program reads, and what is set in it.
    package var config: ConfigRule?
    /// Texts for names in the rest that are no parameters: where a program lies on the workers.
    package var values: [String: String]?
    /// What a finished job leaves behind, besides its exit code.
    package var done: DoneRule?
    /// Removed before a resumed attempt starts: what an interrupted save left half done.
    package var clean: [String]?
    /// The folder into which a training state is restored; nil for one of the worker's choice.
    package var restore: String?
    /// Numbers of the configuration file that a resumed attempt gets less what is done already.
    package var remainder: [Remainder]?
    /// What must be made before a job starts.
    package var prepare: [PrepareRule]?

    package init(
        name: String? = nil, command: [CommandArgument], resume: [CommandArgument] = [], files: [TemplateFile] = [],
        env: [String: String] = [:], metrics: [MetricSource] = [], checkpoints: [CheckpointRule] = [],
        samples: [SampleRule] = [], stop: StopRule = StopRule(), evaluate: [String]? = nil,
        config: ConfigRule? = nil, values: [String: String]? = nil, done: DoneRule? = nil, clean: [String]? = nil,
        restore: String? = nil, remainder: [Remainder]? = nil, prepare: [PrepareRule]? = nil
    ) {
        self.name = name
        self.command = command
        self.resume = resume
        self.files = files
        self.env = env
        self.metrics = metrics
        self.checkpoints = checkpoints
        self.samples = samples
        self.stop = stop
        self.evaluate = evaluate
        self.config = config
        self.values = values
        self.done = done
        self.clean = clean
        self.restore = restore
        self.remainder = remainder
        self.prepare = prepare
    }
}

extension CommandTrainer {
    /// A file written before the start.
    package struct TemplateFile: Codable, Equatable, Sendable {
        /// The template's path as the sweep file has it; empty where its text stands there.
        package var from: String
        package var to: String
        /// The template's text, unrendered.
        package var content: String
        /// Only in attempts that go on from a training state.
        package var isForResume: Bool?

        package init(from: String, to: String, content: String, isForResume: Bool? = nil) {
            self.from = from
            self.to = to
            self.content = content
            self.isForResume = isForResume
        }
    }

    /// Where metrics come from. docs/reference/sweep-file.md says what each kind reads.
    package struct MetricSource: Codable, Equatable, Sendable {
        package enum Kind: String, Codable, CaseIterable, Sendable { case jsonl, csv, tfevents, sqlite, wandb, stdout }

        /// What is added to the steps that the trainer counts.
        package enum Base: String, Codable, CaseIterable, Sendable {
            /// The step of the training state that the attempt went on from.
            case attempt
        }

        package var kind: Kind
        /// A file, or a folder of files; empty for what is printed.
        package var path: String
        /// Key, column or group of the step; nil for the kind's usual one.
        package var step: String?
        package var base: Base?
        /// New names by the trainer's; an empty one leaves the metric out.
        package var map: [String: String]?
        /// Tags whose own axis is the epoch; nil for those that look like it.
        package var epochs: [String]?
        /// A regular expression with named groups, for what is printed.
        package var pattern: String?
        /// The table of a SQLite file.
        package var table: String?
        /// The object in a line of JSON that holds the numbers; nil for the line itself.
        package var under: String?

        package init(kind: Kind, path: String, step: String? = nil, pattern: String? = nil) {
            self.kind = kind
            self.path = path
            self.step = step
            self.pattern = pattern
        }

        /// Whether it gives this metric with the epoch as its step.
        package func givesEpochs(of metric: String) -> Bool {
            guard kind == .tfevents, metric.hasSuffix(EpochTag.suffix) else { return false }
            let name = String(metric.dropLast(EpochTag.suffix.count))
            let tags = (map ?? [:]).filter { $0.value == name }.map(\.key) + (map?[name] == nil ? [name] : [])
            return tags.contains { EpochTag.isOne($0, named: epochs) }
        }
    }

    /// Which tags of event files have the epoch as their axis.
    package enum EpochTag {
        /// What stands behind a metric's name where its step is the epoch.
        package static let suffix = "/epoch"

        /// - Parameter named: those that the source names; nil for what looks like it: kohya's and
        ///   diffusion-pipe's `loss/epoch_average`, `train/epoch_loss`, …, and musubi-tuner's.
        package static func isOne(_ tag: String, named: [String]?) -> Bool {
            named?.contains(tag)
                ?? (tag == "loss/epoch" || tag.split(separator: "/").last?.hasPrefix("epoch_") == true)
        }

        /// Whether a key says the same as another of these keys, which is told apart by nothing but its axis:
        /// `TAG/epoch` beside `TAG`. A tag that ends so by itself has a `TAG/epoch/epoch`, and is none.
        package static func isTwin(_ key: String, among keys: Set<String>) -> Bool {
            key.hasSuffix(suffix) && keys.contains(String(key.dropLast(suffix.count))) && !keys.contains(key + suffix)
        }
    }

    /// Which files or folders are checkpoints.
    package struct CheckpointRule: Codable, Equatable, Sendable {
        package enum Kind: String, Codable, CaseIterable, Sendable { case adapter, state }

        package var glob: String
        /// A regular expression whose first group, in the matched path's last component, is the step; nil:
        /// none has a number.
        package var step: String?
        /// The same for the epoch; nil: no epoch is known.
        package var epoch: String?
        /// Where the step stands inside the match, if its name does not tell.
        package var stepField: NumberField?
        package var epochField: NumberField?
        /// The step in the name counts from the beginning of its attempt.
        package var isStepOfAttempt: Bool?
        /// The epoch in the name does.
        package var isEpochOfAttempt: Bool?
        /// Files beside the match that belong to it, and that later matches share: they count for the newest
        /// match alone.
        package var with: [String]?
        package var kind: Kind
        /// A file that says that a match is whole: in a matched folder, beside a matched file. Not part of a
        /// job's identity.
        package var complete: String?
        /// Seconds for which a match must lie still to count as whole while its trainer runs; nil for
        /// ``usualQuiet``. Not part of a job's identity.
        package var quiet: Double?

        package static let usualQuiet = 30.0
        /// Instead of a marker: the file says itself how long it is (safetensors, torch's archives).
        package static let tellsItself = "self"
        /// Instead of a marker: whole when a later step than its own was logged, or its epoch was.
        package static let isPassed = "passed"

        package init(
            glob: String, step: String?, epoch: String? = nil, stepField: NumberField? = nil,
            epochField: NumberField? = nil, isStepOfAttempt: Bool? = nil, kind: Kind, complete: String? = nil,
            quiet: Double? = nil
        ) {
            self.glob = glob
            self.step = step
            self.epoch = epoch
            self.stepField = stepField
            self.epochField = epochField
            self.isStepOfAttempt = isStepOfAttempt
            self.kind = kind
            self.complete = complete
            self.quiet = quiet
        }
    }

    package struct SampleRule: Codable, Equatable, Sendable {
        package var glob: String

        package init(glob: String) { self.glob = glob }
    }

    /// How to end the program politely. Files and flags come before the signal, which then only follows where
    /// they did nothing.
    package struct StopRule: Codable, Equatable, Sendable {
        package enum Signal: String, Codable, CaseIterable, Sendable {
            case term = "TERM"
            case int = "INT"
            case hup = "HUP"
            case usr1 = "USR1"
            case usr2 = "USR2"

            /// The signal's number on Linux.
            package var number: Int32 {
                switch self {
                case .hup: 1
                case .int: 2
                case .usr1: 10
                case .usr2: 12
                case .term: 15
                }
            }
        }

        package var signal: Signal
        /// Seconds from the signal until the program is killed.
        package var graceSeconds: Double
        /// Seconds for which the signal is put off until a training state is complete: for programs that save
        /// nothing when they are signalled. nil: it is sent at once.
        package var waitSeconds: Double?
        /// A file that is made to ask for the stop. Its folder may be a pattern: the newest match counts.
        package var file: String?
        /// A database in which the program looks whether it shall stop.
        package var sqlite: DatabaseFlag?
        /// Exit codes that mean after a stop was asked for that it stopped.
        package var exits: [Int]?

        package init(
            signal: Signal = .term, graceSeconds: Double = 30, waitSeconds: Double? = nil, file: String? = nil,
            sqlite: DatabaseFlag? = nil, exits: [Int]? = nil
        ) {
            self.signal = signal
            self.graceSeconds = graceSeconds
            self.waitSeconds = waitSeconds
            self.file = file
            self.sqlite = sqlite
            self.exits = exits
        }
    }

    /// Statements in a SQLite file that a program polls.
    package struct DatabaseFlag: Codable, Equatable, Sendable {
        package var file: String
        /// Makes the tables, before the program starts.
        package var create: String
        /// Asks for a training state; nil where the program has no such flag.
        package var save: String?
        package var stop: String

        package init(file: String, create: String, save: String? = nil, stop: String) {
            self.file = file
            self.create = create
            self.save = save
            self.stop = stop
        }
    }
}
