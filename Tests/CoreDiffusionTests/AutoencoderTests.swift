import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation
import Testing

@Suite("Autoencoder against diffusers")
struct AutoencoderTests {
    @Test("encoding and decoding are diffusers'", arguments: ["even", "odd", "small"])
    func output(name: String) throws {
        let fixture = try Fixture("vae")
        let vae = try DiffusionPipeline.loadAutoencoder(fixture.folder)
        let (mean, logvar) = vae.encode(try fixture.image(name + ".pixels"))
        #expect(distance(mean, try fixture.image(name + ".mean")) < parity)
        #expect(distance(logvar, try fixture.image(name + ".logvar")) < parity)
        let decoded = vae.decode(try fixture.image(name + ".latents"))
        #expect(distance(decoded, try fixture.image(name + ".decoded")) < parity)
    }

    @Test("old names of the attention's layers are understood")
    func oldNames() throws {
        let old = try DiffusionPipeline.loadAutoencoder(Fixture.path("vae-old-names"))
        let new = try DiffusionPipeline.loadAutoencoder(Fixture.path("vae"))
        for (first, second) in zip(old.allParameters(), new.allParameters()) {
            #expect(first.parameter.tensor.values == second.parameter.tensor.values, "\(first.path)")
        }
    }

    @Test("gradients through decoder and encoder are torch's, along a fixed direction of every weight")
    func gradients() throws {
        let fixture = try Fixture("vae")
        let vae = try DiffusionPipeline.loadAutoencoder(fixture.folder)
        vae.setTrainable(true)
        let pixels = try fixture.image("even.pixels")
        let (mean, logvar) = vae.encode(pixels)
        let spread = CoreTensor.mean(square(logvar))
        let loss = add(meanAbsoluteError(vae.decode(mean), pixels), scaled(spread, by: 0.1))
        #expect(distance(loss.reshaped([1]), try fixture.tensor("loss")) < parity)
        loss.backward()
        for (path, parameter) in vae.allParameters() {
            let gradient = try #require(parameter.tensor.gradient, "\(path)")
            let values = (parameter.layout == .plain ? gradient : permuted(gradient, [0, 3, 1, 2])).values
            let along = values.enumerated().reduce(0.0) { $0 + cos(Double($1.offset)) * Double($1.element) }
            let norm = try fixture.tensor("norm." + path).values[0]
            let wanted = try fixture.tensor("gradient." + path).values[0]
            #expect(abs(Float(along) - wanted) < 2e-5 * norm + 1e-7, "\(path)")
        }
    }

    @Test("modules stand in diffusers' order under diffusers' names")
    func moduleTree() throws {
        let vae = AutoencoderKL(configuration: try AutoencoderConfiguration(path: Fixture.path("vae") + "/config.json"))
        #expect(modules(of: vae) == (try referenceModules("vae")))
    }

    @Test("scaling and its inverse use factor and shift of the configuration")
    func scaling() {
        var configuration = AutoencoderConfiguration(blockOutChannels: [4], latentChannels: 1, normGroups: 2)
        configuration.scalingFactor = 0.5
        configuration.shiftFactor = 0.25
        let vae = AutoencoderKL(configuration: configuration)
        let latents = Tensor([1.25, -0.75], [1, 1, 2, 1])
        #expect(vae.scaled(latents).values == [0.5, -0.5])
        #expect(vae.unscaled(vae.scaled(latents)).values == latents.values)
    }

    @Test("a shift folded into the convolutions encodes and decodes the same, and is gone from the configuration")
    func foldedShift() throws {
        let path = Fixture.path("vae")
        let (shifted, folded) = (
            try DiffusionPipeline.loadAutoencoder(path), try DiffusionPipeline.loadAutoencoder(path)
        )
        for vae in [shifted, folded] { vae.configuration.shiftFactor = 1.25 }
        folded.foldShift()
        #expect(folded.configuration.shiftFactor == nil)
        let pixels = try Fixture("vae").image("even.pixels")
        let (a, b) = (shifted.encode(pixels), folded.encode(pixels))
        #expect(distance(folded.scaled(b.mean), shifted.scaled(a.mean)) < parity)
        #expect(b.logvar.values == a.logvar.values)
        let latents = folded.scaled(b.mean)
        #expect(distance(folded.decode(folded.unscaled(latents)), shifted.decode(shifted.unscaled(latents))) < parity)
    }
}
