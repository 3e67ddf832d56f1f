import CoreAdapters
import CoreDiffusion
import CoreTensor
import RunSpec

/// An adapter for a test's pipeline.
enum TinyAdapter {
    /// Writes a LoRA of every layer, U-Net and text encoder, with random numbers in all its matrices.
    static func write(to path: String, base: String, seed: UInt64) throws {
        let pipeline = try DiffusionPipeline.load(path: base)
        let adapters = try AdapterSet.create(
            unet: pipeline.unet, textEncoder: pipeline.textEncoder,
            adapter: AdapterSpec(
                algorithm: .lora, layers: LayerSelection(.full), size: AdapterSize(dim: 2, alpha: 2)), seed: seed)
        var random = RandomStream(seed: seed, purpose: "tiny adapter")
        for trainable in adapters.trainables {
            random.fillNormal(trainable.tensor)
            trainable.tensor.withMutableBuffer { values in for i in values.indices { values[i] *= 0.2 } }
        }
        try adapters.save(to: path)
    }
}
