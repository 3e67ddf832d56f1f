import Foundation

/// One attempt of one job, as a worker hands it to a trainer process of the core (`job.json`): everything is
/// decided, nothing is read or digested again.
package struct TrainerTask: Codable, Equatable, Sendable {
    package enum Work: Equatable, Sendable {
        /// `resume`: a checkpoint folder with a training state to go on from.
        case train(TrainingJob, resume: String?)
        case evaluate(EvaluationTask)
        case edit(EditTask)
    }

    package var work: Work
    /// The attempt folder, laid out as `AttemptFolder`.
    package var out: String

    package init(job: TrainingJob, out: String, resume: String? = nil) {
        work = .train(job, resume: resume)
        self.out = out
    }

    package init(evaluation: EvaluationTask, out: String) {
        work = .evaluate(evaluation)
        self.out = out
    }

    package init(edit: EditTask, out: String) {
        work = .edit(edit)
        self.out = out
    }

    private enum CodingKeys: String, CodingKey {
        case job, resume, evaluate, edit, out
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        out = try container.decode(String.self, forKey: .out)
        if let evaluation = try container.decodeIfPresent(EvaluationTask.self, forKey: .evaluate) {
            work = .evaluate(evaluation)
        } else if let edit = try container.decodeIfPresent(EditTask.self, forKey: .edit) {
            work = .edit(edit)
        } else {
            work = .train(
                try container.decode(TrainingJob.self, forKey: .job),
                resume: try container.decodeIfPresent(String.self, forKey: .resume))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(out, forKey: .out)
        switch work {
        case .train(let job, let resume):
            try container.encode(job, forKey: .job)
            try container.encodeIfPresent(resume, forKey: .resume)
        case .evaluate(let evaluation): try container.encode(evaluation, forKey: .evaluate)
        case .edit(let edit): try container.encode(edit, forKey: .edit)
        }
    }

    /// As the file holds it, its keys sorted.
    ///
    /// - Throws: `EncodingError` for a number that is not finite.
    package func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }

    /// Reads the file that a worker wrote.
    ///
    /// - Throws: `RunSpecError` with `badRecord` for a file that is missing, not readable or no task.
    package init(file path: String) throws(RunSpecError) {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw RunSpecError(code: .badRecord, message: "\(path): not there or not readable")
        }
        do {
            self = try JSONDecoder().decode(Self.self, from: bytes)
        } catch {
            throw RunSpecError(code: .badRecord, message: "\(path): no task of a trainer (\(error))")
        }
    }
}

/// How one task of a trainer process ended: `exit.json` in its attempt folder. A process may run several
/// tasks, and its own status is that of the last.
package struct TrainerExitRecord: Codable, Equatable, Sendable {
    /// One of `TrainerExit`, or another for a failure.
    package var status: Int32

    package init(status: Int32) { self.status = status }
}
