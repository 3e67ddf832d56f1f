import CoreDiffusion
import CoreNets
import CoreTensor
import RunSpec

/// The networks of `bench step`.
package enum BenchModel: String, CaseIterable, Sendable {
    /// The U-Net of the peers' timing: widths 32, 64, 96, one layer a block, 4 heads, context 16 × 64, batch
    /// 8 at 32 × 32.
    case tiny
    /// The transformer of the base `emoji-flow-64`: width 192 in 4 heads, three double blocks and four single
    /// ones, 24 words of width 128, batch 8 at 16 × 16 (64 tokens).
    case tinyFlow = "tiny-flow"
    /// Stable Diffusion 1.5's U-Net, batch 1 at 64 × 64, context 77 × 768.
    case sd15

    var batch: Int { self == .sd15 ? 1 : 8 }

    var latent: Int {
        switch self {
        case .tiny: 32
        case .tinyFlow: 16
        case .sd15: 64
        }
    }

    /// The classes whose layers the peers' programs train: of a U-Net all but conv_in, conv_out and
    /// time_embedding, of a flow's transformer every linear layer.
    var layers: LayerSelection {
        let classes =
            self == .tinyFlow
            ? ["FluxTransformer2DModel"] : ["Transformer2DModel", "ResnetBlock2D", "Downsample2D", "Upsample2D"]
        return LayerSelection(classes: classes, names: [], exclude: [])
    }

    /// The network, its weights undefined, and a batch for it.
    ///
    /// - Parameter side: of the square latent; even for a flow's transformer, which reads two pixels by two.
    func network(samples: Int, side: Int) -> BenchNetwork {
        var random = RandomStream(seed: 1, purpose: "bench step")
        func noise(_ shape: [Int]) -> Tensor {
            let tensor = Tensor(uninitialized: shape)
            random.fillNormal(tensor)
            return tensor
        }
        guard self == .tinyFlow else {
            let configuration = unet
            let network = UNet2DConditionModel(configuration: configuration)
            let (sample, target) = (noise([samples, side, side, 4]), noise([samples, side, side, 4]))
            let context = noise([samples, self == .tiny ? 16 : 77, configuration.crossAttentionWidth[0]])
            let timesteps = (0..<samples).map { _ in Float(random.integer(below: 1000)) }
            return BenchNetwork(network: network, target: target, context: context) {
                network.predictBatch(
                    sample, times: timesteps, condition: TextCondition(states: context), actsBySample: $0)
            }
        }
        let (configuration, words) = (Self.flow, 24)
        let network = FluxTransformer2DModel(configuration: configuration)
        // Two by two of its channels are one token's.
        let shape = [samples, side, side, configuration.inChannels / 4]
        let (latents, target) = (noise(shape), noise(shape))
        let context = noise([samples, words, configuration.contextWidth])
        let condition = TextCondition(states: context, pooled: noise([samples, configuration.pooledWidth]))
        let times = (0..<samples).map { _ in Float(random.integer(below: 1000)) }
        return BenchNetwork(network: network, target: target, context: context) {
            network.predictBatch(latents, times: times, condition: condition, actsBySample: $0)
        }
    }

    private var unet: UNetConfiguration {
        self == .tiny
            ? UNetConfiguration(
                blockOutChannels: [32, 64, 96], layersPerBlock: 1, heads: 4, crossAttentionWidth: 64, normGroups: 8)
            : UNetConfiguration(blockOutChannels: [320, 640, 1280, 1280], crossAttentionWidth: 768)
    }

    private static var flow: FluxConfiguration {
        var sizes = FluxConfiguration()
        (sizes.inChannels, sizes.outChannels) = (16, 16)
        (sizes.layers, sizes.singleLayers) = (3, 4)
        (sizes.heads, sizes.headSize, sizes.axes) = (4, 48, [8, 20, 20])
        (sizes.contextWidth, sizes.pooledWidth) = (128, 128)
        return sizes
    }
}

/// A network to time and one batch: the forward pass, and what its result is held against.
struct BenchNetwork {
    let network: any Denoiser
    let target: Tensor
    /// What the forward pass is conditioned on, `[samples, words, width]`.
    let context: Tensor
    /// Asked whether samples may be computed in groups, as always but where somebody counts what runs.
    let forward: (_ actsBySample: Bool) -> Tensor
}
