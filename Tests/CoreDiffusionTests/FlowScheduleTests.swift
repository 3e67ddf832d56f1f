import CoreDiffusion
import CoreTensor
import Foundation
import Testing

/// `Fixtures/generate_flow.py` makes the dumps.
@Suite("Schedules and samplers of flows against diffusers")
struct FlowScheduleTests {
    struct Dump: Decodable {
        struct Case: Decodable {
            let name: String
            let steps: Int
            let tokens: Int
            let evenly: Bool
            let levels: [Float]
            let times: [Float]
        }
        struct Path: Decodable {
            let kind: String
            let times: [Float]
            let states: [[Float]]
        }
        let cases: [Case]
        let paths: [Path]
    }

    private static func dump() throws -> Dump {
        let path = URL(fileURLWithPath: Fixture.path("flow") + "/cases.json")
        return try JSONDecoder().decode(Dump.self, from: Data(contentsOf: path))
    }

    @Test("levels and times are diffusers', for static and dynamic shifts")
    func levels() throws {
        let cases = try Self.dump().cases
        #expect(cases.count == 20)
        for item in cases {
            let schedule = try FlowSchedule(path: Fixture.path("flow/\(item.name)/scheduler_config.json"))
            let levels = schedule.levels(steps: item.steps, evenly: item.evenly, tokens: item.tokens)
            #expect(levels.count == item.levels.count)
            for (found, wanted) in zip(levels, item.levels) { #expect(abs(found - wanted) < 1e-6, "\(item)") }
            let sampler = FlowEulerSampler(levels: levels)
            for (found, wanted) in zip(sampler.times, item.times) { #expect(abs(found - wanted) < 1e-3, "\(item)") }
        }
    }

    @Test("Euler and Heun take diffusers' steps", arguments: [SamplerKind.euler, .heun])
    func steps(kind: SamplerKind) throws {
        let path = try #require(try Self.dump().paths.first { $0.kind == kind.rawValue })
        let levels = FlowSchedule(shift: 3).levels(steps: 5, evenly: false, tokens: 64)
        var sampler = try #require(kind.sampler(levels: levels, timestepCount: 1000))
        #expect(sampler.times.count == path.times.count)
        var x = Tensor((0..<6).map { -2 + 0.8 * Float($0) }, [1, 6])
        for (index, wanted) in path.states.enumerated() {
            #expect(abs(sampler.times[index] - path.times[index]) < 1e-3)
            let time = sampler.times[index]
            let velocity = Tensor(x.values.map { sin(3 * $0) - time / 1000 }, [1, 6])
            x = sampler.step(velocity, index: index, latents: x, noise: nil)
            for (found, wanted) in zip(x.values, wanted) { #expect(abs(found - wanted) < 5e-6) }
        }
        #expect(SamplerKind.dpmPlusPlus2M.sampler(levels: levels, timestepCount: 1000) == nil)
    }

    @Test("a shift keeps both ends, and a dynamic one is a static one of e^μ")
    func shifts() {
        var schedule = FlowSchedule(shift: 3)
        #expect(schedule.shifted(0, tokens: 1) == 0 && schedule.shifted(1, tokens: 1) == 1)
        #expect(abs(schedule.shifted(0.5, tokens: 1) - 0.75) < 1e-12)
        schedule.isDynamic = true
        #expect(
            abs(schedule.exponent(tokens: 256) - 0.5) < 1e-12 && abs(schedule.exponent(tokens: 4096) - 1.15) < 1e-12)
        let other = FlowSchedule(shift: exp(1.15))
        #expect(abs(schedule.shifted(0.3, tokens: 4096) - other.shifted(0.3, tokens: 1)) < 1e-12)
    }

    @Test("a file that asks for another path is refused by name")
    func refusals() throws {
        let path = NSTemporaryDirectory() + "radiata-flow-\(UUID().uuidString).json"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        for (text, word) in [
            ("{\"_class_name\": \"DDIMScheduler\"}", "_class_name"), ("{\"invert_sigmas\": true}", "invert_sigmas"),
            ("{\"shift\": 0}", "shift"), ("{\"time_shift_type\": \"cubic\"}", "time_shift_type"),
        ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect { try FlowSchedule(path: path) } throws: { "\($0)".contains(word) }
        }
    }
}
