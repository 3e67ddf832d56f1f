import Foundation
package import SweepModel

/// A job given to a worker, durable in the ledger before it is sent.
package struct Grant: Codable, Equatable, Sendable {
    package var token: AttemptToken
    /// The job's JSON as the ledger holds it: handed on by a coordinator, which does not read it.
    private var text: String?
    private var value: ResolvedJob?
    package var leaseSeconds: Double
    /// The newest complete training state; nil for a start from the beginning.
    package var resume: ResumePoint?
    /// Checkpoints earlier attempts trained that stay valid: their adapters are restored, not trained again.
    package var trained: [TrainedCheckpoint]
    /// Checkpoints whose evaluation is complete already (`base` may be among them).
    package var evaluated: [String]

    package init(
        token: AttemptToken, job: ResolvedJob, leaseSeconds: Double, resume: ResumePoint? = nil,
        trained: [TrainedCheckpoint] = [], evaluated: [String] = []
    ) {
        self.token = token
        self.value = job
        self.leaseSeconds = leaseSeconds
        self.resume = resume
        self.trained = trained
        self.evaluated = evaluated
    }

    /// A grant that is only handed on.
    ///
    /// - Parameter jobText: a `ResolvedJob` as `WireJSON` writes it.
    package init(
        token: AttemptToken, jobText: String, leaseSeconds: Double, resume: ResumePoint? = nil,
        trained: [TrainedCheckpoint] = [], evaluated: [String] = []
    ) {
        self.token = token
        self.text = jobText
        self.leaseSeconds = leaseSeconds
        self.resume = resume
        self.trained = trained
        self.evaluated = evaluated
    }

    /// All values resolved: nothing is left to look up but the inputs (by digest) and blobs.
    ///
    /// - Precondition: the grant was made from a job or read from an answer, as every worker's is.
    package var job: ResolvedJob {
        guard let value else {
            preconditionFailure("grant \(token) is handed on as text; its job is the worker's to read")
        }
        return value
    }
}

extension Grant {
    private enum CodingKeys: String, CodingKey { case token, job, leaseSeconds, resume, trained, evaluated }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            token: try container.decode(AttemptToken.self, forKey: .token),
            job: try container.decode(ResolvedJob.self, forKey: .job),
            leaseSeconds: try container.decode(Double.self, forKey: .leaseSeconds),
            resume: try container.decodeIfPresent(ResumePoint.self, forKey: .resume),
            trained: try container.decode([TrainedCheckpoint].self, forKey: .trained),
            evaluated: try container.decode([String].self, forKey: .evaluated))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(token, forKey: .token)
        if let value { try container.encode(value, forKey: .job) }
        try container.encode(leaseSeconds, forKey: .leaseSeconds)
        try container.encodeIfPresent(resume, forKey: .resume)
        try container.encode(trained, forKey: .trained)
        try container.encode(evaluated, forKey: .evaluated)
    }

    /// As `WireJSON` writes it; a job that is text goes in unread.
    func json() throws -> Data {
        guard let text else { return try WireJSON.encode(self) }
        if resume == nil, trained.isEmpty, evaluated.isEmpty, leaseSeconds.isFinite, token.ledger.isPlain {
            // A first attempt: nothing in it needs an encoder.
            return Data(
                """
                {"job":\(text),"evaluated":[],"leaseSeconds":\(leaseSeconds),"token":{"attempt":\(token.attempt),\
                "epoch":\(token.epoch),"job":"\(token.job.text)","ledger":"\(token.ledger)"},"trained":[]}
                """.utf8)
        }
        let head = try WireJSON.encode(self)
        var result = Data("{\"job\":".utf8)
        result.append(contentsOf: text.utf8)
        result.append(UInt8(ascii: ","))
        result.append(head.dropFirst())
        return result
    }
}

extension String {
    /// Letters and digits only: the same in JSON.
    fileprivate var isPlain: Bool {
        utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
        }
    }
}

/// One file in the blob store under its original name.
package struct BlobFile: Codable, Equatable, Sendable {
    package var name: String
    package var sha256: String
    package var bytes: Int
    package init(name: String, sha256: String, bytes: Int) {
        self.name = name
        self.sha256 = sha256
        self.bytes = bytes
    }
}

/// The training state a new attempt goes on from.
package struct ResumePoint: Codable, Equatable, Sendable {
    /// Name of the checkpoint, `step-00000120`.
    package var checkpoint: String
    package var step: Int
    package var epoch: Int
    package var files: [BlobFile]
    package init(checkpoint: String, step: Int, epoch: Int, files: [BlobFile]) {
        self.checkpoint = checkpoint
        self.step = step
        self.epoch = epoch
        self.files = files
    }
}

/// A checkpoint with a deliverable: its files are restored under `checkpoints/<name>/`.
package struct TrainedCheckpoint: Codable, Equatable, Sendable {
    package var name: String
    package var step: Int
    package var epoch: Int
    package var isFinal: Bool
    package var files: [BlobFile]
    package init(name: String, step: Int, epoch: Int, isFinal: Bool, files: [BlobFile]) {
        self.name = name
        self.step = step
        self.epoch = epoch
        self.isFinal = isFinal
        self.files = files
    }
}
