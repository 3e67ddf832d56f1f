import CoreNets
package import CoreTensor
import Foundation

extension FluxTransformer2DModel {
    /// The velocity under FluxSpace, for one step of a sampler.
    ///
    /// - Parameters:
    ///   - latents: `[N, H, W, C]` with even sides.
    ///   - level: 0 (picture) to 1 (noise).
    ///   - guidance: read where the model has an embedding of it.
    ///   - step: of the sampler, from 0.
    ///   - watch: gets, for each block with a fine change, the largest value of the attention's result after
    ///     the change (before its length is restored) over that before it: the spread that predicts collapse.
    /// - Returns: shaped as the latents. Where neither change acts it is the plain velocity, bit for bit.
    package func predict(
        _ latents: Tensor, level: Float, guidance: Float, prompts: FluxSpace.Prompts, space: FluxSpace, step: Int,
        watch: (_ spread: Float) -> Void = { _ in }
    ) -> Tensor {
        let (height, width, count) = (latents.shape[1], latents.shape[2], latents.shape[0])
        guard let base = prompts.base.pooled, let edit = prompts.edit.pooled else {
            preconditionFailure("prompts without pooled states")
        }
        let words = prompts.base.states.shape[1]
        let rotary = RotaryTable(
            ids: Array(repeating: [0, 0, 0], count: words) + Self.imageIDs(height: height, width: width),
            axes: configuration.axes, theta: 10000)
        let (times, scales) = (
            Array(repeating: level, count: count), Array(repeating: guidance, count: count)
        )
        let given = configuration.guidance ? scales : nil
        let time = self.time(times, guidance: given, pooled: base)
        let changed =
            space.isCoarse(at: step)
            ? self.time(times, guidance: given, pooled: space.pooled(base: base, edit: edit)) : time
        let isFine = space.isFine(at: step)
        var image = imageEmbedder(Self.packed(latents))
        var texts = (isFine ? [prompts.base, prompts.edit, prompts.null] : [prompts.base]).map {
            contextEmbedder($0.states)
        }
        let times3 = [changed, changed, space.variant.changesNull ? changed : time]
        for block in blocks {
            (image, texts) = block.edited(image, texts, time, times3, rotary, isFine ? space : nil, watch)
        }
        let tokens = finish((image: image, text: texts[0]), time: time, rotary: rotary)
        return Self.unpacked(tokens, height: height, width: width)
    }
}

extension FluxTransformerBlock {
    /// The block over one image stream and the text streams of one prompt, or of base, edit and empty prompt.
    ///
    /// - Parameters:
    ///   - time: of the image; silu of the embedding, `[N, C]`.
    ///   - times: of each text stream.
    ///   - space: nil leaves the attention's result alone.
    func edited(
        _ image: Tensor, _ texts: [Tensor], _ time: Tensor, _ times: [Tensor], _ rotary: RotaryTable,
        _ space: FluxSpace?, _ watch: (_ spread: Float) -> Void
    ) -> (image: Tensor, texts: [Tensor]) {
        let own = Self.halves(norm(time))
        let modulations = zip(texts, times).map { Self.halves(textNorm($1)) }
        let pixels = attention.project(own.attention.norm(image, epsilon: 1e-6))
        let words = zip(texts, modulations).map { attention.project(text: $1.attention.norm($0, epsilon: 1e-6)) }
        let mixed = words.map { attention.joint(image: pixels, text: $0, rotary: rotary) }
        var result = mixed[0].image
        if let space, mixed.count == 3 {
            let mask = attention.mask(
                pixels.query, words[1].key, space: space, rotary: space.variant.rotatesMask ? rotary : nil)
            result = space.changed(
                result, edit: mixed[1].image, null: mixed[2].image, mask: mask, watch: watch)
        }
        let finished = texts.indices.map { index in
            Self.finish(texts[index], mixed[index].text, modulations[index], textFeedForward)
        }
        return (Self.finish(image, result, own, feedForward), finished)
    }
}

