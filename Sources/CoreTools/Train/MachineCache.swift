import CoreEvaluation
import CoreNets

/// What the jobs of a machine keep for each other while they read a base: its networks as they lie in memory,
/// and what its files do to keys.
enum MachineCache {
    /// A key's state before and after a file are 12 bytes.
    private static let digests = 1 << 20

    /// - Parameter folder: of all that jobs share.
    /// - Throws: what `body` throws.
    static func within<R>(_ folder: String, _ body: () throws -> R) rethrows -> R {
        try WeightStore.$current.withValue(WeightStore(folder: folder + "/weights")) {
            try ContentKey.$known.withValue(FeatureCache(folder: folder + "/digests", limit: digests)) {
                try body()
            }
        }
    }
}
