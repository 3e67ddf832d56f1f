extension DiffusionPipeline {
    /// Side of the latents that the network was trained on; Stable Diffusion's where neither configuration
    /// says.
    package var latentSide: Int {
        unet.trainedSide ?? vae.configuration.sampleSize.map { $0 / vae.configuration.reduction } ?? 64
    }

    /// Side of the images that the U-Net was trained on, in pixels.
    package var imageSide: Int { latentSide * vae.configuration.reduction }
}