extension FluxSpace {
    /// l + λ M ⊙ l'⊥, with l'⊥ the part of the edit's result that is orthogonal to the empty prompt's.
    ///
    /// - Parameters:
    ///   - result, edit, null: what the attention gave under each prompt, `[N, T, C]`.
    ///   - mask: 0 or 1 for each token, N · T of them.
    ///   - watch: gets max |l + λ M ⊙ l'⊥| over max |l|, of all components, before lengths are restored.
    package func changed(
        _ result: Tensor, edit: Tensor, null: Tensor, mask: [Float], watch: (_ spread: Float) -> Void = { _ in }
    ) -> Tensor {
        let width = result.shape[2]
        let orthogonal = Self.orthogonal(edit, to: null, epsilon: variant.epsilon)
        let output = Tensor(uninitialized: result.shape)
        let (fine, keepsLength) = (fine, variant.keepsLength)
        let (plain, moved) = withElements(result.reading, orthogonal.reading, output.writing) {
            result, change, output in
            var largest: (plain: Float, moved: Float) = (0, 0)
            for (token, share) in mask.enumerated() {
                let row = token * width..<(token + 1) * width
                var (before, after) = (0.0, 0.0)
                for i in row {
                    output[i] = result[i] + fine * share * change[i]
                    largest = (max(largest.plain, abs(result[i])), max(largest.moved, abs(output[i])))
                    before += Double(result[i]) * Double(result[i])
                    after += Double(output[i]) * Double(output[i])
                }
                guard keepsLength, share != 0, after > 0 else { continue }
                let scale = Float((before / after).squareRoot())
                for i in row { output[i] *= scale }
            }
            return largest
        }
        if plain > 0 { watch(moved / plain) }
        return output
    }
}

extension JointAttention {
    /// Where the image looks at the edit's words: 1 for tokens whose share is at least τ after it was spread
    /// over the picture.
    ///
    /// - Parameters:
    ///   - queries: of the image, normalised, `[N, T, C]`.
    ///   - keys: of the edit prompt, normalised, `[N, S, C]`.
    ///   - rotary: of the joint sequence, text first; nil leaves places out.
    func mask(_ queries: Tensor, _ keys: Tensor, space: FluxSpace, rotary: RotaryTable?) -> [Float] {
        let (count, pixels, words, width) = (queries.shape[0], queries.shape[1], keys.shape[1], queries.shape[2])
        let size = width / heads
        var (query, key) = (queries, keys)
        if let rotary {
            // Both turned at their places in the joint sequence.
            let turned = rotary.turn(concatenateTokens(keys, queries), heads: heads)
            key = slice(turned, tokens: 0..<words)
            query = slice(turned, tokens: words..<words + pixels)
        }
        let chosen = space.variant.maskWords.filter { $0 < words }
        var mask: [Float] = []
        for sample in 0..<count {
            var shares = [Float](repeating: 0, count: pixels)
            for head in 0..<heads {
                func part(_ x: Tensor, _ length: Int) -> Tensor {
                    slice(
                        slice(x, batch: sample..<sample + 1).reshaped([length, width]),
                        channels: head * size..<(head + 1) * size)
                }
                let scores = matmul(part(query, pixels), part(key, words), transposeB: true)
                let looked = softmax(scaled(scores, by: 1 / Float(size).squareRoot())).values
                for pixel in 0..<pixels {
                    for word in chosen {
                        shares[pixel] += looked[pixel * words + word] / Float(heads * chosen.count)
                    }
                }
            }
            let (low, high) = (shares.min() ?? 0, shares.max() ?? 0)
            mask += shares.map { share in
                let spread = high > low ? (share - low) / (high - low) : 0
                return 1 / (1 + exp(-10 * (spread - 0.5))) >= space.tau ? 1 : 0
            }
        }
        return mask
    }
}
