import ArgumentParser
import RunSpec
import SweepClient
import SweepModel
import SweepWire

/// What the four commands that change jobs share: a target, and the answer in words.
struct ActionTarget: ParsableArguments {
    @Argument(help: "A sweep's name, or a job id (a unique beginning of at least 8 digits).")
    var target: String

    @OptionGroup var options: ClientOptions

    func perform(
        _ action: JobAction, failure: FailureClass? = nil, budget: SweepBudget? = nil
    ) async throws {
        let answer = try await options.client()
            .call(.action, ActionRequest(action: action, target: target, failure: failure, budget: budget))
        var parts = ["\(answer.changed) changed"]
        if answer.stopping > 0 { parts.append("\(answer.stopping) running, they stop at their next training state") }
        if answer.untouched > 0 { parts.append("\(answer.untouched) left as they are") }
        Console.note("\(action.rawValue) \(target): \(parts.joined(separator: ", "))")
        if let notice = answer.notice { Console.note(notice) }
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stop jobs at their next training state, to go on later without loss.")
    @OptionGroup var target: ActionTarget
    func run() async throws { try await target.perform(.pause) }
}

struct UnpauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unpause", abstract: "Let paused jobs go on.")
    @OptionGroup var target: ActionTarget
    func run() async throws { try await target.perform(.unpause) }
}

struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "End jobs for good. Jobs another active sweep wants are left alone.")
    @OptionGroup var target: ActionTarget
    func run() async throws { try await target.perform(.cancel) }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Restart failed, parked or canceled jobs from their newest checkpoint, on whichever machine is free.",
        discussion: CommandExamples.text(["radiata resume mine", "radiata resume mine --class oom"]))
    @OptionGroup var target: ActionTarget

    @Option(name: .customLong("class"), help: "Only jobs that failed with this class.")
    var failureClass: String?

    @Option(help: "What the sweep may take from now on, in hours of attempts, instead of its file's budget.")
    var hours: Double?

    @Option(help: "The same in money, by the workers' label price.")
    var money: Double?

    func validate() throws {
        for (name, value) in [("hours", hours), ("money", money)] {
            if let value, !(value > 0 && value.isFinite) {
                throw ValidationError("--\(name) \(value): wanted more than 0")
            }
        }
    }

    func run() async throws {
        let failure = try failureClass.map { text in
            guard let value = FailureClass(rawValue: text) else {
                let known = FailureClass.allCases.map(\.rawValue).joined(separator: ", ")
                throw CommandFailure(.usage, "--class \(text): wanted one of \(known)")
            }
            return value
        }
        let budget = SweepBudget(hours: hours, money: money)
        try await target.perform(.resume, failure: failure, budget: budget.isEmpty ? nil : budget)
    }
}
