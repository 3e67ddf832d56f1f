import CoreData
import CoreDiffusion
import CoreTensor
package import ImageFiles

/// A picture that drawing starts from (image to image), and what of it stays (inpainting).
package struct SourceImage: Equatable, Sendable {
    /// Of the size that is drawn.
    package let image: RGBImage
    /// How much of it is given up, 0…1: the share of the steps that are taken.
    package let strength: Double
    /// What is drawn anew; nil for all of it.
    package let mask: PixelMask?

    /// - Precondition: a mask of the picture's size.
    package init(image: RGBImage, strength: Double, mask: PixelMask? = nil) {
        precondition(
            mask.map { $0.width == image.width && $0.height == image.height } ?? true,
            "a mask of another size than its picture")
        self.image = image
        self.strength = strength
        self.mask = mask
    }
}

extension ImageGenerator {
    /// The step at which a run begins that gives up so much of a picture; the number of steps where none is
    /// left.
    package func firstStep(strength: Double) -> Int {
        SourcePicture.firstStep(strength: strength, steps: settings.steps, isFlow: pipeline.flow != nil)
    }

    /// The picture as latents, so many times. Its latents are the mean of what the autoencoder answers, so
    /// that they depend on nothing but the picture.
    func sourcePicture(_ source: SourceImage, count: Int) -> SourcePicture {
        let vae = pipeline.vae
        let one = vae.scaled(vae.encode(source.image.tensor()).mean)
        return SourcePicture(
            latents: concatenateBatch(Array(repeating: one, count: count)),
            mask: source.mask?.reduced(by: vae.configuration.reduction), strength: source.strength,
            firstStep: firstStep(strength: source.strength))
    }
}
