import SweepAnalysis
import SweepClient
import SweepModel
import SweepWire

/// Which adapter is meant: a job and one of its checkpoints, with what the sweep's answer says of it.
struct FetchChoice {
    let sweep: String
    let job: String
    /// The files of the checkpoint's adapter.
    let files: [PublicQueries.AdapterFile]
    /// nil where nothing was measured.
    let answer: SweepAnswer?

    var checkpoint: PublicQueries.AdapterFile { files[0] }
}

/// A checkpoint as people name it: `--checkpoint 30` (an epoch), `--checkpoint step:1200`.
enum CheckpointName: Equatable {
    case epoch(Int)
    case step(Int)

    init(_ text: String) throws {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard let number = Int(parts.last ?? ""), number >= 0,
            parts.count == 1 || parts.count == 2 && parts[0] == "step"
        else {
            throw CommandFailure(.usage, "--checkpoint \(text): wanted the number of an epoch, or step:N")
        }
        self = parts.count == 1 ? .epoch(number) : .step(number)
    }

    func matches(_ file: PublicQueries.AdapterFile) -> Bool {
        switch self {
        case .epoch(let epoch): file.epoch == epoch
        case .step(let step): file.step == step
        }
    }

    var text: String {
        switch self {
        case .epoch(let epoch): "epoch \(epoch)"
        case .step(let step): "step \(step)"
        }
    }
}

/// Finds out which adapter a command line means.
struct FetchChooser {
    let client: SweepClient
    let target: String
    let isBest: Bool
    let checkpoint: CheckpointName?

    /// - Throws: `CommandFailure` for a sweep without `--best`, and where there is no adapter.
    func choose() async throws -> FetchChoice {
        let isSweep = try await client.call(.sweeps, Nothing()).items.contains { $0.name == target }
        if isBest {
            guard isSweep else {
                throw CommandFailure(.notFound, "no sweep '\(target)'; --best wants one, `radiata status` lists them")
            }
            return try await best()
        }
        guard !isSweep else {
            throw CommandFailure(
                .usage, "\(target) is a sweep: say --best, or name one of its jobs (`radiata top \(target)`)")
        }
        let detail = try await client.call(.job, JobRequest(job: target))
        let answer = try await self.answer(of: detail.job.sweep)
        return FetchChoice(
            sweep: detail.job.sweep, job: detail.job.id, files: try await files(of: detail.job, at: nil), answer: answer
        )
    }

    /// By the rule of `top` and `advise`; of the seeds of the best configuration the one with the best score.
    private func best() async throws -> FetchChoice {
        guard let answer = try await answer(of: target), let best = answer.best else {
            throw CommandFailure(
                .notFound,
                "\(target): nothing was measured yet that says which is best; name a job (`radiata jobs \(target)`)")
        }
        Console.note(answer.words[0])
        if !answer.isEstablished, answer.rows.count > 1 {
            Console.note("taken is \(best.label), the first by its values alone")
        } else if !best.tiedWith.isEmpty {
            Console.note("the best is tied: \(best.separation); taken is #1, \(best.label)")
        }
        let seeds = Dictionary(zip(best.jobs, best.scores)) { first, _ in first }
        let job = best.jobs.max { (seeds[$0] ?? 0, $1) < (seeds[$1] ?? 0, $0) } ?? best.jobs[0]
        if best.jobs.count > 1, let seed = zip(best.jobs, best.seeds).first(where: { $0.0 == job })?.1 {
            Console.note("of its \(best.jobs.count) seeds it is \(seed), the one with the highest score")
        }
        let detail = try await client.call(.job, JobRequest(job: job))
        // Where only curves were read no checkpoint competes: then the last one counts.
        let step = best.checkpoint == nil ? nil : best.step
        return FetchChoice(
            sweep: target, job: job, files: try await files(of: detail.job, at: step), answer: answer)
    }

    private func answer(of sweep: String) async throws -> SweepAnswer? {
        let (set, rule) = try await SweepResults(source: client, sweep: sweep).fetchForAnswer()
        let answer = set.answer(rule: rule)
        return answer.rows.isEmpty ? nil : answer
    }

    /// - Parameter step: of the checkpoint that the answer names; nil for the newest.
    private func files(of job: JobSummary, at step: Int?) async throws -> [PublicQueries.AdapterFile] {
        let all = try await client.rows(of: PublicQueries.adapters(ofJob: job.id))
        guard let newest = all.map(\.step).max() else {
            throw CommandFailure(
                .notFound,
                "job \(job.id.prefix(8)) (\(job.state)) has no adapter in the ledger; `radiata show \(job.id.prefix(8))` tells why"
            )
        }
        let there = Dictionary(grouping: all, by: \.step).sorted { $0.key < $1.key }
            .map { step, files in files[0].epoch > 0 ? "\(files[0].epoch) (step \(step))" : "step:\(step)" }
            .joined(separator: ", ")
        let found: [PublicQueries.AdapterFile]
        if let checkpoint {
            found = all.filter(checkpoint.matches)
            guard !found.isEmpty else {
                throw CommandFailure(
                    .notFound,
                    "job \(job.id.prefix(8)) has no adapter of \(checkpoint.text); it has \(there)")
            }
        } else {
            found = all.filter { $0.step == step ?? newest }
            guard !found.isEmpty else {
                throw CommandFailure(
                    .notFound,
                    "the best checkpoint of job \(job.id.prefix(8)) (step \(step ?? newest)) is not kept any more; take "
                        + "another with --checkpoint: it has \(there)")
            }
        }
        // Several checkpoints of one step, or steps of one epoch: the newest.
        let last = found.max { ($0.step, $0.checkpoint) < ($1.step, $1.checkpoint) }
        return found.filter { $0.checkpoint == last?.checkpoint && $0.step == last?.step }
    }
}
