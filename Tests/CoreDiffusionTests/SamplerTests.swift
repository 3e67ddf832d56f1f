import CoreDiffusion
import CoreTensor
import Foundation
import Testing

@Suite("Euler and DPM++ 2M against diffusers")
struct SamplerTests {
    struct Case: Decodable, CustomTestStringConvertible {
        let kind: String
        let name: String
        let steps: Int
        let times: [Float]
        let startScale: Float
        var testDescription: String { "\(kind) \(name)" }

        static let all: [Case] = {
            do {
                let path = Fixture.path("samplers") + "/cases.json"
                return try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            } catch {
                preconditionFailure("\(error)")
            }
        }()
    }

    @Test("timesteps, inputs and a whole path are diffusers'", arguments: Case.all)
    func path(item: Case) throws {
        let fixture = try Fixture("samplers")
        let folder = "\(item.kind).\(item.name)"
        let schedule = try NoiseSchedule(path: Fixture.path("samplers/\(folder)/scheduler_config.json"))
        let kind = try #require(SamplerKind(rawValue: item.kind))
        var sampler = kind.sampler(schedule, steps: item.steps)
        #expect(sampler.times == item.times)
        #expect(abs(sampler.startScale - item.startScale) < 1e-6 * item.startScale)
        var latents = scaled(try fixture.image(folder + ".start"), by: sampler.startScale)
        for index in item.times.indices {
            let input = sampler.input(latents, index: index)
            let wanted = try fixture.image("\(folder).input.\(index)")
            #expect(distance(input, wanted) < 2e-5)
            latents = sampler.step(
                try fixture.image("\(folder).prediction.\(index)"), index: index, latents: latents, noise: nil)
        }
        #expect(distance(latents, try fixture.image(folder + ".end")) < 2e-5)
    }

    @Test("every sampler turns noise into finite latents, guided or not, and a prompt against itself changes nothing")
    func wholeRun() throws {
        let unet = try DiffusionPipeline.loadUNet(Fixture.path("unet"))
        let fixture = try Fixture("unet")
        let latents = try fixture.image("even.sample")
        let prompt = TextCondition(states: try fixture.tensor("even.context"))
        for kind in SamplerKind.ofNoise {
            let sampler = kind.sampler(NoiseSchedule(), steps: 4)
            func run(_ guidance: Float) -> Tensor {
                sampler.sample(
                    unet: unet, latents: latents, conditional: prompt, unconditional: prompt, guidance: guidance)
            }
            let (plain, guided) = (run(1), run(7))
            #expect(plain.values.allSatisfy { $0.isFinite })
            #expect(distance(guided, plain) < 2e-4, "\(kind)")
        }
    }

    @Test(
        "schedules that ask for another path are refused by name",
        arguments: [
            ("use_karras_sigmas", JSONValue.flag(true)), ("thresholding", .flag(true)),
            ("final_sigmas_type", .text("sigma_min")), ("trained_betas", .list([.number(0.1)])),
            ("invented_key", .number(1)), ("prediction_type", .text("flow_prediction")),
        ])
    func unsupported(key: String, value: JSONValue) throws {
        let source = Fixture.path("samplers/euler.leading/scheduler_config.json")
        var values = try JSONValue.object(path: source)
        values[key] = value
        let path = NSTemporaryDirectory() + "radiata-schedule-\(UUID().uuidString).json"
        try JSONValue.write(values, path: path)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        #expect {
            try NoiseSchedule(path: path)
        } throws: { error in
            (error as? DiffusionError)?.message.contains(key) == true
        }
    }
}
