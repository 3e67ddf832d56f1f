import CoreDiffusion
import CoreNets
import CoreTensor
import Testing

@Suite("Original single files")
struct SingleFileTests {
    private let path = Fixture.path("single-file/model.safetensors")

    private func expectEqual(_ first: any Module, _ second: any Module) {
        for (a, b) in zip(first.allParameters(), second.allParameters()) {
            #expect(a.path == b.path && a.parameter.tensor.values == b.parameter.tensor.values, "\(a.path)")
        }
    }

    @Test("sizes are read off the shapes, and every weight lands where diffusers' converter puts it")
    func weights() throws {
        let checkpoint = try SingleFileCheckpoint(path: path, normGroups: 4, heads: 2)
        let unet = try DiffusionPipeline.loadUNet(Fixture.path("unet-gradients"))
        #expect(try checkpoint.unetConfiguration() == unet.configuration)
        expectEqual(try checkpoint.loadUNet(), unet)
        let vae = try DiffusionPipeline.loadAutoencoder(Fixture.path("vae"))
        #expect(try checkpoint.autoencoderConfiguration().blockOutChannels == vae.configuration.blockOutChannels)
        expectEqual(try checkpoint.loadAutoencoder(), vae)
        let text = try DiffusionPipeline.loadTextEncoder(Fixture.path("text"))
        #expect(try checkpoint.textConfiguration().startID == text.configuration.startID)
        expectEqual(try checkpoint.loadTextEncoder(), text)
    }

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

    @Test("a file without all parts, one of other sizes, and one without a tokenizer are refused")
    func refused() throws {
        func message(_ body: () throws -> Void) -> String? {
            do {
                try body()
                return nil
            } catch {
                return (error as? DiffusionError)?.message
            }
        }
        let part = message { _ = try SingleFileCheckpoint(path: Fixture.path("text/model.safetensors")) }
        #expect(try #require(part).contains("model.diffusion_model."))
        // Published models have 32 norm groups; this one's 8 channels cannot.
        let size = message { _ = try SingleFileCheckpoint(path: path).unetConfiguration() }
        #expect(try #require(size).contains("Stable Diffusion 1.x"))
        let tokenizer = message { _ = try DiffusionPipeline.load(path: path) }
        #expect(try #require(tokenizer).contains("vocab.json"))
        let absent = message { _ = try DiffusionPipeline.load(path: path + ".not") }
        #expect(try #require(absent).contains("no model"))
    }
}
