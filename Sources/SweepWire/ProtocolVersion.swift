/// The version of the HTTP contract. Every request and every answer names it in the header `Radiata-Protocol`.
///
/// A coordinator serves `current` and `oldest ... current`; anything else is answered 426 with the versions it speaks.
package enum ProtocolVersion {
    /// Name of the header, in both directions.
    package static let header = "Radiata-Protocol"
    package static let current = 1
    package static let oldest = 1

    /// Whether a request with this header value is served. A request without the header (a browser, `curl`) counts as
    /// current.
    package static func isServed(_ value: String?) -> Bool {
        guard let value else { return true }
        guard let number = Int(value) else { return false }
        return (oldest...current).contains(number)
    }
}
