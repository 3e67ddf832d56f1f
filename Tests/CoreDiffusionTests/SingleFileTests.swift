import CoreDiffusion
import Testing

@Suite("Names in original single files")
struct SingleFileTests {
    @Test("indices of two digits are not mistaken for those of one")
    func twoDigits() {
        func unet(_ name: String) -> String? { SingleFileNames.unet(name, layers: 2) }
        #expect(unet("input_blocks.1.0.in_layers.2.weight") == "down_blocks.0.resnets.0.conv1.weight")
        #expect(unet("input_blocks.10.0.in_layers.2.weight") == "down_blocks.3.resnets.0.conv1.weight")
        #expect(unet("input_blocks.11.0.skip_connection.bias") == "down_blocks.3.resnets.1.conv_shortcut.bias")
        #expect(unet("output_blocks.2.1.conv.weight") == "up_blocks.0.upsamplers.0.conv.weight")
        #expect(unet("output_blocks.11.1.proj_in.bias") == "up_blocks.3.attentions.2.proj_in.bias")
        #expect(unet("something.else.weight") == nil)
    }
}
