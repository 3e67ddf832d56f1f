/// Networks of a base that are in memory already: who loads the base again shares them, as a second U-Net or
/// text encoder would take as much memory as the first.
package struct LoadedNetworks {
    package let unet: any Denoiser
    /// Nil where they are to be loaded.
    package let textEncoder: CLIPTextModel?
    package let textEncoder2: CLIPTextModel?

    package init(
        unet: any Denoiser, textEncoder: CLIPTextModel? = nil, textEncoder2: CLIPTextModel? = nil
    ) {
        self.unet = unet
        self.textEncoder = textEncoder
        self.textEncoder2 = textEncoder2
    }
}
