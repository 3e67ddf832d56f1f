package import Foundation
import SweepModel

/// The heartbeat of a worker that waits, read and written without a general coder: the bytes are those of
/// ``WireJSON``.
extension HeartbeatRequest {
    private static let start = Array("{\"attempts\":[],\"session\":\"".utf8)
    private static let end = Array("\"}".utf8)

    /// - Throws: `WireError` `badRequest` that names the field.
    package init(parameters: [String: String], body: Data) throws {
        let session = body.dropFirst(Self.start.count).dropLast(Self.end.count)
        let text = String(decoding: session, as: UTF8.self)
        guard body.starts(with: Self.start), body.suffix(Self.end.count).elementsEqual(Self.end), text.isPlain else {
            self = try WireJSON.decode(Self.self, from: body)
            return
        }
        self.init(session: SessionID(rawValue: text), attempts: [])
    }
}

extension HeartbeatResponse {
    /// - Throws: `WireError` `internalFault`.
    package func body() throws -> Data {
        guard watchedSeconds == nil else { return try WireJSON.encode(self) }
        // A verdict's name is a plain word.
        let words = verdicts.map { "\"\($0.rawValue)\"" }.joined(separator: ",")
        let wait: String
        switch waitSeconds {
        case nil: wait = ""
        case let seconds? where seconds == seconds.rounded() && abs(seconds) < 1e9:
            wait = ",\"waitSeconds\":\(Int(seconds))"
        default: return try WireJSON.encode(self)
        }
        return Data("{\"isDraining\":\(isDraining),\"verdicts\":[\(words)]\(wait)}".utf8)
    }
}
