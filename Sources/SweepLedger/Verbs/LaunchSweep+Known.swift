import GRDB
import RunSpec
import SweepModel

/// Which jobs are measured by another protocol than a launch asks for. Those of one earlier launch have the
/// same text, which is read once: a large sweep has a million.
struct OtherProtocols {
    private let wanted: EvaluationProtocol
    private var known: [String: Bool] = [:]

    init(_ wanted: EvaluationProtocol) { self.wanted = wanted }

    mutating func hasOther(_ job: Int64, _ db: Database) throws -> Bool {
        let row = try db.first(
            """
            SELECT json_extract(spec, '$.evaluation', '$.clip', '$.encoders') AS parts, spec FROM job_spec
            WHERE job = ? AND json_extract(spec, '$.kind') IS NULL
            """, [job])
        guard let row, let parts = row["parts"] as String? else { return false }
        if let answer = known[parts] { return answer }
        let own = EvaluationProtocol(try LedgerJSON.value(ResolvedJob.self, row["spec"]))
        known[parts] = !own.measures(like: wanted)
        return known[parts] == true
    }
}

/// Configurations that a ledger has by the names of earlier programs: they and all their jobs keep them, so
/// that seeds of one configuration stay together and nothing is trained again.
struct FormerNames {
    /// Of the last configuration that was asked for: jobs come by configuration.
    private var last: (digest: ConfigurationID, isKnown: Bool)?

    mutating func known(_ job: LaunchJob, _ db: Database) throws -> LaunchJob {
        guard let former = job.former else { return job }
        let digest = former.configuration
        if last?.digest != digest {
            let row = try db.first("SELECT 1 FROM configuration WHERE digest = ?", [digest.text])
            last = (digest, row != nil)
        }
        guard last?.isKnown == true else { return job }
        var own = job
        own.id = former.job(seed: job.seed)
        own.configuration = digest
        // Both are digests: they stand nowhere else in the text.
        own.spec = job.spec.replacing(job.id.text, with: own.id.text)
            .replacing(job.configuration.text, with: digest.text)
        return own
    }
}
