import CoreDiffusion
import CoreTensor
import Foundation
import Testing

/// `Fixtures/generate_flow_pipelines.py` makes the folders.
@Suite("Pipelines of rectified flows against diffusers")
struct FlowPipelineTests {
    private static let prompts = ["a photo of a caf\u{E9}, 42 cats", "the red house"]

    @Test("latents and pictures are those of diffusers' pipelines", arguments: ["pipeline-flux", "pipeline-sd3"])
    func pictures(folder: String) throws {
        let fixture = try Fixture(folder)
        let pipeline = try DiffusionPipeline(directory: fixture.folder)
        let flow = try #require(pipeline.flow)
        let isFlux = folder == "pipeline-flux"
        #expect((flow.family == .flux) == isFlux && (pipeline.t5 != nil) == isFlux)
        let latents = try fixture.image("latents")
        let levels = flow.schedule.levels(steps: 3, evenly: isFlux, tokens: 3 * 5)
        let (result, images) = withoutGradients {
            var condition = pipeline.condition(Self.prompts)
            if isFlux { condition.guidance = 2 }
            let result = FlowEulerSampler(levels: levels).sample(
                unet: pipeline.unet, latents: latents, conditional: condition,
                unconditional: isFlux ? nil : pipeline.condition(["blue", "blue"]), guidance: isFlux ? 1 : 3)
            return (result, pipeline.vae.decode(pipeline.vae.unscaled(result)))
        }
        #expect(distance(result, try fixture.image("result")) < 2e-5)
        let pixels = clamp(adding(scaled(images, by: 0.5), constant: 0.5), 0, 1)
        #expect(distance(pixels, try fixture.image("images")) < 2e-4)
    }

    @Test("sizes that a base cannot draw are told with what it can")
    func sizes() throws {
        // Eight places of two latents of two pixels.
        let placed = try DiffusionPipeline(directory: Fixture("pipeline-sd3").folder)
        #expect(placed.fault(width: 32, height: 20) == nil)
        #expect(placed.fault(width: 32, height: 36)?.contains("at most 32 pixels") == true)
        #expect(placed.fault(width: 32, height: 18)?.contains("multiples of 4 pixels") == true)
        #expect(placed.fault(width: 0, height: 32)?.contains("multiples of 4 pixels") == true)
        // Rotations know every place.
        let rotated = try DiffusionPipeline(directory: Fixture("pipeline-flux").folder)
        #expect(rotated.fault(width: 4096, height: 4096) == nil)
    }

    @Test("parts that do not fit are refused by name")
    func misfits() throws {
        let folder = NSTemporaryDirectory() + "radiata-flow-\(UUID().uuidString)"
        try FileManager.default.copyItem(atPath: Fixture.path("pipeline-flux"), toPath: folder)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        func replace(_ part: String, with other: String) throws {
            try FileManager.default.removeItem(atPath: "\(folder)/\(part)")
            try FileManager.default.copyItem(atPath: Fixture.path(other), toPath: "\(folder)/\(part)")
        }
        try replace("text_encoder_2", with: "t5")
        #expect { try DiffusionPipeline(directory: folder) } throws: { "\($0)".contains("words") }
        try replace("text_encoder_2", with: "pipeline-flux/text_encoder_2")
        try replace("vae", with: "vae")
        #expect { try DiffusionPipeline(directory: folder) } throws: { "\($0)".contains("channels") }
        try replace("vae", with: "pipeline-flux/vae")
        try replace("transformer", with: "flux2")
        #expect { try DiffusionPipeline(directory: folder) } throws: { "\($0)".contains("FluxTransformer2DModel") }
        try replace("transformer", with: "pipeline-flux/transformer")
        try replace("scheduler", with: "schedules/sd")
        #expect { try DiffusionPipeline(directory: folder) } throws: { "\($0)".contains("_class_name") }
        try replace("scheduler", with: "pipeline-flux/scheduler")
        #expect(throws: Never.self) { try DiffusionPipeline(directory: folder) }
    }
}
