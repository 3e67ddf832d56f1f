import Foundation
import Ports
import SweepClient
import SweepFile
package import SweepModel
import SweepWire

/// What a coordinator says of a sweep before it is launched.
struct SweepPreview {
    let sweep: SweepFile
    /// nil where no coordinator could be asked.
    let history: SweepHistory?

    /// - Parameters:
    ///   - client: nil where none could be made.
    ///   - isNeeded: whether a coordinator that does not answer is a failure.
    static func ask(_ client: SweepClient?, about sweep: SweepFile, isNeeded: Bool) async throws -> SweepPreview {
        guard let client else { return SweepPreview(sweep: sweep, history: nil) }
        let definition = sweep.definition
        let request = HistoryRequest(
            sweep: sweep.plan.name.text, launch: try sweep.bundle.identity().text,
            base: definition.base?.digest?.text ?? "",
            data: definition.data?.digest?.text ?? "", trainer: definition.trainer.paceIdentity,
            inputs: Array(Set(sweep.bundle.inputs.values.map(\.digest.text))).sorted())
        do {
            let history = try await client.call(
                .history, request, retry: isNeeded ? .user : .never, timeLimit: isNeeded ? .seconds(60) : .seconds(3))
            return SweepPreview(sweep: sweep, history: history)
        } catch let error as ClientError where !isNeeded || error.code == .refused(.notFound) {
            // A plan needs no coordinator; an older one has no history.
            return SweepPreview(sweep: sweep, history: nil)
        }
    }

    /// What a launch adds to a sweep of the name, where another file was launched; nil where there is nothing
    /// to ask.
    func addition(_ client: SweepClient) async throws -> SweepAddition? {
        guard let history, let jobs = history.jobs, jobs > 0, !history.isRepeat else { return nil }
        let known = try await JobPages(client: client, sweep: sweep.plan.name.text, state: nil, size: 10_000).all()
        let addition = SweepAddition(plan: sweep.plan, known: Set(known.map(\.id)))
        return addition.added == 0 ? nil : addition
    }
}

/// What another file under a known name changes.
package struct SweepAddition: Equatable, Sendable {
    package let name: String
    /// Jobs, and configurations they belong to, that the sweep gets.
    package let added: Int
    package let configurations: Int
    /// Jobs of this file that the sweep has.
    package let shared: Int
    /// Jobs of the sweep that this file does not have; they stay.
    package let others: Int

    package init(plan: SweepPlan, known: Set<String>) {
        let new = plan.jobs.filter { job in
            // A ledger of an earlier program knows it by another id.
            let former = plan.configurations[job.configuration].former?.job(seed: job.seed)
            return !known.contains(job.id.text) && !(former.map { known.contains($0.text) } ?? false)
        }
        name = plan.name.text
        added = new.count
        configurations = Set(new.map(\.configuration)).count
        shared = plan.jobs.count - new.count
        others = known.count - shared
    }

    package var text: String {
        """
        \(name) is known already, with \(shared + others) jobs, and this is another file. It adds \(added) jobs \
        (\(configurations) configurations); \(shared) of its jobs are there already; \(others) jobs that it does not have stay.
        """
    }
}

/// A question to whoever sits at the terminal.
enum Question {
    /// Whether somebody can be asked and can answer.
    static var isPossible: Bool { isatty(STDIN_FILENO) == 1 && StandardStream.error.isTerminal }

    static func confirms(_ question: String) -> Bool {
        Console.prompt(question + " [y/N] ")
        let answer = readLine(strippingNewline: true)?.lowercased() ?? ""
        return answer == "y" || answer == "yes"
    }
}
