package import Foundation
package import SweepModel

/// One outcome per report, in the same order; new jobs; and what should stop.
package struct ExchangeResponse: Equatable, WireResponse {
    package var number: UInt64
    package var outcomes: [ReportOutcome]
    package var grants: [WireGrant]
    /// Attempts of this session that should stop (also said in heartbeats).
    package var stops: [StopOrder]

    package init(number: UInt64, outcomes: [ReportOutcome] = [], grants: [WireGrant] = [], stops: [StopOrder] = []) {
        self.number = number
        self.outcomes = outcomes
        self.grants = grants
        self.stops = stops
    }
}

/// The grants of an answer: a coordinator writes claims, a worker reads jobs.
package indirect enum WireGrant: Equatable, Sendable {
    /// On its way: the job's JSON goes into the answer unread.
    case claimed(ClaimedJob, leaseSeconds: Double)
    /// As every worker reads it.
    case read(Grant)

    package var token: AttemptToken {
        switch self {
        case .claimed(let claim, _): claim.token
        case .read(let grant): grant.token
        }
    }

    /// What the worker reads of it.
    ///
    /// - Throws: `WireError` `badRequest` for a claim whose text is no job.
    package func grant() throws -> Grant {
        switch self {
        case .read(let grant): grant
        case .claimed: try WireJSON.decode(Grant.self, from: try json())
        }
    }

    /// - Throws: `WireError` `internalFault`.
    func json() throws -> Data {
        switch self {
        case .read(let grant): return try WireJSON.encode(grant)
        case .claimed(let claim, let leaseSeconds):
            let token = claim.token
            if claim.resume == nil, claim.trained.isEmpty, claim.evaluated.isEmpty, !claim.isEnough,
                claim.prepared.isEmpty,
                leaseSeconds.isFinite,
                token.ledger.isPlain
            {
                // A first attempt: nothing in it needs an encoder.
                return Data(
                    """
                    {"job":\(claim.spec),"evaluated":[],"leaseSeconds":\(leaseSeconds),"token":{"attempt":\(token.attempt),\
                    "epoch":\(token.epoch),"job":"\(token.job.text)","ledger":"\(token.ledger)"},"trained":[]}
                    """.utf8)
            }
            let terms = GrantTerms(
                token: token, leaseSeconds: leaseSeconds, resume: claim.resume.map(WireResumePoint.init),
                trained: claim.trained, evaluated: claim.evaluated, isEnough: claim.isEnough ? true : nil,
                prepared: claim.prepared.isEmpty ? nil : claim.prepared)
            var result = Data("{\"job\":".utf8)
            result.append(contentsOf: claim.spec.utf8)
            result.append(UInt8(ascii: ","))
            result.append(try WireJSON.encode(terms).dropFirst())
            return result
        }
    }
}

extension ExchangeResponse: Decodable {
    private enum CodingKeys: String, CodingKey { case number, outcomes, grants, stops }

    package static var contentType: String { "application/json" }

    /// - Throws: `DecodingError`.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        number = try container.decode(UInt64.self, forKey: .number)
        outcomes = try container.decode([ReportOutcome].self, forKey: .outcomes)
        grants = try container.decode([Grant].self, forKey: .grants).map { .read($0) }
        stops = try container.decode([StopOrder].self, forKey: .stops)
    }

    /// - Throws: `WireError` `badRequest`.
    package init(body: Data) throws {
        // The general decoder finds the words for what is wrong.
        self = try (try? Self.pieced(body)) ?? WireJSON.decode(Self.self, from: body)
    }

    /// The grants each by itself.
    private static func pieced(_ body: Data) throws -> Self? {
        let text = Array(body)
        guard let members = JSONText.members(of: text[...]),
            let grants = members.first(where: { $0.isNamed("grants") }),
            let each = JSONText.elements(of: grants.value), !each.isEmpty
        else { return nil }
        let rest = Data(text[..<grants.value.startIndex] + Array("[]".utf8) + text[grants.value.endIndex...])
        var response = try WireJSON.decode(Self.self, from: rest)
        response.grants = try each.map { .read(try GrantText.read($0)) }
        return response
    }

    /// As `WireJSON` writes, except that jobs which are text go in unread: the answer that a coordinator
    /// gives most often.
    ///
    /// - Throws: `WireError` `internalFault`.
    package func body() throws -> Data {
        var data = Data("{\"grants\":[".utf8)
        for (index, grant) in grants.enumerated() {
            if index > 0 { data.append(UInt8(ascii: ",")) }
            data.append(try grant.json())
        }
        data.append(contentsOf: "],\"number\":\(number),\"outcomes\":".utf8)
        if outcomes.allSatisfy({ $0 == .accepted }) {
            let accepted = Array(repeating: "{\"code\":\"accepted\"}", count: outcomes.count)
            data.append(contentsOf: "[\(accepted.joined(separator: ","))]".utf8)
        } else {
            data.append(try WireJSON.encode(outcomes))
        }
        data.append(contentsOf: ",\"stops\":".utf8)
        data.append(stops.isEmpty ? Data("[]".utf8) : try WireJSON.encode(stops))
        data.append(UInt8(ascii: "}"))
        return data
    }
}

/// What a grant says beside its job.
private struct GrantTerms: Encodable {
    var token: AttemptToken
    var leaseSeconds: Double
    var resume: WireResumePoint?
    var trained: [StoredCheckpoint]
    var evaluated: [String]
    var isEnough: Bool?
    var prepared: [PreparedFiles]?
}

/// The checkpoint that an attempt goes on from: its name stands under `checkpoint` here.
private struct WireResumePoint: Codable {
    var checkpoint: String
    var step: Int
    var epoch: Int
    var files: [BlobFile]

    init(_ stored: StoredCheckpoint) {
        (checkpoint, step, epoch, files) = (stored.name, stored.step, stored.epoch, stored.files)
    }

    var stored: StoredCheckpoint { StoredCheckpoint(name: checkpoint, step: step, epoch: epoch, files: files) }
}

extension Grant: Codable {
    private enum CodingKeys: String, CodingKey {
        case token, job, leaseSeconds, resume, trained, evaluated, isEnough, prepared
    }

    /// - Throws: `DecodingError`.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            token: try container.decode(AttemptToken.self, forKey: .token),
            job: try container.decode(ResolvedJob.self, forKey: .job),
            leaseSeconds: try container.decode(Double.self, forKey: .leaseSeconds),
            resume: try container.decodeIfPresent(WireResumePoint.self, forKey: .resume)?.stored,
            trained: try container.decode([StoredCheckpoint].self, forKey: .trained),
            evaluated: try container.decode([String].self, forKey: .evaluated),
            isEnough: try container.decodeIfPresent(Bool.self, forKey: .isEnough),
            prepared: try container.decodeIfPresent([PreparedFiles].self, forKey: .prepared))
    }

    /// - Throws: `EncodingError`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(token, forKey: .token)
        try container.encode(job, forKey: .job)
        try container.encode(leaseSeconds, forKey: .leaseSeconds)
        try container.encodeIfPresent(resume.map(WireResumePoint.init), forKey: .resume)
        try container.encode(trained, forKey: .trained)
        try container.encode(evaluated, forKey: .evaluated)
        try container.encodeIfPresent(isEnough, forKey: .isEnough)
        try container.encodeIfPresent(prepared, forKey: .prepared)
    }
}
