import CoreData
import CoreDiffusion
import CoreTensor

/// Captions encoded once, each alone.
struct EncodedCaptions {
    private let states: TensorCache
    /// SDXL's pooled text.
    private let pooled: TensorCache?
    private let place: [String: Int]

    /// - Parameter encode: gives the condition of one caption.
    init(_ captions: [String], encode: (String) -> TextCondition) {
        let conditions = withoutGradients { captions.map(encode) }
        states = TensorCache(conditions) { $0.states }
        let added = conditions.compactMap(\.added)
        pooled = added.isEmpty ? nil : TensorCache(added) { $0.text }
        place = Dictionary(uniqueKeysWithValues: captions.enumerated().map { ($1, $0) })
    }

    /// - Parameter sizes: SDXL's six for each caption.
    func condition(_ captions: [String], sizes: [[Float]]) -> TextCondition {
        let places = captions.map { place[$0, default: 0] }
        return TextCondition(
            states: states.batch(places), added: pooled.map { .init(text: $0.batch(places), sizes: sizes) })
    }
}
