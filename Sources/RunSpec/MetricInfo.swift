/// What is known about a metric: its name for people, which way is better, and where it says most.
package struct MetricInfo: Hashable, Sendable {
    package let name: String
    package let title: String
    package let lowerIsBetter: Bool
    /// The prompt type it is usually read at.
    package let prompts: String
    package let meaning: String
    /// Of one value; empty for what is only a number.
    package let unit: String
    /// False where only a guess says which way is better.
    package let isDirectionKnown: Bool

    package init(
        name: String, title: String, lowerIsBetter: Bool, prompts: String, meaning: String, unit: String = "",
        isDirectionKnown: Bool = true
    ) {
        self.name = name
        self.title = title
        self.lowerIsBetter = lowerIsBetter
        self.prompts = prompts
        self.meaning = meaning
        self.unit = unit
        self.isDirectionKnown = isDirectionKnown
    }

    /// The headline first.
    package static let known: [MetricInfo] = single + pairs

    private static let single: [MetricInfo] = [
        MetricInfo(
            name: "paired_fidelity", title: "paired fidelity", lowerIsBetter: false, prompts: "train",
            meaning: "cosine of each image to the picture whose caption it was drawn from", unit: "cosine"),
        MetricInfo(
            name: "validation_loss", title: "validation loss", lowerIsBetter: true, prompts: "",
            meaning: "loss on held-out pictures, at fixed noise and timesteps", unit: "squared error"),
        MetricInfo(
            name: "own_picture_retrieval", title: "own picture found", lowerIsBetter: false, prompts: "train",
            meaning: "share of images whose nearest picture of the concept is their own", unit: "share"),
        MetricInfo(
            name: "squared_centroid_distance", title: "centroid distance", lowerIsBetter: true, prompts: "trigger",
            meaning: "how far the images' centre lies from the concept's", unit: "squared distance"),
        MetricInfo(
            name: "image_similarity", title: "image similarity", lowerIsBetter: false, prompts: "trigger",
            meaning: "mean cosine to the concept's images", unit: "cosine"),
        MetricInfo(
            name: "heldout_squared_centroid_distance", title: "held-out centroid distance", lowerIsBetter: true,
            prompts: "trigger", meaning: "how far the images' centre lies from that of the held-out pictures",
            unit: "squared distance"),
        MetricInfo(
            name: "heldout_image_similarity", title: "held-out image similarity", lowerIsBetter: false,
            prompts: "trigger", meaning: "mean cosine to the held-out pictures", unit: "cosine"),
        MetricInfo(
            name: "text_similarity", title: "text similarity", lowerIsBetter: false, prompts: "alter",
            meaning: "how well the images follow their prompts", unit: "cosine"),
        MetricInfo(
            name: "style_distance", title: "drift from base", lowerIsBetter: true, prompts: "style",
            meaning: "Gram distance to the base model's own images"),
        MetricInfo(
            name: "copying", title: "copying", lowerIsBetter: true, prompts: "trigger",
            meaning: "share of images nearer to a training picture than training pictures lie to each other",
            unit: "share"),
        MetricInfo(
            name: "nearest_training_similarity", title: "nearest training picture", lowerIsBetter: true,
            prompts: "trigger", meaning: "cosine to the nearest training picture: neither way is better by itself",
            unit: "cosine", isDirectionKnown: false),
        MetricInfo(
            name: "vendi", title: "Vendi diversity", lowerIsBetter: false, prompts: "trigger",
            meaning: "effective number of different images", unit: "images"),
        MetricInfo(
            name: "leakage", title: "leakage", lowerIsBetter: true, prompts: "concept-free",
            meaning: "how much nearer to the concept's pictures than the base's images, where it is not asked for",
            unit: "cosine"),
        MetricInfo(
            name: "picture_style_distance", title: "style distance to pictures", lowerIsBetter: true,
            prompts: "trigger", meaning: "mean Gram distance of all pairs of image and training picture"),
        MetricInfo(
            name: "clip_direction", title: "CLIP direction", lowerIsBetter: false, prompts: "alter",
            meaning: "cosine of an image's change from the trigger's image and the change of the words",
            unit: "cosine"),
        MetricInfo(
            name: "votes", title: "preferred in votes", lowerIsBetter: false, prompts: "",
            meaning: "chance that people prefer its picture to an average one", unit: "chance"),
        MetricInfo(
            name: "kid", title: "KID", lowerIsBetter: true, prompts: "trigger",
            meaning: "squared discrepancy from the training pictures, cubic kernel, unbiased"),
        MetricInfo(
            name: "cmmd", title: "CMMD", lowerIsBetter: true, prompts: "trigger",
            meaning: "1000 times the squared discrepancy from the training pictures, Gaussian kernel"),
        MetricInfo(
            name: "paired_cmmd", title: "CMMD to base", lowerIsBetter: true, prompts: "style",
            meaning: "1000 times the squared discrepancy from the base's images of the same prompts and noise"),
        MetricInfo(
            name: "sliced_wasserstein", title: "sliced Wasserstein", lowerIsBetter: true, prompts: "trigger",
            meaning: "distance to the training pictures' features along random directions"),
        MetricInfo(
            name: "psnr", title: "PSNR", lowerIsBetter: false, prompts: "train",
            meaning: "peak signal-to-noise ratio of each image and its own picture", unit: "dB"),
        MetricInfo(
            name: "ssim", title: "SSIM", lowerIsBetter: false, prompts: "train",
            meaning: "structural similarity to the own picture, Gaussian window of 11, sigma 1.5", unit: "similarity"),
        MetricInfo(
            name: "ssim_uniform", title: "SSIM, uniform", lowerIsBetter: false, prompts: "train",
            meaning: "structural similarity to the own picture, uniform window of 7", unit: "similarity"),
        MetricInfo(
            name: "lpips", title: "LPIPS", lowerIsBetter: true, prompts: "train",
            meaning: "how different each image looks from its own picture", unit: "distance"),
        MetricInfo(
            name: "saturation", title: "saturation", lowerIsBetter: true, prompts: "trigger",
            meaning: "mean saturation of the pixels: neither way is better by itself, over-training raises it",
            unit: "share", isDirectionKnown: false),
        MetricInfo(
            name: "pick_score", title: "PickScore", lowerIsBetter: false, prompts: "alter",
            meaning: "what people would rather choose for the prompt, by a tuned CLIP"),
        MetricInfo(
            name: "hps_score", title: "HPS", lowerIsBetter: false, prompts: "alter",
            meaning: "human preference score of image and prompt, by a tuned CLIP", unit: "cosine"),
        MetricInfo(
            name: "aesthetic_score", title: "aesthetic score", lowerIsBetter: false, prompts: "alter",
            meaning: "how much people would like the picture, 1 to 10, whatever the prompt"),
        MetricInfo(
            name: "adapter_norm", title: "adapter norm", lowerIsBetter: true, prompts: "",
            meaning: "length of the update over that of the weights it changes: neither way is better by itself",
            unit: "share", isDirectionKnown: false),
        MetricInfo(
            name: "similarity_to_source", title: "similarity to source", lowerIsBetter: false,
            prompts: EditTask.prompts,
            meaning: "cosine of each edited picture to the picture that was edited", unit: "cosine"),
        MetricInfo(
            name: "attention_spread", title: "spread of the attention", lowerIsBetter: true, prompts: EditTask.prompts,
            meaning: "largest value of the attention's result after FluxSpace's fine change over that before it: "
                + "neither way is better by itself, edits are said to collapse past 1.28", isDirectionKnown: false),
    ]

    private static let shrinking = ["loss", "distance", "error", "perplexity", "divergence"]
    private static let shrinkingWords: Set<Substring> = [
        "mse", "rmse", "mae", "nll", "bpb", "ppl", "fid", "kid", "cmmd", "lpips", "wer", "cer",
    ]
    private static let growing = ["accuracy", "similarity", "fidelity", "precision", "recall", "reward"]
    private static let growingWords: Set<Substring> = [
        "acc", "auc", "auroc", "bleu", "rouge", "dice", "iou", "map", "psnr", "ssim", "score", "f",
    ]

    /// Of a metric by its name. Two things are read off it: `base_` or `bound_` before the name of another
    /// (the base model's own value, and what is attainable), and `@ENCODER` after it (who measured). An
    /// unknown metric counts as one that should grow, unless its name says loss, distance, error or the like.
    ///
    /// - Parameter lowerIsBetter: what the user says about it; nil to go by the name.
    package static func of(_ name: String, lowerIsBetter: Bool? = nil) -> MetricInfo {
        let known = named(name)
        if let known, lowerIsBetter == nil || lowerIsBetter == known.lowerIsBetter { return known }
        let lower = name.lowercased()
        let words = lower.split { !$0.isLetter }
        let shrinks = shrinking.contains { lower.contains($0) } || words.contains { shrinkingWords.contains($0) }
        let grows = growing.contains { lower.contains($0) } || words.contains { growingWords.contains($0) }
        return MetricInfo(
            name: name, title: known?.title ?? name.replacing("_", with: " "), lowerIsBetter: lowerIsBetter ?? shrinks,
            prompts: known?.prompts ?? "trigger", meaning: known?.meaning ?? "", unit: known?.unit ?? "",
            isDirectionKnown: lowerIsBetter != nil || shrinks || grows)
    }

    /// The same with what a sweep file says.
    ///
    /// - Parameter declarations: those of other metrics are passed over.
    package static func of(
        _ name: String, lowerIsBetter: Bool? = nil, declared declarations: some Sequence<MetricDeclaration>
    ) -> MetricInfo {
        guard let declared = declarations.first(where: { $0.name == name }) else {
            return of(name, lowerIsBetter: lowerIsBetter)
        }
        let info = of(name, lowerIsBetter: lowerIsBetter ?? declared.better.map { $0 == .lower })
        return MetricInfo(
            name: name, title: declared.title ?? info.title, lowerIsBetter: info.lowerIsBetter,
            prompts: declared.prompts ?? info.prompts, meaning: info.meaning, unit: declared.unit ?? info.unit,
            isDirectionKnown: info.isDirectionKnown || declared.weight != nil)
    }

    /// nil where nobody knows it.
    private static func named(_ name: String) -> MetricInfo? {
        if let plain = known.first(where: { $0.name == name }) { return plain }
        if EvaluationMetric.vendiOrder(name) != nil, let vendi = named("vendi") {
            let order = name.dropFirst("vendi_q".count)
            return vendi.renamed(name, "\(vendi.title), order \(order)", "\(vendi.meaning), of order \(order)")
        }
        if let at = name.firstIndex(of: "@"), let inner = named(String(name[..<at])) {
            let encoder = String(name[name.index(after: at)...])
            return inner.renamed(name, "\(inner.title), \(encoder)", "\(inner.meaning), measured by \(encoder)")
        }
        for (prefix, title, meaning) in references where name.hasPrefix(prefix) {
            guard let inner = named(String(name.dropFirst(prefix.count))) else { continue }
            return inner.renamed(name, "\(inner.title), \(title)", "\(inner.meaning): \(meaning)")
        }
        return nil
    }

    private static let references = [
        ("base_", "base model", "the base model's own images"), ("bound_", "bound", "the most that is attainable"),
        ("source_", "unedited source", "the picture that the edit begins with, unchanged"),
    ]

    private func renamed(_ name: String, _ title: String, _ meaning: String) -> MetricInfo {
        MetricInfo(
            name: name, title: title, lowerIsBetter: lowerIsBetter, prompts: prompts, meaning: meaning, unit: unit,
            isDirectionKnown: isDirectionKnown)
    }

    /// Whether it is a reference and no measure of a checkpoint.
    package static func isReference(_ name: String) -> Bool {
        ["base_", "bound_", "ceiling_", "source_edit_"].contains { name.hasPrefix($0) }
    }

    /// Whether the first value is the better one.
    package func prefers(_ a: Double, to b: Double) -> Bool { lowerIsBetter ? a < b : a > b }
}
