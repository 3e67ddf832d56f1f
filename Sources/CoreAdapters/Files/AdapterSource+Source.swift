import CoreDiffusion

extension AdapterSource {
    /// Whether the adapter was trained with a first layer that reads an edit's source too, which the U-Net's
    /// does not: its difference has twice the inputs.
    func readsSource(of unet: UNet2DConditionModel) throws -> Bool {
        guard unet.sourceChannels == 0,
            let first = LayerTarget.all(in: unet, side: .unet).first(where: { $0.path == "conv_in" })
        else { return false }
        let spellings = first.names.spellings(first.path)
        guard let layer = layers.first(where: { spellings.contains($0.name) }) else { return false }
        var wide = first.geometry.fileShape
        wide[1] *= 2
        return try stored(layer).tensors["diff"]?.shape == wide
    }
}
