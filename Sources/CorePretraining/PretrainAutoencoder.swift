import CoreData
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import ImageFiles

/// The first stage: the autoencoder learns to pass pictures through 16×16×4 numbers.
enum PretrainAutoencoder {
    /// Noise on latents while training, so that nearby latents decode alike; the deviation of every
    /// posterior.
    private static let deviation: Float = 0.1

    /// Random weights, with colour passed through from the start. Otherwise all channels follow brightness,
    /// the first thing worth knowing, and colour comes one channel at a time over a thousand steps;
    /// posteriors of a learnt width make it worse, since nothing resists the divergence in channels not yet
    /// in use.
    static func initialise(_ vae: AutoencoderKL, seed: UInt64) {
        vae.initialize(seed: seed, path: "vae")
        PretrainLinearStart(vae).apply()
    }

    /// L1 + L2 of pixels and of their chroma, + β·μ², on pictures moved by a few pixels and mirrored half of
    /// the time.
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
        let mean = vae.encode(pixels).mean
        let noise = Tensor(uninitialized: mean.shape)
        var noiseStream = RandomStream(seed: settings.seed, purpose: "autoencoder noise", step: step)
        noiseStream.fillNormal(noise)
        let decoded = vae.decode(add(mean, scaled(noise, by: deviation)))
        let error = subtract(decoded, pixels)
        // Red and blue against green: edges in brightness otherwise outweigh colour for hundreds of steps.
        let chroma = linear(error, weight: Tensor([1, -1, 0, 0, -1, 1], [2, 3]))
        let reconstruction = add(
            add(CoreTensor.mean(absolute(error)), CoreTensor.mean(square(error))),
            add(CoreTensor.mean(absolute(chroma)), CoreTensor.mean(square(chroma))))
        return add(reconstruction, scaled(CoreTensor.mean(square(mean)), by: settings.divergenceWeight))
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
