/// What is known about a metric: its name for people, which way is better, and where it says most.
package struct MetricInfo: Equatable, Sendable {
    package let name: String
    package let title: String
    package let lowerIsBetter: Bool
    /// The prompt type it is usually read at.
    package let prompts: String
    package let meaning: String

    package static let known: [MetricInfo] = [
        MetricInfo(
            name: "squared_centroid_distance", title: "centroid distance", lowerIsBetter: true, prompts: "trigger",
            meaning: "how far the images' centre lies from the concept's"),
        MetricInfo(
            name: "image_similarity", title: "image similarity", lowerIsBetter: false, prompts: "trigger",
            meaning: "mean cosine to the concept's images"),
        MetricInfo(
            name: "text_similarity", title: "text similarity", lowerIsBetter: false, prompts: "alter",
            meaning: "how well the images follow their prompts"),
        MetricInfo(
            name: "style_distance", title: "drift from base", lowerIsBetter: true, prompts: "style",
            meaning: "Gram distance to the base model's own images"),
        MetricInfo(
            name: "vendi", title: "Vendi diversity", lowerIsBetter: false, prompts: "trigger",
            meaning: "effective number of different images"),
        MetricInfo(
            name: "paired_fidelity", title: "paired fidelity", lowerIsBetter: false, prompts: "train",
            meaning: "cosine of each image to the picture whose caption it was drawn from"),
        MetricInfo(
            name: "own_picture_retrieval", title: "own picture found", lowerIsBetter: false, prompts: "train",
            meaning: "share of images whose nearest picture is their own"),
        MetricInfo(
            name: "copying", title: "copying", lowerIsBetter: true, prompts: "trigger",
            meaning: "share of images nearer to a training picture than those lie to each other"),
    ]

    private static let shrinking = ["loss", "distance", "error", "perplexity", "divergence"]
    private static let shrinkingWords: Set<Substring> = [
        "mse", "rmse", "mae", "nll", "bpb", "ppl", "fid", "kid", "lpips", "wer", "cer",
    ]

    /// An unknown metric counts as one that should grow, unless its name says loss, distance, error or the
    /// like.
    ///
    /// - Parameter lowerIsBetter: what the user says about it; nil to go by the name.
    package static func of(_ name: String, lowerIsBetter: Bool? = nil) -> MetricInfo {
        let known = known.first { $0.name == name }
        if let known, lowerIsBetter == nil || lowerIsBetter == known.lowerIsBetter { return known }
        let lower = name.lowercased()
        let words = lower.split { !$0.isLetter }
        let shrinks = shrinking.contains { lower.contains($0) } || words.contains { shrinkingWords.contains($0) }
        return MetricInfo(
            name: name, title: known?.title ?? name.replacing("_", with: " "), lowerIsBetter: lowerIsBetter ?? shrinks,
            prompts: known?.prompts ?? "trigger", meaning: known?.meaning ?? "")
    }

    /// Whether the first value is the better one.
    package func prefers(_ a: Double, to b: Double) -> Bool { lowerIsBetter ? a < b : a > b }
}
