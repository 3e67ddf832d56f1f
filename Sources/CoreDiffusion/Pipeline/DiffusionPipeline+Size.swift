extension DiffusionPipeline {
    /// Side of the latents that the network was trained on; Stable Diffusion's where neither configuration
    /// says.
    package var latentSide: Int {
        unet.trainedSide ?? vae.configuration.sampleSize.map { $0 / vae.configuration.reduction } ?? 64
    }

    /// Side of the images that the U-Net was trained on, in pixels.
    package var imageSide: Int { latentSide * vae.configuration.reduction }

    /// What is wrong with a picture's size for this base; nil where it can be drawn and trained on.
    ///
    /// - Parameters: in pixels.
    package func fault(width: Int, height: Int) -> String? {
        let unit = vae.configuration.reduction * unet.latentStep
        guard min(width, height) > 0, width % unit == 0, height % unit == 0 else {
            return "wanted sides that are multiples of \(unit) pixels"
        }
        guard let longest = unet.longestSide.map({ $0 * vae.configuration.reduction }), max(width, height) > longest
        else { return nil }
        return "wanted sides of at most \(longest) pixels, for which the base knows places (pos_embed_max_size)"
    }
}
