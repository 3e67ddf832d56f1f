/// The version of the HTTP contract. Every request and every answer names it in the header
/// `Radiata-Protocol`.
///
/// A coordinator serves `current` and `oldest ... current`; anything else is answered 426 with the versions
/// it speaks.
package enum ProtocolVersion {
    /// Name of the header, in both directions.
    package static let header = "Radiata-Protocol"
    package static let current = 2
    package static let oldest = 1

    /// Why a request with this header value is not served; nil if it is. A request without the header (a
    /// browser, `curl`) counts as current.
    package static func fault(_ value: String?) -> WireError? {
        guard let value else { return nil }
        let served = oldest == current ? "\(current)" : "\(oldest) to \(current)"
        guard let number = Int(value) else {
            return WireError(.upgrade, "protocol '\(value.prefix(20))' is none; this coordinator serves \(served)")
        }
        guard number > current else {
            guard number < oldest else { return nil }
            return WireError(
                .upgrade,
                "the caller speaks protocol \(number), this coordinator serves \(served); update radiata on the caller's machine"
            )
        }
        return WireError(
            .upgrade,
            "the caller speaks protocol \(number), this coordinator serves \(served); update radiata on the coordinator's machine"
        )
    }
}
