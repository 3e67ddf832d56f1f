import CoreDiffusion
import CoreTensor
import Foundation
import Testing

@Suite("Noise schedules and DDIM against diffusers")
struct ScheduleTests {
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let steps: Int
        let eta: Float
        let timesteps: [Int]
        var testDescription: String { name }

        static let all: [Case] = {
            do {
                let path = Fixture.path("schedules") + "/cases.json"
                return try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
            } catch {
                preconditionFailure("\(error)")
            }
        }()

        func schedule() throws -> NoiseSchedule {
            try NoiseSchedule(path: Fixture.path("schedules/" + name) + "/scheduler_config.json")
        }
    }

    @Test("ᾱ, noising and velocity are diffusers'", arguments: Case.all)
    func noising(item: Case) throws {
        let fixture = try Fixture("schedules")
        var schedule = try item.schedule()
        let wanted = try fixture.tensor(item.name + ".alphas").values
        #expect(zip(schedule.alphas, wanted).allSatisfy { abs($0 - $1) <= 2e-6 * $1 + 1e-9 })
        let (clean, noise) = (try fixture.image(item.name + ".clean"), try fixture.image(item.name + ".added"))
        let times = [0, 400, 999]
        let noisy = schedule.addNoise(clean, noise, timesteps: times)
        #expect(distance(noisy, try fixture.image(item.name + ".noisy")) < parity)
        schedule.prediction = .velocity
        let velocity = schedule.target(clean, noise, timesteps: times)
        #expect(distance(velocity, try fixture.image(item.name + ".velocity")) < parity)
    }

    @Test("a whole denoising path is diffusers'", arguments: Case.all)
    func path(item: Case) throws {
        let fixture = try Fixture("schedules")
        let sampler = DDIMSampler(schedule: try item.schedule(), steps: item.steps, eta: item.eta)
        #expect(sampler.timesteps == item.timesteps)
        var latents = try fixture.image(item.name + ".start")
        for index in item.timesteps.indices {
            latents = sampler.step(
                try fixture.image("\(item.name).prediction.\(index)"), index: index, latents: latents,
                noise: try fixture.image("\(item.name).noise.\(index)"))
        }
        #expect(distance(latents, try fixture.image(item.name + ".end")) < 2e-5)
    }

    @Test("Stable Diffusion's schedule has the published values")
    func published() {
        let schedule = NoiseSchedule()
        let table: [(Int, Float, Float)] = [
            (0, 0.99914998, 1175.44), (1, 0.99829602, 585.86), (250, 0.67379230, 2.06553), (500, 0.27633247, 0.381850),
            (999, 0.00466010, 0.00468191),
        ]
        for (timestep, alpha, ratio) in table {
            #expect(abs(schedule.alphas[timestep] - alpha) < 1e-6)
            #expect(abs(schedule.signalToNoise(timestep) / ratio - 1) < 1e-4)
        }
        #expect(abs(schedule.minSNRWeight(250, gamma: 5) - 1) < 1e-6)
        #expect(abs(schedule.minSNRWeight(0, gamma: 5) - 5 / 1175.44) < 1e-6)
    }

    @Test("guidance 1 ignores the empty prompt, and guidance is linear in its factor for one step")
    func guidance() throws {
        let unet = try DiffusionPipeline.loadUNet(Fixture.path("unet"))
        let fixture = try Fixture("unet")
        let latents = try fixture.image("even.sample")
        let prompt = TextCondition(states: try fixture.tensor("even.context"))
        let empty = TextCondition(states: Tensor.zeros([2, 5, 12]))
        let sampler = DDIMSampler(schedule: NoiseSchedule(), steps: 1)
        func run(_ guidance: Float, _ unconditional: TextCondition?) -> Tensor {
            sampler.sample(
                unet: unet, latents: latents, conditional: prompt, unconditional: unconditional, guidance: guidance)
        }
        #expect(run(1, empty).values == run(1, nil).values)
        let (zero, one, three) = (run(0, empty), run(1, empty), run(3, empty))
        let line = add(zero, scaled(subtract(one, zero), by: 3))
        #expect(distance(three, line) < 2e-5)
    }
}
