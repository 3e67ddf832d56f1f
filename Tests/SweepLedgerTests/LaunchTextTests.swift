import Ports
import RunSpec
import SweepLedger
import SweepModel
import Testing

/// The texts of a launch, against those of each job alone.
@Suite("Texts of a launch")
struct LaunchTextTests {
    private static func job(
        _ number: Int, seed: Int, group: String = "g", name: String? = nil, epochs: [Int] = [],
        _ parameters: [String: ParameterValue] = [:], given: [String: ParameterValue]? = nil,
        trainer: TrainerSpec = .command(
            CommandTrainer(name: "t", command: [CommandArgument("run"), CommandArgument("{lr}")]))
    ) throws -> ResolvedJob {
        ResolvedJob(
            id: JobID(.of("job \(number) \(seed)")), configuration: ConfigurationID(.of("configuration \(number)")),
            sweep: try #require(SweepName("bench")), group: group, name: name, trainer: trainer,
            given: given ?? parameters, parameters: parameters, seed: seed,
            checkpoints: epochs.isEmpty ? nil : CheckpointPlan(epochs: epochs))
    }

    private static func expectSame(_ jobs: [ResolvedJob]) throws {
        var texts = LaunchTexts()
        for job in jobs {
            let (made, alone) = (try texts.job(job), try LaunchJob(job))
            #expect(made.id == alone.id && made.configuration == alone.configuration && made.seed == alone.seed)
            #expect(made.spec == alone.spec)
            #expect(made.given == alone.given && made.parameters == alone.parameters)
            #expect(made.group == alone.group && made.priority == alone.priority)
            #expect(made.needs == alone.needs && made.requirements == alone.requirements)
            #expect(made.retries == alone.retries && made.statesKept == alone.statesKept)
            #expect(made.stopRule == alone.stopRule && made.needsAdapter == alone.needsAdapter)
            #expect(made.memoryClass == alone.memoryClass && made.edits == alone.edits)
            #expect(made.preparations.map(\.spec) == alone.preparations.map(\.spec))
        }
    }

    @Test("seeds of configurations, numbers and texts of all kinds, names, groups, checkpoints")
    func likeAlone() throws {
        let values: [[String: ParameterValue]] = [
            ["lr": 1e-5], ["lr": 1e-9, "text": "a \"quoted\" / word\\ \u{1F600} \u{7}"], ["lr": 1e300, "on": true],
            ["list": [1, 2.5, "x", nil], "map": ["b": 1, "a": ["c": -0.0]]], [:],
        ]
        var jobs: [ResolvedJob] = []
        for (number, parameters) in values.enumerated() {
            for seed in [0, 1, 9_007_199_254_740_991] { jobs.append(try Self.job(number, seed: seed, parameters)) }
        }
        jobs += try (0..<6).map { try Self.job(20 + $0, seed: 3, epochs: [1, 2 + $0 / 2], ["lr": 0.5]) }
        jobs += try (0..<6).map { try Self.job(30 + $0 / 2, seed: $0, group: "group \($0 / 3)", name: "n/\($0)") }
        try Self.expectSame(jobs)
        try Self.expectSame(jobs.reversed())
    }

    @Test("the core's jobs, whose settings are not those of the file; needs that follow from a setting")
    func core() throws {
        let sizes: [ParameterValue] = [64, [64, 96]]
        let jobs = try (0..<8).map { number in
            try Self.job(
                number / 2, seed: number,
                ["dim": .number(Double(number / 2)), "resolution": sizes[number / 4]],
                given: ["dim": .number(Double(number / 2))], trainer: .core)
        }
        try Self.expectSame(jobs)
    }

    @Test("jobs of one configuration id that differ all the same are written as they are")
    func unlike() throws {
        var (first, second) = (try Self.job(1, seed: 1, ["lr": 1]), try Self.job(1, seed: 2, ["lr": 2]))
        try Self.expectSame([first, second])
        (first.parameters, second.parameters) = (["lr": 1], ["lr": 1])
        first.former = nil
        second.timeoutSeconds = 5
        try Self.expectSame([first, second, first])
    }

    @Test("what looks like a value's place in the text is no such place")
    func lookalikes() throws {
        // What the gaps of a template are told by, as texts that a file may hold.
        let marks = [
            ContentDigest.of("the id of no job").text, ContentDigest.of("the configuration of no job").text,
            "-8070605040302010203", "the name of no job",
        ]
        for mark in marks {
            try Self.expectSame(
                try (0..<4).map { try Self.job($0 / 2, seed: $0, group: mark, name: "n\($0)", ["lr": .text(mark)]) })
        }
        let nested: [String: ParameterValue] = [
            "what the file of no sweep sets": nil, "what no job is trained with": nil,
        ]
        try Self.expectSame(try (0..<4).map { try Self.job($0 / 2, seed: $0, nested) })
    }

    @Test("preparations of each job, which may be of its seed")
    func preparations() throws {
        var trainer = CommandTrainer(name: "t", command: [CommandArgument("run"), CommandArgument("{cache}")])
        trainer.prepare = [
            CommandTrainer.PrepareRule(
                name: "cache",
                command: [CommandArgument("make"), CommandArgument("{seed}"), CommandArgument("{cache}")])
        ]
        try Self.expectSame(
            try (0..<4).map { try Self.job($0 / 2, seed: $0, ["lr": 1], trainer: .command(trainer)) })
    }
}
