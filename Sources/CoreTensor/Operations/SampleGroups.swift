import CKernels

/// `body` on groups of a batch's samples at once, each group from its first operation to its last on one
/// thread, forward and backward.
///
/// A small network's operations are too short to be shared: the threads meet hundreds of times a step. In
/// groups they meet twice, and each finds the activations of its samples in its own cache. Every sample's
/// numbers are those of the whole batch; gradients of leaves (weights, adapters) are summed group by group.
/// - Parameters:
///   - inputs: every recorded tensor that `body` reads, `[N, …]`.
///   - groups: the samples of each group, in order; one group runs as usual, on all threads.
///   - body: a group's number and its share of the inputs → `[samples of the group, …]`. Its samples do not
///     depend on each other. It runs on several threads, so whatever it changes besides is locked.
/// - Returns: `[N, …]`
package func inSampleGroups(
    _ inputs: [Tensor], _ groups: [Range<Int>], _ body: (_ group: Int, _ inputs: [Tensor]) -> Tensor
) -> Tensor {
    precondition(
        inputs.allSatisfy { $0.shape.first == groups.last?.upperBound }, "\(inputs.map(\.shape)) in groups \(groups)")
    guard groups.count > 1 else { return body(0, inputs) }
    let graphs = inThreads(groups.count) { group in
        let leaves = inputs.map { slice($0.detached(), batch: groups[group]).ownLeaf(isWanted: records($0)) }
        return GroupGraph(leaves: leaves, result: body(group, leaves))
    }
    let result = concatenateBatch(graphs.map { $0.result.detached() })
    guard graphs.contains(where: { $0.result.requiresGradient }) else { return result }
    return result.recorded(
        by: Node(inputs: inputs) { gradient in
            let found = inThreads(groups.count) { group in
                let found = LeafGradients()
                found.collect { graphs[group].result.backward(seed: slice(gradient, batch: groups[group])) }
                return found
            }
            for group in found { group.handOver() }
            return inputs.indices.map { index in
                guard graphs[0].leaves[index].requiresGradient else { return nil }
                return concatenateBatch(
                    graphs.map { $0.leaves[index].gradient ?? .zeros($0.leaves[index].shape) })
            }
        })
}

extension Compute {
    /// N samples in as many groups as threads share the work, as even as can be.
    package static func sampleGroups(_ samples: Int) -> [Range<Int>] { sampleGroups(samples, threads: sharing) }

    package static func sampleGroups(_ samples: Int, threads: Int) -> [Range<Int>] {
        let count = max(1, min(threads, samples))
        return (0..<count).map { samples * $0 / count..<samples * ($0 + 1) / count }
    }
}

/// What one group recorded.
private struct GroupGraph {
    let leaves: [Tensor]
    let result: Tensor
}

/// The results of `body` for each of 0..<count, all at once, under what holds on the calling thread.
private func inThreads<R>(_ count: Int, _ body: (Int) -> R) -> [R] {
    let pauses = ck_gradient_pause(0)
    let scope = ck_bf16_scope(0)
    _ = ck_bf16_scope(scope)
    return [R](unsafeUninitializedCapacity: count) { results, filled in
        let base = results.baseAddress
        Compute.parallel(count) { part in
            // The caller takes parts as well, and has these already.
            let own = ck_gradient_pause(0)
            _ = ck_gradient_pause(pauses - own)
            let before = ck_bf16_scope(scope)
            defer {
                _ = ck_gradient_pause(own - pauses)
                _ = ck_bf16_scope(before)
            }
            OperationTimes.sharing(among: count) { (base! + part).initialize(to: body(part)) }
        }
        filled = count
    }
}
