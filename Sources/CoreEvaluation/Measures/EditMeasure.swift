import CoreData
package import CoreDiffusion
import CoreTensor
package import ImageFiles
package import RunSpec

/// What is measured of edits: how much of each picture stayed, and how much of what was asked for came.
package struct EditMeasure {
    /// A picture before and after, of one size, and what both should show.
    package struct Pair {
        package var source: RGBImage
        package var edited: RGBImage
        /// What the autoencoder leaves of the source: no edit can keep more of it. nil for a source that was
        /// drawn.
        package var attainable: RGBImage?
        package var prompt: String
        package var edit: String
        /// Of FluxSpace's fine changes; nil where there were none.
        package var spread: Double?

        package init(
            source: RGBImage, edited: RGBImage, attainable: RGBImage?, prompt: String, edit: String, spread: Double?
        ) {
            self.source = source
            self.edited = edited
            self.attainable = attainable
            self.prompt = prompt
            self.edit = edit
            self.spread = spread
        }
    }

    private let panel: EncoderPanel
    private let cache: FeatureCache

    /// - Parameters:
    ///   - encoders: paths by role, besides the base's own.
    ///   - cache: the folder that jobs share.
    /// - Throws: as `EncoderPanel`.
    package init(base: String, encoders: [EncoderRole: String], tokenizer: CLIPTokenizer, cache: String) throws {
        panel = try EncoderPanel(base: base, named: encoders, tokenizer: tokenizer)
        self.cache = FeatureCache(folder: cache + "/features")
    }

    /// One row a metric, with the value of each pair. `base_` is what the unedited source has, `bound_` what
    /// the autoencoder leaves of it.
    ///
    /// - Throws: `EvaluationError` or `DiffusionError` for an encoder that cannot be used.
    package func rows(_ pairs: [Pair]) throws -> [EvaluationRow] {
        var metrics = pixels(pairs)
        for encoder in try panel.seeing(fit: .crop, cache: cache) {
            metrics += try features(pairs, encoder)
            encoder.release()
        }
        if let lpips = panel.member(.lpips) {
            let (model, name) = (try PerceptualDistance(path: lpips.path), try lpips.identified().name)
            metrics += both(pairs) { source, edited in
                guard min(source.width, source.height) >= model.smallestSide else { return nil }
                return model(source.tensor(), edited.tensor())
            }.map { MeasuredMetric("\($0.prefix)lpips@\(name)", values: $0.values) }
        }
        let spreads = pairs.compactMap(\.spread)
        if spreads.count == pairs.count { metrics.append(MeasuredMetric("attention_spread", values: spreads)) }
        Compute.releaseIdleBuffers()
        return metrics.map { metric in
            EvaluationRow(
                checkpoint: EditTask.checkpoint, epoch: 0, step: 0, class: "", prompts: EditTask.prompts,
                metric: metric.name, value: metric.value.isFinite ? metric.value : nil, n: metric.count,
                values: metric.kept)
        }
    }

    private func pixels(_ pairs: [Pair]) -> [MeasuredMetric] {
        // An edit may leave every pixel: then its source was drawn, and its scales are 0.
        both(pairs) { min(PixelMetrics.signalToNoise($0, $1), PixelMetrics.highestSignalToNoise) }
            .map { MeasuredMetric("\($0.prefix)psnr", values: $0.values) }
            + both(pairs) { PixelMetrics.structuralSimilarity($0, $1, .gaussian) }
            .map { MeasuredMetric("\($0.prefix)ssim", values: $0.values) }
            + [MeasuredMetric("saturation", values: pairs.map { PixelMetrics.saturation($0.edited) })]
    }

    /// A comparison with the sources: of the edits, and of what the autoencoder leaves. Without one that some
    /// pair does not have.
    private func both(
        _ pairs: [Pair], _ compare: (RGBImage, RGBImage) -> Double?
    ) -> [(prefix: String, values: [Double])] {
        let kinds: [(prefix: String, image: (Pair) -> RGBImage?)] = [
            ("", { $0.edited }), ("bound_", { $0.attainable }),
        ]
        return kinds.compactMap { kind in
            let values = pairs.compactMap { pair in kind.image(pair).flatMap { compare(pair.source, $0) } }
            return values.count == pairs.count ? (kind.prefix, values) : nil
        }
    }

    private func features(_ pairs: [Pair], _ encoder: FeatureEncoder) throws -> [MeasuredMetric] {
        let sources = try encoder.kept(Pictures(pairs.map(\.source)))
        let edits = try encoder.features(pairs.map(\.edited))
        let own = Array(pairs.indices)
        var metrics = [
            MeasuredMetric("similarity_to_source", values: PictureMetrics.pairedFidelity(edits, sources, own: own))
        ]
        let attainable = pairs.compactMap(\.attainable)
        if attainable.count == pairs.count {
            let bounds = try encoder.features(attainable)
            metrics.append(
                MeasuredMetric(
                    "bound_similarity_to_source", values: PictureMetrics.pairedFidelity(bounds, sources, own: own)))
        }
        if let wanted = try encoder.features(texts: pairs.map(\.edit)),
            let said = try encoder.features(texts: pairs.map(\.prompt))
        {
            metrics.append(
                MeasuredMetric("text_similarity", values: FeatureMetrics.textSimilarities(edits, wanted)))
            metrics.append(
                MeasuredMetric("base_text_similarity", values: FeatureMetrics.textSimilarities(sources, wanted)))
            let directions = PictureMetrics.direction(edits, from: sources, texts: wanted, from: said)
            // A picture that did not change has no direction, and follows none.
            metrics.append(MeasuredMetric("clip_direction", values: directions.map { $0 ?? 0 }))
        }
        return metrics.flatMap { metric in encoder.names(of: metric.name).map(metric.renamed) }
    }
}
