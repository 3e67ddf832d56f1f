package import CoreNets
package import CoreTensor

/// The variational autoencoder between pixels in [-1, 1] and latents, as diffusers' class of the same name.
package final class AutoencoderKL: Module {
    package var configuration: AutoencoderConfiguration
    package let encoder: AutoencoderEncoder
    package let decoder: AutoencoderDecoder
    let quantConv: Conv2d?
    let postQuantConv: Conv2d?

    /// The weights are undefined until `load` or `initialize`.
    package init(configuration: AutoencoderConfiguration) {
        self.configuration = configuration
        let latent = configuration.latentChannels
        encoder = AutoencoderEncoder(configuration)
        decoder = AutoencoderDecoder(configuration)
        quantConv =
            configuration.quantConvolution
            ? Conv2d(inputs: 2 * latent, outputs: 2 * latent, kernel: 1, padding: Padding(0)) : nil
        postQuantConv =
            configuration.postQuantConvolution
            ? Conv2d(inputs: latent, outputs: latent, kernel: 1, padding: Padding(0)) : nil
    }

    package var className: String { "AutoencoderKL" }
    package var children: [(name: String, module: any Module)] {
        [("encoder", encoder), ("decoder", decoder)] + (quantConv.map { [("quant_conv", $0)] } ?? [])
            + (postQuantConv.map { [("post_quant_conv", $0)] } ?? [])
    }

    /// The latent's normal distribution for an image.
    ///
    /// - Parameter pixels: `[N, H, W, 3]` in [-1, 1].
    /// - Returns: mean and logarithm of the variance, the latter clamped to [-30, 20]; both `[N, h, w, L]`,
    ///   unscaled.
    package func encode(_ pixels: Tensor) -> (mean: Tensor, logvar: Tensor) {
        let h = encoder(pixels)
        let moments = quantConv.map { $0(h) } ?? h
        let latent = configuration.latentChannels
        return (
            slice(moments, channels: 0..<latent), clamp(slice(moments, channels: latent..<2 * latent), -30, 20)
        )
    }

    /// - Parameter latents: `[N, h, w, L]`, unscaled.
    /// - Returns: `[N, H, W, 3]`, not clamped.
    package func decode(_ latents: Tensor) -> Tensor {
        decoder(postQuantConv.map { $0(latents) } ?? latents)
    }

    /// Latents as the U-Net sees them: (z − shift) · scale.
    package func scaled(_ latents: Tensor) -> Tensor {
        let factor = Float(configuration.scalingFactor)
        let shifted = configuration.shiftFactor.map { adding(latents, constant: -Float($0)) } ?? latents
        return CoreTensor.scaled(shifted, by: factor)
    }

    /// The inverse of `scaled`.
    package func unscaled(_ latents: Tensor) -> Tensor {
        let z = CoreTensor.scaled(latents, by: 1 / Float(configuration.scalingFactor))
        return configuration.shiftFactor.map { adding(z, constant: Float($0)) } ?? z
    }

    /// Moves the latents' shift into the 1×1 convolutions on both sides of them, which changes nothing that
    /// the network computes: diffusers' `StableDiffusionPipeline` ignores `shift_factor`, so a base with one
    /// looks wrong there.
    ///
    /// The encoder's means come out smaller by the shift; the decoder's first convolution adds what the shift
    /// would have given, its weights' sum over the inputs times the shift. Without these convolutions the
    /// shift stays.
    package func foldShift() {
        guard let shift = configuration.shiftFactor, let bias = quantConv?.bias, let postQuantConv,
            let postBias = postQuantConv.bias
        else { return }
        let channels = configuration.latentChannels
        bias.tensor.withMutableBuffer { values in
            for channel in 0..<channels { values[channel] = Float(Double(values[channel]) - shift) }
        }
        let weights = postQuantConv.weight.tensor.values
        postBias.tensor.withMutableBuffer { values in
            for output in 0..<channels {
                let sum = weights[output * channels..<(output + 1) * channels].reduce(0.0) { $0 + Double($1) }
                values[output] = Float(Double(values[output]) + shift * sum)
            }
        }
        configuration.shiftFactor = nil
    }

    /// Gives back what the last level used where a picture is large: every level has other sizes, so nothing
    /// of it would be used again, and together the idle buffers of a 512 × 512 picture take 1 GB.
    ///
    /// - Parameter activations: what the next level reads, `[N, h, w, C]`.
    static func releaseIdleBuffers(beside activations: Tensor) {
        if activations.count >= largeActivations { Compute.releaseIdleBuffers() }
    }

    /// Values of a level above which asking the system for memory costs little beside the level's work: 16
    /// MB.
    private static let largeActivations = 1 << 22

    /// The module tree's name for a name in a file: old files call the attention's layers differently.
    package static func rename(_ name: String) -> String? {
        guard name.contains(".attentions.") else { return name }
        var parts = name.split(separator: ".").map(String.init)
        let old = ["query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0"]
        if parts.count >= 2, let new = old[parts[parts.count - 2]] { parts[parts.count - 2] = new }
        return parts.joined(separator: ".")
    }
}
