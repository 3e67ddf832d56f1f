/// The fine-tuning algorithms by their names in sweep files. `locon` is another name of `lora` and folded into it before
/// a job is identified.
package enum Algorithm: String, CaseIterable, Codable, Hashable, Sendable {
    case lora, locon, loha, lokr, full, dylora, glora, ia3, glokr
    case diagOFT = "diag-oft"
    case boft

    /// The name under which a job is identified.
    package var canonical: Algorithm { self == .locon ? .lora : self }

    /// Whether `dim` means something: a rank, or a block size for the orthogonal ones.
    package var hasDim: Bool { self != .full && self != .ia3 }

    /// Whether ΔW is scaled by alpha / dim.
    package var hasAlpha: Bool {
        switch self {
        case .lora, .locon, .loha, .lokr, .dylora, .glora, .glokr: true
        case .full, .ia3, .diagOFT, .boft: false
        }
    }

    /// Whether the weight is a Kronecker product whose smaller factor `factor` bounds.
    package var isKronecker: Bool { self == .lokr || self == .glokr }
}
