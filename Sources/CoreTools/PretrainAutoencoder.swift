import CoreData
import CoreDiffusion
import CoreTensor
import ImageFiles

/// The first stage: the autoencoder learns to pass pictures through 16×16×4 numbers.
enum PretrainAutoencoder {
    /// L1 + 0.5·L2 + β·KL on pictures moved by a few pixels and mirrored half of the time.
    static func loss(
        _ vae: AutoencoderKL, corpus: PretrainCorpus, settings: PretrainSettings, step: Int
    ) -> Tensor {
        var stream = RandomStream(seed: settings.seed, purpose: "autoencoder batch", step: step)
        let images = (0..<settings.vae.batch).map { _ -> RGBImage in
            let range = stream.uniform() < 0.5 ? corpus.plain : corpus.composed
            let image = corpus.samples[range.lowerBound + stream.integer(below: range.count)].image
            return image.moved(
                right: stream.integer(below: 7) - 3, down: stream.integer(below: 7) - 3,
                mirrored: stream.uniform() < 0.5)
        }
        let pixels = pixelBatch(images)
        let (mean, logvar) = vae.encode(pixels)
        let noise = Tensor(uninitialized: mean.shape)
        var noiseStream = RandomStream(seed: settings.seed, purpose: "autoencoder noise", step: step)
        noiseStream.fillNormal(noise)
        let variance = exponential(logvar)
        let latents = add(mean, multiply(exponential(scaled(logvar, by: 0.5)), noise))
        let decoded = vae.decode(latents)
        let reconstruction = add(
            meanAbsoluteError(decoded, pixels), scaled(meanSquaredError(decoded, pixels), by: 0.5))
        // KL to the normal distribution, per latent value: (μ² + σ² − 1 − ln σ²) / 2.
        let divergence = scaled(
            CoreTensor.mean(adding(subtract(add(square(mean), variance), logvar), constant: -1)), by: 0.5)
        return add(reconstruction, scaled(divergence, by: settings.divergenceWeight))
    }

    /// Mean and deviation of the posterior means over pictures, unscaled.
    static func statistics(_ vae: AutoencoderKL, _ images: [RGBImage]) -> (mean: Double, deviation: Double) {
        var sum = 0.0
        var squares = 0.0
        var count = 0
        for image in images {
            let latents = withoutGradients { vae.encode(image.tensor()).mean }
            for value in latents.values {
                sum += Double(value)
                squares += Double(value) * Double(value)
                count += 1
            }
        }
        let mean = sum / Double(count)
        return (mean, (squares / Double(count) - mean * mean).squareRoot())
    }

    /// The picture after encoding and decoding.
    static func roundTrip(_ vae: AutoencoderKL, _ image: RGBImage) -> RGBImage {
        withoutGradients { RGBImage(vae.decode(vae.encode(image.tensor()).mean)) }
    }
}

extension RGBImage {
    /// Moved by whole pixels, the edge repeated, and mirrored left to right if asked.
    func moved(right: Int, down: Int, mirrored: Bool) -> RGBImage {
        var out = self
        for y in 0..<height {
            for x in 0..<width {
                let column = min(max(x - right, 0), width - 1)
                out[x, y] = self[mirrored ? width - 1 - column : column, min(max(y - down, 0), height - 1)]
            }
        }
        return out
    }
}
