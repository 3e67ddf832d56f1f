import CoreNets
package import CoreTensor

extension Denoiser {
    /// `predict` for many calls with the same weights: the same numbers, sooner where the network is small.
    ///
    /// A small network's weights stay packed between calls, and the batch's samples are computed in groups,
    /// one for each thread (`inSampleGroups`).
    /// - Parameter actsBySample: whether the adapters at work do the same to a sample whatever is beside it.
    package func predictBatch(
        _ latents: Tensor, times: [Float], condition: TextCondition, cache: ContextCache? = nil,
        actsBySample: Bool = true
    ) -> Tensor {
        guard parameterCount <= Self.mostParameters else {
            return predict(latents, times: times, condition: condition, cache: cache)
        }
        let isWhole = !actsBySample || denoisingTimes.isFollowed
        let groups = isWhole ? [0..<times.count] : Compute.sampleGroups(times.count)
        let caches = groups.count == 1 ? cache.map { [$0] } : cache?.parts(groups.count)
        return Precision.keepingPanels {
            inSampleGroups([latents] + condition.tensors, groups) { group, inputs in
                predict(
                    inputs[0], times: Array(times[groups[group]]),
                    condition: condition.part(groups[group], of: Array(inputs.dropFirst())), cache: caches?[group])
            }
        }
    }

    /// With more, packed copies of the weights would take too much memory, and the threads would read weights
    /// that do not fit their caches once each instead of sharing them.
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
