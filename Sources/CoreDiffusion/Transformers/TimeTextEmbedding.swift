package import CoreNets
package import CoreTensor

/// The embedding of time, of the guidance where the model was distilled with it, and of the pooled prompt.
package final class TimeTextEmbedding: Module {
    let time: TimestepEmbedding
    let guidance: TimestepEmbedding?
    let text: PooledTextProjection

    package init(width: Int, pooledWidth: Int, guidance: Bool) {
        time = TimestepEmbedding(inputs: 256, width: width)
        self.guidance = guidance ? TimestepEmbedding(inputs: 256, width: width) : nil
        text = PooledTextProjection(inputs: pooledWidth, width: width)
    }

    package var className: String {
        guidance == nil ? "CombinedTimestepTextProjEmbeddings" : "CombinedTimestepGuidanceTextProjEmbeddings"
    }
    package var children: [(name: String, module: any Module)] {
        [("timestep_embedder", time)] + (guidance.map { [("guidance_embedder", $0)] } ?? [])
            + [("text_embedder", text)]
    }

    /// - Parameters:
    ///   - times: for each sample, 0 to 1000.
    ///   - guidance: a thousand times the guidance; needed where the model has an embedding of it.
    ///   - pooled: `[N, P]`.
    /// - Returns: `[N, C]`, before its activation.
    package func callAsFunction(_ times: [Float], guidance scales: [Float]?, pooled: Tensor) -> Tensor {
        var sum = time(TimestepEmbedding.features(times, width: 256, flip: true, shift: 0))
        if let guidance {
            guard let scales else { preconditionFailure("this model wants a guidance scale") }
            sum = add(sum, guidance(TimestepEmbedding.features(scales, width: 256, flip: true, shift: 0)))
        }
        return add(sum, text(pooled))
    }
}

/// linear, silu, linear over the pooled prompt.
package final class PooledTextProjection: Module {
    let linear1, linear2: Linear

    package init(inputs: Int, width: Int) {
        linear1 = Linear(inputs: inputs, outputs: width)
        linear2 = Linear(inputs: width, outputs: width)
    }

    package var className: String { "PixArtAlphaTextProjection" }
    package var children: [(name: String, module: any Module)] { [("linear_1", linear1), ("linear_2", linear2)] }

    package func callAsFunction(_ pooled: Tensor) -> Tensor { linear2(silu(linear1(pooled))) }
}
