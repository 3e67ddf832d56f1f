import CoreData
import CoreDiffusion
import CoreTensor

/// Captions encoded once, each alone.
struct EncodedCaptions {
    private let states: TensorCache
    /// The pooled text of SDXL or of a transformer.
    private let pooled: TensorCache?
    /// Whether it comes without SDXL's sizes.
    private let isPlain: Bool
    private let place: [String: Int]

    /// - Parameter encode: gives the condition of one caption.
    init(_ captions: [String], encode: (String) -> TextCondition) {
        let conditions = withoutGradients { captions.map(encode) }
        states = TensorCache(conditions) { $0.states }
        isPlain = conditions.contains { $0.pooled != nil }
        let vectors = conditions.compactMap { $0.added?.text ?? $0.pooled }
        pooled = vectors.isEmpty ? nil : TensorCache(vectors) { $0 }
        place = Dictionary(uniqueKeysWithValues: captions.enumerated().map { ($1, $0) })
    }

    /// - Parameter sizes: SDXL's six for each caption.
    func condition(_ captions: [String], sizes: [[Float]]) -> TextCondition {
        let places = captions.map { place[$0, default: 0] }
        if isPlain {
            return TextCondition(states: states.batch(places), pooled: pooled?.batch(places))
        }
        return TextCondition(
            states: states.batch(places), added: pooled.map { .init(text: $0.batch(places), sizes: sizes) })
    }
}
