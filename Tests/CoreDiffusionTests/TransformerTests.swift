import CoreDiffusion
import CoreNets
import CoreTensor
import Testing

/// `Fixtures/generate_transformers.py` makes the dumps.
@Suite("Rectified-flow transformers and T5 against diffusers and transformers")
struct TransformerTests {
    /// Rows of coordinates.
    private static func places(_ tensor: Tensor) -> [[Float]] {
        let (width, values) = (tensor.shape[1], tensor.values)
        return (0..<tensor.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }

    private static func network(_ folder: String) throws -> (any Module, (Fixture, [Float]?) throws -> Tensor) {
        let path = Fixture.path(folder)
        switch folder {
        case "flux":
            let model = try FluxTransformer2DModel(folder: path)
            return (
                model,
                { fixture, times in
                    model(
                        try fixture.tensor("hidden_states"), context: try fixture.tensor("encoder_hidden_states"),
                        pooled: try fixture.tensor("pooled_projections"),
                        times: try times ?? fixture.tensor("timestep").values,
                        guidance: try fixture.tensor("guidance").values,
                        textIDs: places(try fixture.tensor("txt_ids")), imageIDs: places(try fixture.tensor("img_ids")))
                }
            )
        case "flux2":
            let model = try Flux2Transformer2DModel(folder: path)
            return (
                model,
                { fixture, times in
                    model(
                        try fixture.tensor("hidden_states"), context: try fixture.tensor("encoder_hidden_states"),
                        times: try times ?? fixture.tensor("timestep").values, guidance: nil,
                        textIDs: places(try fixture.tensor("txt_ids")), imageIDs: places(try fixture.tensor("img_ids")))
                }
            )
        case "sd3":
            let model = try SD3Transformer2DModel(folder: path)
            return (
                model,
                { fixture, times in
                    let output = model(
                        try fixture.image("hidden_states"), context: try fixture.tensor("encoder_hidden_states"),
                        pooled: try fixture.tensor("pooled_projections"),
                        times: try times ?? fixture.tensor("timestep").values)
                    return permuted(output, [0, 3, 1, 2])
                }
            )
        default:
            let model = try T5EncoderModel(folder: path)
            return (model, { fixture, _ in model(try fixture.ids("input_ids")) })
        }
    }

    @Test("output and every weight's gradient are the reference's", arguments: ["flux", "flux2", "sd3", "t5"])
    func outputAndGradients(folder: String) throws {
        let fixture = try Fixture(folder)
        let (model, run) = try Self.network(folder)
        model.setTrainable(true)
        let output = try run(fixture, nil)
        #expect(distance(output, try fixture.tensor("output")) < parity)
        let loss = meanSquaredError(output, try fixture.tensor("target"))
        #expect(distance(loss.reshaped([1]), try fixture.tensor("loss")) < parity)
        loss.backward()
        for (path, parameter) in model.allParameters() where path != "pos_embed.pos_embed" {
            let wanted = try fixture.tensor("gradient." + path)
            let gradient = parameter.tensor.gradient ?? .zeros(parameter.tensor.shape)
            let found = parameter.layout == .plain ? gradient : permuted(gradient, [0, 3, 1, 2])
            #expect(distance(found, wanted) < 2e-5, "\(path)")
        }
    }

    @Test("checkpointing changes no gradient", arguments: ["flux", "sd3"])
    func checkpointing(folder: String) throws {
        let fixture = try Fixture(folder)
        var gradients: [[[Float]]] = []
        for checkpoints in [false, true] {
            let (model, run) = try Self.network(folder)
            (model as? FluxTransformer2DModel)?.checkpoints = checkpoints
            (model as? SD3Transformer2DModel)?.checkpoints = checkpoints
            model.setTrainable(true)
            meanSquaredError(try run(fixture, nil), try fixture.tensor("target")).backward()
            gradients.append(model.allParameters().map { $0.parameter.tensor.gradient?.values ?? [] })
        }
        // Blocks that are run again add to shared gradients in another order: the last bits differ.
        let pairs = zip(gradients[0], gradients[1]).flatMap { zip($0, $1) }
        let largest = pairs.reduce(0) { max($0, abs($1.0)) }
        let difference = pairs.reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(gradients[0].map(\.count) == gradients[1].map(\.count))
        #expect(difference <= 4 * Float.ulpOfOne * largest, "\(difference) of \(largest)")
    }

    @Test("modules stand in the reference's order under its names", arguments: ["flux", "flux2", "sd3", "t5"])
    func moduleTree(folder: String) throws {
        let (model, _) = try Self.network(folder)
        #expect(modules(of: model) == (try referenceModules(folder)))
    }

    @Test("the published sizes have the published numbers of weights")
    func sizes() {
        // Shapes alone: the weights' memory is reserved, never touched.
        var flux = FluxConfiguration()
        flux.guidance = true
        (flux.layers, flux.singleLayers) = (1, 1)
        let model = FluxTransformer2DModel(configuration: flux)
        // Flux.1-dev has 19 and 38 blocks: 11,901,408,320 weights in 1,160 tensors.
        let double = model.module(at: "transformer_blocks.0")
        let single = model.module(at: "single_transformer_blocks.0")
        let weights = [double, single].map { $0?.parameterCount ?? 0 }
        let tensors = [double, single].map { $0?.allParameters().count ?? 0 }
        #expect(model.parameterCount + 18 * weights[0] + 37 * weights[1] == 11_901_408_320)
        #expect(model.allParameters().count + 18 * tensors[0] + 37 * tensors[1] == 1160)
    }

    @Test("packing and unpacking are diffusers' order and each other's inverse")
    func packing() {
        let latents = Tensor((0..<2 * 4 * 6 * 3).map(Float.init), [2, 4, 6, 3])
        let tokens = FluxTransformer2DModel.packed(latents)
        #expect(tokens.shape == [2, 6, 12])
        // Token (row 1, column 2) of sample 1 is channel, row, column of the pixels (2..3, 4..5).
        var wanted: [Float] = []
        for channel in 0..<3 {
            for (row, column) in [(2, 4), (2, 5), (3, 4), (3, 5)] {
                let pixel = (4 + row) * 6 + column
                wanted.append(Float(pixel * 3 + channel))
            }
        }
        #expect(Array(tokens.values[11 * 12..<12 * 12]) == wanted)
        #expect(FluxTransformer2DModel.unpacked(tokens, height: 4, width: 6).values == latents.values)
        #expect(FluxTransformer2DModel.imageIDs(height: 4, width: 6)[5] == [0, 1, 2])
    }

    @Test("the table of places that a new SD3 gets is diffusers'")
    func tableOfPlaces() throws {
        let fixture = try Fixture("sd3")
        let (model, _) = try Self.network("sd3")
        let table = try #require(
            model.allParameters().first { $0.path == "pos_embed.pos_embed" }?.parameter.tensor)
        let fresh = SD3Transformer2DModel(
            configuration: try SD3Configuration(path: fixture.folder + "/config.json"))
        fresh.initialize(seed: 1)
        let made = try #require(fresh.allParameters().first { $0.path == "pos_embed.pos_embed" }?.parameter.tensor)
        #expect(distance(made, table) < 1e-6)
    }
}
