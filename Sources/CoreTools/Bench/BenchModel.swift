import CoreDiffusion

/// The networks of `bench step`.
package enum BenchModel: String, CaseIterable, Sendable {
    /// The U-Net of the peers' timing: widths 32, 64, 96, one layer a block, 4 heads, context 16 × 64, batch
    /// 8 at 32 × 32.
    case tiny
    /// Stable Diffusion 1.5's U-Net, batch 1 at 64 × 64, context 77 × 768.
    case sd15

    var configuration: UNetConfiguration {
        switch self {
        case .tiny:
            UNetConfiguration(
                blockOutChannels: [32, 64, 96], layersPerBlock: 1, heads: 4, crossAttentionWidth: 64, normGroups: 8)
        case .sd15: UNetConfiguration(blockOutChannels: [320, 640, 1280, 1280], crossAttentionWidth: 768)
        }
    }

    var batch: Int { self == .tiny ? 8 : 1 }
    var latent: Int { self == .tiny ? 32 : 64 }
    var tokens: Int { self == .tiny ? 16 : 77 }
}
