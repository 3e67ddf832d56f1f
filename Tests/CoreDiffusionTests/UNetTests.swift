import CoreDiffusion
import CoreNets
import CoreTensor
import Testing

@Suite("U-Net against diffusers")
struct UNetTests {
    @Test("the output is diffusers'", arguments: ["even", "odd", "small"])
    func output(name: String) throws {
        let fixture = try Fixture("unet")
        let unet = try DiffusionPipeline.loadUNet(fixture.folder)
        let output = unet(
            sample: try fixture.image(name + ".sample"), timesteps: try fixture.tensor(name + ".timestep").values,
            context: try fixture.tensor(name + ".context"))
        #expect(distance(output, try fixture.image(name + ".output")) < parity)
    }

    @Test("SDXL's additions, linear projections and lists of layers give diffusers' output")
    func outputOfXL() throws {
        let fixture = try Fixture("unet-xl")
        let unet = try DiffusionPipeline.loadUNet(fixture.folder)
        let sizes = try fixture.tensor("odd.time_ids").values
        let output = unet(
            sample: try fixture.image("odd.sample"), timesteps: try fixture.tensor("odd.timestep").values,
            context: try fixture.tensor("odd.context"),
            added: .init(text: try fixture.tensor("odd.text_embeds"), sizes: [Array(sizes[..<6]), Array(sizes[6...])]))
        #expect(distance(output, try fixture.image("odd.output")) < parity)
    }

    @Test("a context cache changes nothing")
    func contextCache() throws {
        let fixture = try Fixture("unet")
        let unet = try DiffusionPipeline.loadUNet(fixture.folder)
        let context = try fixture.tensor("even.context")
        let cache = ContextCache()
        for name in ["even", "small"] {
            let sample = try fixture.image(name + ".sample")
            let plain = unet(sample: sample, timesteps: [3, 900], context: context)
            let cached = unet(sample: sample, timesteps: [3, 900], context: context, cache: cache)
            #expect(plain.values == cached.values)
        }
    }

    @Test("every weight's gradient, and the context's, is torch's")
    func gradients() throws {
        let fixture = try Fixture("unet-gradients")
        let unet = try DiffusionPipeline.loadUNet(fixture.folder)
        unet.setTrainable(true)
        let context = try fixture.tensor("context")
        context.requiresGradient = true
        let output = unet(
            sample: try fixture.image("sample"), timesteps: try fixture.tensor("timestep").values, context: context)
        let loss = meanSquaredError(output, try fixture.image("target"))
        #expect(distance(loss.reshaped([1]), try fixture.tensor("loss")) < parity)
        loss.backward()
        #expect(distance(try #require(context.gradient), try fixture.tensor("context.gradient")) < 2e-5)
        for (path, parameter) in unet.allParameters() {
            let gradient = try #require(parameter.tensor.gradient, "\(path)")
            let wanted = try fixture.tensor("gradient." + path)
            let found = parameter.layout == .plain ? gradient : permuted(gradient, [0, 3, 1, 2])
            #expect(distance(found, wanted) < 2e-5, "\(path)")
        }
    }

    @Test("modules stand in diffusers' order under diffusers' names", arguments: ["unet", "unet-xl"])
    func moduleTree(folder: String) throws {
        let unet = UNet2DConditionModel(
            configuration: try UNetConfiguration(path: Fixture.path(folder) + "/config.json"))
        #expect(modules(of: unet) == (try referenceModules(folder)))
    }

    @Test("Stable Diffusion 1.5 has 686 tensors of 859,520,964 weights")
    func sizeOfStableDiffusion() {
        let unet = UNet2DConditionModel(
            configuration: UNetConfiguration(blockOutChannels: [320, 640, 1280, 1280], crossAttentionWidth: 768))
        #expect(unet.allParameters().count == 686)
        #expect(unet.parameterCount == 859_520_964)
    }
}
