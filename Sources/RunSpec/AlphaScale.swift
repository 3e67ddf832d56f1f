/// How alpha and rank make the scale of an update: ΔW is multiplied by alpha / rank.
///
/// The one place that knows that an alpha of 0 means the rank.
package enum AlphaScale {
    /// The alpha that counts: the rank in place of 0.
    package static func alpha<Number: Equatable & ExpressibleByIntegerLiteral>(
        _ given: Number, rank: Number
    ) -> Number {
        given == 0 ? rank : given
    }

    /// alpha / rank, as readers of adapter files compute it: 1 without an alpha or without a rank.
    package static func scale<Number: BinaryFloatingPoint>(alpha given: Number?, rank: Int?) -> Number {
        guard let given, let rank, rank > 0 else { return 1 }
        return alpha(given, rank: Number(rank)) / Number(rank)
    }
}
