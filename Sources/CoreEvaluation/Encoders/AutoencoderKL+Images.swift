import CoreData
import CoreDiffusion
import CoreTensor
import ImageFiles

/// What the frozen autoencoder says of images: it ships with every base.
extension AutoencoderKL {
    /// Gram matrices after the encoder's first convolution and each of its levels.
    func style(_ image: RGBImage) -> StyleGrams {
        withoutGradients {
            var grams = StyleGrams()
            // Layer by layer: together the activations of a large picture would take a gigabyte.
            _ = encoder(image.tensor()) { grams.add($0) }
            return grams
        }
    }

    /// What remains of an image: the best that any latent can be decoded to.
    func roundTrip(_ image: RGBImage) -> RGBImage {
        withoutGradients { RGBImage(decode(encode(image.tensor()).mean)) }
    }

    /// The same of pictures that many jobs look at: a file for each, in a cache that they share.
    ///
    /// - Parameter own: the key of this autoencoder.
    /// - Throws: `EvaluationError` with `file` if the disk refuses.
    func roundTrips(_ images: [RGBImage], _ own: ContentKey, _ cache: ImageCache) throws -> [RGBImage] {
        let keys = images.map { image in
            var key = own
            key.add(image)
            return "round-" + key.text
        }
        return try cache.sets(keys) { [roundTrip(images[$0])] }.flatMap(\.self)
    }
}
