package import CoreTensor

/// A prompt's ids for each text encoder: rows of the tokenizer's length, several for long prompts.
package struct PromptIDs: Equatable, Sendable {
    package let first: [[Int32]]
    /// SDXL's second encoder; empty without one.
    package let second: [[Int32]]
    /// T5's; empty without it.
    package var third: [[Int32]] = []
}

extension DiffusionPipeline {
    /// - Parameter chunks: rows for each prompt; what does not fit is cut.
    package func ids(of prompt: String, chunks: Int = 1) -> PromptIDs {
        // Transformers read long prompts through T5.
        let chunks = flow == nil ? chunks : 1
        return PromptIDs(
            first: tokenizer.encode(prompt, chunks: chunks),
            second: (textEncoder2 == nil ? nil : tokenizer2 ?? tokenizer)?.encode(prompt, chunks: chunks) ?? [],
            third: t5.map { [$0.tokenizer.encode(prompt, length: $0.length)] } ?? [])
    }

    /// What prompts of one number of chunks tell the U-Net.
    ///
    /// - Parameters:
    ///   - clipSkip: 1 takes the text encoder's last layer; of SDXL's encoders, the one before the last.
    ///   - sizes: for SDXL, six numbers for each prompt: original height and width, crop top and left, target
    ///     height and
    ///     width, in pixels; nil means a whole picture of the size the U-Net was trained on.
    package func condition(_ prompts: [PromptIDs], clipSkip: Int = 1, sizes: [[Float]]? = nil) -> TextCondition {
        if let flow { return flowCondition(prompts, flow, clipSkip: clipSkip) }
        let first = prompts.flatMap(\.first)
        guard let textEncoder2 else {
            return TextCondition(states: joinChunks(textEncoder(ids: first, clipSkip: clipSkip).hidden, prompts.count))
        }
        let small = textEncoder.penultimate(ids: first, clipSkip: clipSkip).hidden
        let large = textEncoder2.penultimate(ids: prompts.flatMap(\.second), clipSkip: clipSkip)
        let chunks = first.count / max(1, prompts.count)
        let pooled =
            chunks == 1 ? large.embedding : rows(large.embedding, prompts.indices.map { $0 * chunks })
        return TextCondition(
            joinChunks(small, prompts.count), joinChunks(large.hidden, prompts.count), pooled: pooled,
            sizes: sizes ?? prompts.map { _ in wholePicture() })
    }

    package func condition(_ prompts: [String], clipSkip: Int = 1, sizes: [[Float]]? = nil) -> TextCondition {
        condition(prompts.map { ids(of: $0) }, clipSkip: clipSkip, sizes: sizes)
    }

    /// SDXL's six sizes of a picture that nothing was cut from.
    ///
    /// - Parameter size: in pixels; nil: what the U-Net was trained on.
    package func wholePicture(_ size: (height: Int, width: Int)? = nil) -> [Float] {
        let (height, width) = size ?? (imageSide, imageSide)
        return [Float(height), Float(width), 0, 0, Float(height), Float(width)]
    }

    /// The chunks of each prompt as one sequence: the first start, every chunk's inside, the last end.
    ///
    /// - Parameter states: `[prompts · chunks, L, C]`.
    /// - Returns: `[prompts, chunks (L − 2) + 2, C]`.
    private func joinChunks(_ states: Tensor, _ prompts: Int) -> Tensor {
        let (all, length, width) = (states.shape[0], states.shape[1], states.shape[2])
        let chunks = all / max(1, prompts)
        guard chunks > 1 else { return states }
        let places = (0..<prompts).flatMap { prompt -> [Int] in
            let start = prompt * chunks * length
            let inside = (0..<chunks).flatMap { chunk in (1..<length - 1).map { start + chunk * length + $0 } }
            return [start] + inside + [start + chunks * length - 1]
        }
        return rows(states.reshaped([all * length, width]), places)
            .reshaped([prompts, chunks * (length - 2) + 2, width])
    }
}

extension DiffusionPipeline {
    /// What edits begin with, as the network reads it.
    ///
    /// - Parameter pixels: `[N, H, W, 3]` in -1…1.
    /// - Returns: the middle of the posterior, `[N, h, w, L]`.
    package func source(_ pixels: Tensor) -> Tensor {
        let mean = vae.encode(pixels).mean
        return unet.sourceReading == .tokens ? vae.scaled(mean) : mean
    }

    /// What guidance leads away from: a negative prompt, or none.
    package func unconditional(_ negatives: [PromptIDs], isEmpty: Bool, clipSkip: Int = 1, sizes: [[Float]]? = nil)
        -> TextCondition
    {
        let condition = condition(negatives, clipSkip: clipSkip, sizes: sizes)
        guard zerosForEmptyPrompt, isEmpty, let added = condition.added else { return condition }
        return TextCondition(
            states: .zeros(condition.states.shape),
            added: .init(text: .zeros(added.text.shape), sizes: added.sizes))
    }
}
