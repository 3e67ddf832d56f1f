import CoreNets
package import CoreTensor

extension Denoiser {
    /// `predict`, where the network is small with the batch's samples in groups, one for each thread: the same
    /// numbers sooner (`inSampleGroups`).
    ///
    /// - Parameter actsBySample: whether the adapters at work do to a sample what they do whatever is beside it.
    package func predictBatch(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache? = nil,
        actsBySample: Bool = true
    ) -> Tensor {
        let groups = Compute.sampleGroups(times.count)
        guard groups.count > 1, actsBySample, !denoisingTimes.isFollowed, parameterCount <= Self.mostParameters else {
            return predict(latents, times: times, condition: condition, cache: cache)
        }
        let caches = cache?.parts(groups.count)
        let tensors = condition.tensors
        return inSampleGroups([latents] + tensors, groups) { group, inputs in
            predict(
                inputs[0], times: Array(times[groups[group]]),
                condition: condition.part(groups[group], of: Array(inputs.dropFirst())), cache: caches?[group])
        }
    }

    /// With more, the threads would read weights that do not fit their caches once each, and all rows of a
    /// batch would no longer share what a weight costs.
    private static var mostParameters: Int { 32 << 20 }
}

extension TextCondition {
    /// All that it holds for each sample, in a fixed order.
    fileprivate var tensors: [Tensor] { [states] + [added?.text, pooled, source].compactMap(\.self) }

    /// That of some samples, its tensors those of `tensors` cut to them.
    fileprivate func part(_ samples: Range<Int>, of tensors: [Tensor]) -> TextCondition {
        var rest = tensors.dropFirst()[...]
        let added = added.map { UNet2DConditionModel.Added(text: rest.removeFirst(), sizes: Array($0.sizes[samples])) }
        var part = TextCondition(
            states: tensors[0], added: added, pooled: pooled == nil ? nil : rest.removeFirst())
        part.source = source == nil ? nil : rest.removeFirst()
        part.guidance = guidance
        return part
    }
}
