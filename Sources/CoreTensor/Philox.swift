/// The Philox 4x32-10 block function.
///
/// - SeeAlso: Salmon et al., “Parallel random numbers: as easy as 1, 2, 3”, SC 2011.
package enum Philox {
    /// Four random words of a counter under a key.
    package static func block(
        counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let first = UInt64(0xD251_1F53) * UInt64(c.0)
            let second = UInt64(0xCD9E_8D57) * UInt64(c.2)
            c = (
                UInt32(second >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: second), UInt32(first >> 32) ^ c.3 ^ k.1,
                UInt32(truncatingIfNeeded: first)
            )
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }
}
