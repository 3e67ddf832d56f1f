import ArgumentParser
import RunSpec
import SweepClient
import SweepFile
import SweepModel
import SweepWire

struct RerunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun",
        abstract: "Train a job again from the beginning, with other settings.",
        discussion: """
            The new job joins the sweep of its parent, in the group 'rerun', and is a configuration of its own in 'top'. Its id \
            holds what it was made of: giving the same command again makes nothing new.
            """)

    @Argument(help: "A job id (a unique beginning of at least 8 digits).")
    var job: String

    @Option(help: "NAME=VALUE, as often as needed, for example lr=2e-4; 'seed' may be one, null takes a setting away.")
    var set: [String] = []

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func run() async throws {
        var settings: [String: ParameterValue] = [:]
        for text in set {
            let setting: ParameterSetting
            do throws(SweepFileError) {
                setting = try ParameterSetting(text)
            } catch {
                throw CommandFailure(.usage, "--set \(text): \(error.faults.map(\.message).joined(separator: "; "))")
            }
            guard settings.updateValue(setting.value, forKey: setting.name) == nil else {
                throw CommandFailure(.usage, "--set \(setting.name) is given twice")
            }
        }
        try await BranchPrinter(options: options, format: output.format)
            .make(BranchRequest(way: .rerun, job: job, set: settings))
    }
}

struct ExtendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extend",
        abstract: "Train a finished job for more epochs, from its newest training state.",
        discussion: """
            The new job joins the sweep of its parent, in the group 'extend'. It is never taken for one that was trained as \
            long from the beginning: a schedule other than constant jumps where the longer one is, and the answer says so.
            """)

    @Argument(help: "A job id (a unique beginning of at least 8 digits).")
    var job: String

    @Option(help: "Epochs of the whole training, those that are done included.")
    var epochs: Int

    @Option(help: "Epochs besides the last after which an adapter is kept, comma separated.")
    var checkpoints: String?

    @OptionGroup var options: ClientOptions
    @OptionGroup var output: FormatOption

    func validate() throws {
        guard epochs > 0 else { throw ValidationError("--epochs \(epochs): wanted at least 1") }
        _ = try listed()
    }

    private func listed() throws -> [Int] {
        try (checkpoints ?? "").split(separator: ",").map { text in
            guard let epoch = Int(text), epoch > 0 else {
                throw ValidationError("--checkpoints \(checkpoints ?? ""): wanted epochs, such as 60,80")
            }
            return epoch
        }
    }

    func run() async throws {
        try await BranchPrinter(options: options, format: output.format)
            .make(BranchRequest(way: .extend, job: job, epochs: epochs, checkpoints: try listed()))
    }
}

private struct BranchPrinter {
    let options: ClientOptions
    let format: OutputFormat

    func make(_ request: BranchRequest) async throws {
        let answer = try await options.client().call(.branch, request)
        if format == .json { return Console.out(try JSONText.encode(answer)) }
        let place = answer.step > 0 ? ", from \(StepText.place(epoch: answer.epoch, step: answer.step))" : ""
        let news = answer.isNew ? "is new in" : "is there already (\(answer.state)) in"
        Console.note(
            "job \(answer.job.prefix(12)) \(news) \(answer.sweep): \(request.way.rawValue) of \(answer.parent.prefix(12))\(place)"
        )
        if let notice = answer.notice { Console.note(notice) }
        if !answer.isNew, ["failed", "parked", "canceled"].contains(answer.state) {
            Console.note("`radiata resume \(answer.job.prefix(12))` lets it go on")
        }
        Console.out(answer.job)
    }
}

/// A place in a training.
enum StepText {
    /// `epoch 3 (step 30)`; programs may not count epochs.
    static func place(epoch: Int, step: Int) -> String { epoch > 0 ? "epoch \(epoch) (step \(step))" : "step \(step)" }
}
