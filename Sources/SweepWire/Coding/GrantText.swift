import Foundation
import RunSpec
import SweepModel
import Synchronization

/// Reads grants: jobs of a sweep say nearly the same, and what they share is read once.
enum GrantText {
    /// What a job of a sweep has for itself, beside its token.
    private static let own: [StaticString] = ["id", "configuration", "given", "parameters", "seed", "name"]
    private static let mostKept = 32
    private static let mostBytes = 16 << 10

    /// Grants by the text that they share with others.
    private static let kept = Mutex<[[UInt8]: Grant]>([:])

    private struct Own: Decodable {
        struct Job: Decodable {
            var id: JobID
            var configuration: ConfigurationID
            var given: [String: ParameterValue]
            /// nil where they are what was given.
            var parameters: [String: ParameterValue]?
            var seed: Int
            var name: String?
        }

        var token: AttemptToken
        var job: Job
    }

    /// - Throws: `WireError` `badRequest`.
    static func read(_ text: ArraySlice<UInt8>) throws -> Grant {
        guard let (own, shared) = parts(of: text), shared.count <= mostBytes else { return try whole(text) }
        guard var grant = kept.withLock({ $0[shared] }) else {
            let grant = try whole(text)
            kept.withLock { kept in
                if kept.count >= mostKept { kept = [:] }
                kept[shared] = grant
            }
            return grant
        }
        let read = try WireJSON.decode(Own.self, from: Data(own))
        grant.token = read.token
        grant.job.id = read.job.id
        grant.job.configuration = read.job.configuration
        grant.job.given = read.job.given
        grant.job.parameters = read.job.parameters ?? read.job.given
        grant.job.seed = read.job.seed
        grant.job.name = read.job.name
        grant.text.bytes = Array(text)
        return grant
    }

    private static func whole(_ text: ArraySlice<UInt8>) throws -> Grant {
        var grant = try WireJSON.decode(Grant.self, from: Data(text))
        grant.text.bytes = Array(text)
        return grant
    }

    /// - Returns: JSON of what is the grant's own, and the rest.
    private static func parts(of text: ArraySlice<UInt8>) -> (own: [UInt8], shared: [UInt8])? {
        guard let grant = JSONText.members(of: text), let token = grant.first(where: { $0.isNamed("token") }),
            let job = grant.first(where: { $0.isNamed("job") }), let members = JSONText.members(of: job.value)
        else { return nil }
        var (own, shared): ([UInt8], [UInt8]) = (Array("{\"token\":".utf8), [])
        for member in grant where !member.isNamed("token") && !member.isNamed("job") { shared.add(member) }
        own += token.value
        own += Array(",\"job\":{".utf8)
        let given = members.first { $0.isNamed("given") }
        var isFirst = true
        for member in members {
            guard Self.own.contains(where: member.isNamed) else {
                shared.add(member)
                continue
            }
            if member.isNamed("parameters"), member.value == given?.value { continue }
            if !isFirst { own.append(UInt8(ascii: ",")) }
            isFirst = false
            own += member.name
            own.append(UInt8(ascii: ":"))
            own += member.value
        }
        // One without a parameter's list is no grant; the general decoder has the words.
        guard members.contains(where: { $0.isNamed("parameters") }) else { return nil }
        return (own + Array("}}".utf8), shared)
    }
}

extension [UInt8] {
    fileprivate mutating func add(_ member: JSONText.Member) {
        self += member.name
        append(UInt8(ascii: ":"))
        self += member.value
        append(UInt8(ascii: "\n"))
    }
}
