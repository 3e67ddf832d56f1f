import CoreTensor

/// Keys and values of the prompt in every cross-attention, computed at the first denoising step and kept for
/// the rest.
///
/// Valid for one context tensor and unchanged weights: make a new one for each sampling run.
package final class ContextCache {
    private var entries: [ObjectIdentifier: (key: Tensor, value: Tensor)] = [:]

    private var parts: [ContextCache] = []

    package init() {}

    /// Those of `count` groups of the batch's samples.
    func parts(_ count: Int) -> [ContextCache] {
        if parts.count != count { parts = (0..<count).map { _ in ContextCache() } }
        return parts
    }

    func keyAndValue(of owner: Attention, _ compute: () -> (key: Tensor, value: Tensor)) -> (key: Tensor, value: Tensor)
    {
        if let entry = entries[ObjectIdentifier(owner)] { return entry }
        let entry = compute()
        entries[ObjectIdentifier(owner)] = entry
        return entry
    }
}
