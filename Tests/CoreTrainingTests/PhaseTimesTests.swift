import CoreTools
import CoreTraining
import Foundation
import RunSpec
import Testing

@Suite("Where an attempt's seconds go")
struct PhaseTimesTests {
    @Test("a phase inside another is not counted twice, and the one around it goes on")
    func nested() {
        var now = 10.0
        let times = PhaseTimes(clock: { now }, starting: 0.5)
        now += 1
        times.enter(.training)
        now += 2
        times.within(.saving) { now += 4 }
        now += 8
        #expect(times.seconds == [.starting: 0.5, .loading: 1, .training: 10, .saving: 4])
        now += 16
        #expect(times.metrics["seconds/training"] == 26)
        #expect(times.text == "starting 0.5 s, loading 1.0 s, training 26.0 s, saving 4.0 s")
    }
}

extension Training {
    @Suite("Seconds of a whole attempt")
    struct AttemptSecondsTests {
        @Test("the phases in the metrics add up to the time that the attempt took")
        func sum() throws {
            let tiny = try TinyModel()
            let evaluation = EvaluationSpec(images: 2, steps: 2, guidance: 2)
            let job = try tiny.job(["epochs": 2], checkpoints: CheckpointPlan(epochs: [1]), evaluation: evaluation)
            let out = tiny.out("seconds")
            var now = 0.0
            var attempt = TrainingAttempt(
                job: job, out: out.path, resume: nil, cache: tiny.folder + "/cache", threads: 1,
                clock: {
                    now += 1
                    return now
                })
            attempt.starting = 3
            #expect(try attempt.run() == .done)
            let text = try String(contentsOfFile: out.metrics, encoding: .utf8)
            let last = try MetricLine(parsing: String(try #require(text.split(separator: "\n").last)))
            #expect(last.step == 6)
            let phases = Set(PhaseTimes.Phase.allCases.map { "seconds/\($0.rawValue)" })
            #expect(Set(last.values.keys) == phases)
            // Every look at the clock is a second. A few are left for the looks after the reading, and the
            // first one begins to count.
            let sum = last.values.values.reduce(0, +)
            #expect(now > 20 && abs(sum - (now + attempt.starting)) <= 6, "\(sum) of \(now)")
        }
    }
}

extension Training {
    @Suite("What jobs of one machine share")
    struct SharedWorkTests {
        private let tiny: TinyModel

        init() throws { tiny = try TinyModel() }

        /// - Returns: the bytes of the adapter, and the losses.
        private func run(
            _ name: String, cache: String, _ parameters: [String: ParameterValue] = ["epochs": 1, "flip": true]
        ) throws -> (adapter: Data, losses: [Double?]) {
            let job = try tiny.job(parameters)
            let out = tiny.out(name)
            let attempt = TrainingAttempt(
                job: job, out: out.path, resume: nil, cache: "\(tiny.folder)/\(cache)", threads: 1, clock: { 0 })
            #expect(try attempt.run() == .done)
            let lines = try String(contentsOfFile: out.metrics, encoding: .utf8).split(separator: "\n")
            let name = AttemptFolder.checkpointName(step: try MetricLine(parsing: String(lines[lines.count - 1])).step)
            return (
                try Data(contentsOf: URL(fileURLWithPath: out.checkpoint(name) + "/adapter.safetensors")),
                try lines.map { try MetricLine(parsing: String($0)).values["loss"] }
            )
        }

        @Test("a picture is encoded once a machine, and every job gets the same bytes as alone")
        func latents() throws {
            let alone = try run("alone", cache: "one")
            let first = try run("first", cache: "two")
            let folder = tiny.folder + "/two/latents"
            let kept = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            // Five pictures, and each mirrored.
            #expect(kept.count == 10)
            let second = try run("second", cache: "two")
            #expect(first == alone && second == alone)
            // What is kept is what is read: with another picture's numbers the job learns something else.
            for name in kept.dropFirst() {
                try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
                try FileManager.default.copyItem(atPath: "\(folder)/\(kept[0])", toPath: "\(folder)/\(name)")
            }
            #expect(try run("swapped", cache: "two").losses != alone.losses)
            // A damaged file is none.
            for name in kept { try Data([1, 2, 3, 4, 5, 6, 7, 8]).write(to: URL(filePath: "\(folder)/\(name)")) }
            #expect(try run("damaged", cache: "two") == alone)
        }

        @Test("a caption is encoded once a machine where the text encoder is frozen")
        func captions() throws {
            let frozen: [String: ParameterValue] = ["epochs": 1, "text_encoder_lr": 0]
            let alone = try run("alone", cache: "one", frozen)
            let first = try run("first", cache: "two", frozen)
            let folder = tiny.folder + "/two/latents"
            let kept = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
            // Five pictures, their captions, and the empty one.
            #expect(kept.count > 6)
            #expect(first == alone)
            #expect(try run("second", cache: "two", frozen) == alone)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == kept)
            for name in kept { try Data([1, 2, 3, 4, 5, 6, 7, 8]).write(to: URL(filePath: "\(folder)/\(name)")) }
            #expect(try run("damaged", cache: "two", frozen) == alone)
        }
    }
}
