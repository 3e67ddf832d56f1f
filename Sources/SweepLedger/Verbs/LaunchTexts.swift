import Ports
import RunSpec
package import SweepModel

/// Writes the texts of many jobs, each as ``LaunchJob`` alone would: what differs from job to job is a
/// handful of values, so the rest is encoded once and copied.
package struct LaunchTexts {
    /// A job's JSON with gaps for what is its own.
    private struct Template {
        /// The job without what is its own.
        let like: ResolvedJob
        /// What stands before each gap, then what stands behind the last.
        let pieces: [String]
        let gaps: [Gap]
    }

    private enum Gap: CaseIterable { case id, configuration, given, parameters, seed, name }

    private var template: Template?
    /// Of the last job: those of its configuration have all but id, seed and name in common.
    private var last: LaunchJob?
    private var lastGiven: [String: ParameterValue] = [:]
    private var lastParameters: [String: ParameterValue] = [:]

    package init() {}

    /// - Throws: `LedgerError` for values that cannot be written.
    package mutating func jobs(_ run: JobResolver.Run) throws -> [LaunchJob] {
        let first = try job(run.first)
        var jobs = [first]
        jobs.reserveCapacity(run.others.count + 1)
        var like = run.first
        for (id, seed, name) in run.others {
            // What must be done before it may be of one job alone.
            if first.preparations.isEmpty, let spec = try spec(id, seed, name, like, first.given, first.parameters) {
                var texts = first
                texts.id = id
                texts.seed = seed
                texts.spec = spec
                jobs.append(texts)
            } else {
                (like.id, like.seed, like.name) = (id, seed, name)
                jobs.append(try job(like))
            }
        }
        return jobs
    }

    /// - Throws: `LedgerError` for values that cannot be written.
    package mutating func job(_ job: ResolvedJob) throws -> LaunchJob {
        let like = Self.stripped(job)
        let isLike = template?.like == like
        if isLike, let last, job.configuration == last.configuration, job.given == lastGiven,
            job.parameters == lastParameters,
            let spec = try spec(job.id, job.seed, job.name, job, last.given, last.parameters)
        {
            var texts = last
            texts.id = job.id
            texts.seed = job.seed
            texts.spec = spec
            let preparations = try LaunchJob.preparations(of: job)
            if !(preparations.isEmpty && last.preparations.isEmpty) { texts.preparations = preparations }
            if job.former != last.former { texts.former = job.former }
            return texts
        }
        if !isLike { template = try Self.template(of: like) }
        let given = try LedgerJSON.text(job.given)
        let parameters = job.parameters == job.given ? given : try LedgerJSON.text(job.parameters)
        let texts = try LaunchJob(
            job, given: given, parameters: parameters,
            spec: try spec(job.id, job.seed, job.name, job, given, parameters) ?? LedgerJSON.text(job))
        last = texts
        lastGiven = job.given
        lastParameters = job.parameters
        return texts
    }

    /// - Returns: the job's JSON; nil where there is no template.
    private func spec(
        _ id: JobID, _ seed: Int, _ name: String?, _ job: ResolvedJob, _ given: String, _ parameters: String
    ) throws -> String? {
        guard let template else { return nil }
        var text = template.pieces[0]
        text.reserveCapacity(template.pieces.reduce(256) { $0 + $1.utf8.count } + given.utf8.count * 2)
        for (gap, piece) in zip(template.gaps, template.pieces.dropFirst()) {
            switch gap {
            case .id: text += id.text
            case .configuration: text += job.configuration.text
            case .given: text += given
            case .parameters: text += parameters
            case .seed: text += String(seed)
            case .name: text += try LedgerJSON.text(name)
            }
            text += piece
        }
        return text
    }

    // What stands in a template for what is a job's own. Nothing that a sweep file holds looks like it; what
    // does all the same is found twice, and gets no template.
    private static let id = JobID(ContentDigest.of("the id of no job"))
    private static let configuration = ConfigurationID(ContentDigest.of("the configuration of no job"))
    private static let given: [String: ParameterValue] = ["what the file of no sweep sets": .null]
    private static let parameters: [String: ParameterValue] = ["what no job is trained with": .null]
    private static let seed = -8_070_605_040_302_010_203
    private static let name = "the name of no job"

    private static func stripped(_ job: ResolvedJob) -> ResolvedJob {
        var like = job
        like.id = id
        like.configuration = configuration
        like.given = given
        like.parameters = parameters
        like.seed = seed
        like.name = job.name == nil ? nil : name
        like.former = nil
        return like
    }

    private static func template(of like: ResolvedJob) throws -> Template? {
        let text = try LedgerJSON.text(like)
        var found: [(range: Range<String.Index>, gap: Gap)] = []
        for gap in Gap.allCases where gap != .name || like.name != nil {
            let ranges = text.ranges(of: try mark(of: gap))
            guard ranges.count == 1 else { return nil }
            found.append((ranges[0], gap))
        }
        found.sort { $0.range.lowerBound < $1.range.lowerBound }
        var pieces: [String] = []
        var place = text.startIndex
        for (range, _) in found {
            pieces.append(String(text[place..<range.lowerBound]))
            place = range.upperBound
        }
        return Template(like: like, pieces: pieces + [String(text[place...])], gaps: found.map(\.gap))
    }

    private static func mark(of gap: Gap) throws -> String {
        switch gap {
        case .id: id.text
        case .configuration: configuration.text
        case .given: try LedgerJSON.text(given)
        case .parameters: try LedgerJSON.text(parameters)
        case .seed: String(seed)
        case .name: try LedgerJSON.text(name)
        }
    }
}
