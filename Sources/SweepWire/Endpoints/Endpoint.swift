import Foundation
package import SweepModel

/// One call of the contract as a value: the server mounts it, a client calls it, and both agree on types by
/// construction.
///
/// The rule of each call stands in the doc comment of its value (`Endpoint+Worker.swift`, `+Blobs`,
/// `+Client`, `+Ledger`).
package struct Endpoint<Request: WireRequest, Response: WireResponse>: Sendable {
    /// Unique name, for logs and the route table.
    package let name: String
    package let method: WireMethod
    /// A path with `{name}` where a request parameter stands, for example `/v1/blobs/{sha256}`.
    package let path: String
    /// The caller's token must allow one of these; empty where no token is asked for.
    package let scopes: [TokenScope]
    /// Whether sending the same request again is harmless. A client repeats only such calls by itself.
    package let isIdempotent: Bool
    /// Largest request body in bytes; more is answered 413.
    package let bodyLimit: Int

    package init(
        _ name: String, _ method: WireMethod, _ path: String, scopes: [TokenScope], idempotent: Bool = true,
        bodyLimit: Int = WireLimit.control
    ) {
        self.name = name
        self.method = method
        self.path = path
        self.scopes = scopes
        self.isIdempotent = idempotent
        self.bodyLimit = bodyLimit
    }

    /// Path and query string of a request, percent-encoded: parameters the path names go into it, the rest
    /// into the query.
    package func target(of request: Request) -> String {
        var rest = request.parameters
        let segments = path.split(separator: "/", omittingEmptySubsequences: true).map { segment -> String in
            guard segment.hasPrefix("{"), segment.hasSuffix("}") else { return String(segment) }
            return Self.encoded(rest.removeValue(forKey: String(segment.dropFirst().dropLast())) ?? "")
        }
        let query = rest.sorted { $0.key < $1.key }.map { "\(Self.encoded($0.key))=\(Self.encoded($0.value))" }
        return "/" + segments.joined(separator: "/") + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .wireUnreserved) ?? ""
    }
}

extension CharacterSet {
    /// RFC 3986 "unreserved", ASCII only.
    fileprivate static let wireUnreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
