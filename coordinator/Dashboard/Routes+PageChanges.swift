import CoordinatorOperations
import Foundation
import HTTPTypes
import Hummingbird
import Ports
import SweepLedger
import SweepModel
import SweepWire

/// What the page changes, and files that it lets a browser save.
extension Routes {
    /// One change, or what it would do.
    struct Act: Codable, Sendable {
        enum Kind: String, Codable, Sendable { case pause, unpause, cancel, resume, priority, drain, undrain }

        var action: Kind
        /// A sweep, a job or a worker.
        var target: String
        /// Only says what would happen.
        var isTrial: Bool
        var priority: Int?
    }

    private struct Done: Encodable, Sendable {
        /// Sentences: what it does, or did.
        let words: [String]
        /// Whether anything changes at all.
        let changes: Bool
    }

    private struct LinkWish: Codable, Sendable {
        var job: String
        var checkpoint: String
        var file: String
    }

    func addPageChanges(_ router: Router<CallContext>) {
        mountPage(.act, on: router, scopes: [.submit]) { call in
            let act = try WireJSON.decode(Act.self, from: call.body)
            let outcome = try await perform(act, call.principal)
            return try await Self.json(Done(words: outcome.words, changes: outcome.changes))
        }
        mountPage(.link, on: router) { call in
            let wish = try WireJSON.decode(LinkWish.self, from: call.body)
            let (detail, _) = try await operations.ledger.job(wish.job)
            let file = detail.checkpoints.filter { $0.name == wish.checkpoint }.flatMap(\.files)
                .first { $0.name == wish.file }
            guard let file else {
                throw WireError(
                    .notFound, "job \(wish.job.prefix(8)) has no file '\(wish.file.prefix(80))' in that checkpoint")
            }
            let name = Self.fileName([String(detail.job.id.prefix(8)), wish.checkpoint, wish.file])
            let code = page.downloads.make(DownloadBook.File(sha256: file.sha256, name: name))
            return try await Self.json(["path": "download?code=\(code)"])
        }
    }

    /// Letters, digits, dots, dashes and underscores; what else there is becomes a dash.
    private static func fileName(_ parts: [String]) -> String {
        let allowed = parts.joined(separator: "-").map { character in
            character.isASCII && (character.isLetter || character.isNumber || "._".contains(character))
                ? character : "-"
        }
        return String(String(allowed).prefix(180))
    }

    private func perform(_ act: Act, _ principal: Principal) async throws -> (words: [String], changes: Bool) {
        switch act.action {
        case .drain, .undrain: return try await drain(act, principal)
        case .priority:
            guard let priority = act.priority, (-1000...1000).contains(priority) else {
                throw WireError(.badRequest, "priority: wanted -1000 to 1000")
            }
            let changed = try await operations.setPriority(
                act.target, priority, principal: principal, isTrial: act.isTrial)
            let verb = act.isTrial ? "get" : "got"
            return (
                ["\(Self.jobs(changed)) \(verb) the priority \(priority); among those that wait, higher goes first."],
                changed > 0
            )
        case .pause: return try await change(.pause, act, principal)
        case .unpause: return try await change(.unpause, act, principal)
        case .cancel: return try await change(.cancel, act, principal)
        case .resume: return try await change(.resume, act, principal)
        }
    }

    private func change(
        _ action: JobAction, _ act: Act, _ principal: Principal
    ) async throws -> (words: [String], changes: Bool) {
        let answer = try await operations.change(
            ActionRequest(action: action, target: act.target), principal: principal, isTrial: act.isTrial)
        var words: [String] = []
        let now = answer.changed - answer.continuing
        if now > 0 { words.append("\(Self.jobs(now)) \(Self.effect(action, act.isTrial, isOne: now == 1)).") }
        if answer.stopping > 0 {
            words.append(
                "\(Self.jobs(answer.stopping)) that \(answer.stopping == 1 ? "runs" : "run") now: each is asked to stop at "
                    + "its next saved state, and is paused then.")
        }
        if answer.canceledRunning > 0 {
            words.append(
                "\(Self.jobs(answer.canceledRunning)) of these \(act.isTrial ? "run" : "ran") now: what they did since "
                    + "their last checkpoint is lost.")
        }
        if answer.continuing > 0 {
            words.append(
                "\(Self.jobs(answer.continuing)) that would have stopped \(answer.continuing == 1 ? "goes" : "go") on.")
        }
        if answer.untouched > 0 {
            let stay = answer.untouched == 1 ? "stays as it is" : "stay as they are"
            words.append(
                "\(Self.jobs(answer.untouched)) \(stay): in a state that this does not concern, or wanted by another "
                    + "sweep.")
        }
        if let notice = answer.notice { words.append(notice) }
        if words.isEmpty { words.append("Nothing: there is no job that this would change.") }
        return (words, answer.changed + answer.stopping > 0)
    }

    private static func jobs(_ count: Int) -> String { count == 1 ? "1 job" : "\(count) jobs" }

    private static func effect(_ action: JobAction, _ isTrial: Bool, isOne: Bool) -> String {
        switch action {
        case .pause:
            isTrial ? (isOne ? "waits no longer and is paused" : "wait no longer and are paused") : "paused"
        case .unpause: isTrial ? "may be handed out again" : "may be handed out again"
        case .cancel:
            isTrial
                ? (isOne ? "is canceled; `resume` brings it back" : "are canceled; `resume` brings them back")
                : "canceled"
        case .resume:
            isTrial
                ? (isOne
                    ? "waits again, with a fresh budget of tries, from its newest checkpoint"
                    : "wait again, with a fresh budget of tries, from their newest checkpoints") : "wait again"
        }
    }

    private func drain(_ act: Act, _ principal: Principal) async throws -> (words: [String], changes: Bool) {
        let workers = try await operations.workers()
        guard let worker = workers.first(where: { $0.id == act.target || $0.name == act.target }) else {
            throw WireError(.notFound, "no worker '\(act.target.prefix(80))'")
        }
        if !act.isTrial {
            try await operations.drain(worker.id, act.action == .drain, principal: principal)
        }
        let busy = Self.jobs(worker.busy)
        if act.action == .drain {
            let ends =
                worker.busy > 0 ? " \(busy) that it runs: each saves its state, stops, and goes on elsewhere." : ""
            return (["\(worker.name) gets no more jobs.\(ends)"], true)
        }
        return (["\(worker.name) gets jobs again; if it was suspended, its failures are forgiven."], true)
    }
}
