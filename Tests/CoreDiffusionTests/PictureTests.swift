import CoreDiffusion
import CoreTensor
import Foundation
import Testing

/// Truth: what diffusers' image-to-image and inpainting pipelines do after each step
/// (`Fixtures/generate_pictures.py`).
@Suite("Drawing from a picture against diffusers")
struct PictureTests {
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let folder: String
        let kind: String
        let steps: Int
        let strength: Double
        let masked: Bool
        let taken: Int
        var testDescription: String { "\(folder) \(kind) \(strength)\(masked ? " masked" : "")" }

        static let all: [Case] = {
            do {
                let path = Fixture.path("pictures") + "/cases.json"
                return try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            } catch {
                preconditionFailure("\(error)")
            }
        }()
    }

    private func sampler(_ item: Case, _ pipeline: DiffusionPipeline, _ noise: Tensor) throws -> any Sampler {
        guard let flow = pipeline.flow else {
            let kind = try #require(SamplerKind(rawValue: item.kind))
            return kind.sampler(pipeline.schedule, steps: item.steps)
        }
        let isFlux = flow.family == .flux
        return FlowEulerSampler(
            levels: flow.schedule.levels(
                steps: item.steps, evenly: isFlux, tokens: noise.shape[1] / 2 * (noise.shape[2] / 2)))
    }

    @Test("latents after each step are those of diffusers' pipelines", arguments: Case.all)
    func steps(item: Case) throws {
        let fixture = try Fixture("pictures")
        let pipeline = try DiffusionPipeline(directory: Fixture.path(item.folder))
        let noise = try fixture.image(item.name + ".noise")
        let isFlow = pipeline.flow != nil
        let sampler = try sampler(item, pipeline, noise)
        let picture = try withoutGradients {
            let pixels = adding(scaled(try fixture.image(item.name + ".image"), by: 2), constant: -1)
            return pipeline.vae.scaled(pipeline.vae.encode(pixels).mean)
        }
        let firstStep = SourcePicture.firstStep(strength: item.strength, steps: item.steps, isFlow: isFlow)
        #expect(item.steps - firstStep == item.taken)
        let source = SourcePicture(
            latents: picture, mask: item.masked ? try fixture.tensor(item.name + ".mask").values : nil,
            strength: item.strength, firstStep: firstStep)
        let sizes = [pipeline.wholePicture((noise.shape[1] * 2, noise.shape[2] * 2))]
        var condition = pipeline.condition(["a photo of the red heart"], sizes: sizes)
        if pipeline.unet.embedsGuidance { condition.guidance = 3 }
        let unconditional =
            pipeline.unet.embedsGuidance
            ? nil : pipeline.unconditional([pipeline.ids(of: "the thinking face, don't")], isEmpty: false, sizes: sizes)
        let phase = SamplingPhase(condition, unconditional: unconditional, guidance: 3)
        var found: [Tensor] = []
        _ = sampler.sample(
            unet: pipeline.unet, latents: noise, source: source, progress: { _, latents in found.append(latents) },
            phase: { _ in phase })
        #expect(found.count == item.taken)
        for (step, latents) in found.enumerated() {
            let wanted = try fixture.image("\(item.name).step.\(step)")
            #expect(distance(latents, wanted) < 5e-5, "step \(step)")
        }
    }
}
