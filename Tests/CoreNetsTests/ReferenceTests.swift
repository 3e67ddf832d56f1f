import CoreNets
import CoreTensor
import Foundation
import RunSpec
import Testing

@Suite("Optimiser, clipping and schedules against torch")
struct ReferenceTests {
    private let file: SafetensorsFile

    init() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        file = try SafetensorsFile(path: folder + "/Fixtures/reference.safetensors")
    }

    private func expectClose(_ found: Tensor, _ name: String, _ tolerance: Float = 1e-6) throws {
        let wanted = try file.tensor(name)
        #expect(found.shape == wanted.shape)
        let largest = wanted.values.reduce(Float(0)) { max($0, abs($1)) }
        for (a, b) in zip(found.values, wanted.values) { #expect(abs(a - b) <= tolerance * largest, "\(name)") }
    }

    struct Setting: Sendable {
        let name: String
        let betas: (Double, Double)
        let decay: Float
        let epsilon: Float
    }

    static let settings = [
        Setting(name: "adamw.plain", betas: (0.9, 0.999), decay: 0.5, epsilon: 1e-8),
        Setting(name: "adamw.paper", betas: (0.9, 0.99), decay: 0.1, epsilon: 1e-8),
        Setting(name: "adamw.coarse", betas: (0.8, 0.9), decay: 0.01, epsilon: 1e-3),
    ]

    private func optimizer(_ setting: Setting, _ first: Tensor, _ second: Tensor) -> AdamW {
        AdamW(
            groups: [
                ParameterGroup(tensors: [first], names: ["first"], learningRate: 3e-2, weightDecay: setting.decay),
                ParameterGroup(tensors: [second], names: ["second"], learningRate: 1e-3, weightDecay: 0),
            ], betas: setting.betas, epsilon: setting.epsilon)
    }

    @Test("ten steps of AdamW in two groups are torch's", arguments: settings)
    func adamW(setting: Setting) throws {
        let first = try file.tensor(setting.name + ".first.start")
        let second = try file.tensor(setting.name + ".second.start")
        let optimizer = optimizer(setting, first, second)
        for step in 0..<10 {
            first.gradient = try file.tensor("\(setting.name).first.gradient.\(step)")
            second.gradient = try file.tensor("\(setting.name).second.gradient.\(step)")
            optimizer.step(rate: 1 - 0.05 * Float(step))
        }
        try expectClose(first, setting.name + ".first.end")
        try expectClose(second, setting.name + ".second.end")
        let state = try #require(optimizer.exportState().first { $0.name == "first.exp_avg_sq" })
        try expectClose(Tensor(state.floats, state.shape), setting.name + ".first.exp_avg_sq")
    }

    @Test("an optimiser restored from its state goes on bit for bit")
    func resume() throws {
        let setting = Self.settings[0]
        func run(_ optimizer: AdamW, _ first: Tensor, _ second: Tensor, _ steps: Range<Int>) throws {
            for step in steps {
                first.gradient = try file.tensor("\(setting.name).first.gradient.\(step)")
                second.gradient = try file.tensor("\(setting.name).second.gradient.\(step)")
                optimizer.step()
            }
        }
        let (a, b) = (
            try file.tensor(setting.name + ".first.start"), try file.tensor(setting.name + ".second.start")
        )
        let whole = optimizer(setting, a, b)
        try run(whole, a, b, 0..<4)
        let (c, d) = (Tensor(a.values, a.shape), Tensor(b.values, b.shape))
        let rest = optimizer(setting, c, d)
        let state = Dictionary(uniqueKeysWithValues: whole.exportState().map { ($0.name, ($0.shape, $0.floats)) })
        try rest.importState(stepCount: whole.stepCount) { state[$0] }
        try run(whole, a, b, 4..<10)
        try run(rest, c, d, 4..<10)
        #expect(a.values == c.values && b.values == d.values)
    }

    @Test("a state that lacks a tensor or has another shape is refused and changes nothing")
    func badState() {
        let tensor = Tensor([1, 2], [2])
        let optimizer = AdamW(groups: [ParameterGroup(tensors: [tensor], names: ["x"], learningRate: 1)])
        for state in [
            ["x.exp_avg": ([2], [5, 5])], ["x.exp_avg": ([2], [5, 5]), "x.exp_avg_sq": ([1, 2], [5, 5])],
        ]
            as [[String: ([Int], [Float])]]
        {
            #expect {
                try optimizer.importState(stepCount: 9) { state[$0] }
            } throws: {
                ($0 as? NetsError)?.code == .wrongState
            }
        }
        #expect(optimizer.stepCount == 0)
        #expect(optimizer.exportState()[0].floats == [0, 0])
    }

    @Test("clipping scales by the common norm as torch does")
    func clipping() throws {
        let (p, q) = (Tensor.zeros([4, 5]), Tensor.zeros([9]))
        (p.gradient, q.gradient) = (try file.tensor("clip.p"), try file.tensor("clip.q"))
        let norm = clipGradients([p, q, Tensor.zeros([3])], maxNorm: 1.5)
        try expectClose(Tensor([norm], [1]), "clip.norm")
        try expectClose(try #require(p.gradient), "clip.p.clipped")
        try expectClose(try #require(q.gradient), "clip.q.clipped")
    }

    @Test("gradients below the limit, and any without a limit, are left alone")
    func noClipping() throws {
        let p = Tensor.zeros([2])
        p.gradient = Tensor([3, 4], [2])
        #expect(clipGradients([p], maxNorm: 0) == 5)
        #expect(clipGradients([p], maxNorm: 6) == 5)
        #expect(p.gradient?.values == [3, 4])
    }

    @Test(
        "schedules are diffusers'",
        arguments: ["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts"])
    func schedule(name: String) throws {
        let wanted = try file.tensor("schedule." + name).values
        let word = try ParameterTable.check("schedule", .text(name)).text
        let schedule = try #require(word.flatMap(Schedule.init(rawValue:)))
        // diffusers' plain constant schedule knows no warm-up.
        let warmup = name == "constant" ? 0 : 7
        // Past the end ours stay at 0 where diffusers' cosine rises again.
        for (step, factor) in wanted.enumerated().prefix(41) {
            #expect(abs(schedule.factor(step: step, warmup: warmup, total: 40, cycles: 3) - factor) < 1e-6, "\(step)")
        }
    }
}
