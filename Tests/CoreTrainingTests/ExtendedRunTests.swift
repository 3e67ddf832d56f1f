import CoreTensor
import CoreTraining
import Foundation
import RunSpec
import Testing

extension Training {
    @Suite("Trainings that go on from another job's end")
    struct ExtendedRunTests {
        let tiny: TinyModel

        init() throws {
            Compute.configure(threads: 2)
            tiny = try TinyModel()
        }

        @discardableResult
        private func run(_ job: TrainingJob, in out: AttemptFolder, resume: String? = nil) throws -> Int {
            let run = try TrainingRun(
                job: job, out: out.path, resume: resume, surroundings: .init(clock: { 0 }))
            #expect(try run.run() == .finished)
            return run.total
        }

        private func tensors(_ out: AttemptFolder, step: Int) throws -> [String: [Float]] {
            let path = out.checkpoint(AttemptFolder.checkpointName(step: step)) + "/" + AttemptFolder.adapterName
            let file = try SafetensorsFile(path: path)
            return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, try file.floats($0)) })
        }

        private func rates(_ out: AttemptFolder) throws -> [Int: Double] {
            let lines = try String(contentsOfFile: out.metrics, encoding: .utf8).split(separator: "\n")
                .map { try MetricLine(parsing: String($0)) }
            return Dictionary(
                uniqueKeysWithValues: lines.compactMap { line in line.values["lr"].map { (line.step, $0) } })
        }

        /// A parent of two epochs, its child of four, and a training of four from the beginning.
        private func family(_ parameters: [String: ParameterValue]) throws -> (
            child: AttemptFolder, fresh: AttemptFolder, parent: AttemptFolder, middle: Int, total: Int
        ) {
            var parent = try tiny.job(parameters.merging(["epochs": 2]) { $1 })
            parent.job = "parent"
            var child = try tiny.job(parameters.merging(["epochs": 4]) { $1 })
            (child.job, child.origin) = ("child", .init(job: "parent", epochs: 2))
            var fresh = try tiny.job(parameters.merging(["epochs": 4]) { $1 })
            fresh.job = "fresh"
            let folders = (tiny.out("child"), tiny.out("fresh"), tiny.out("parent"))
            let middle = try run(parent, in: folders.2)
            let state = folders.2.checkpoint(AttemptFolder.checkpointName(step: middle))
            let total = try run(child, in: folders.0, resume: state)
            #expect(try run(fresh, in: folders.1) == total && total == 2 * middle)
            return (folders.0, folders.1, folders.2, middle, total)
        }

        @Test("with a constant rate it ends where a longer training ends, bit for bit")
        func constant() throws {
            let (child, fresh, _, middle, total) = try family(["algorithm": "loha", "dropout": 0])
            #expect(try tensors(child, step: total) == tensors(fresh, step: total))
            #expect(try Set(rates(child).keys) == Set(middle + 1...total))
            let state = child.checkpoint(AttemptFolder.checkpointName(step: total))
            #expect(try TrainingState.position(in: state).job == "child")
        }

        @Test("with another schedule the rate jumps to that of the longer one, and the result is another")
        func cosine() throws {
            let (child, fresh, parent, middle, total) = try family(["schedule": "cosine", "lr": 0.01])
            #expect(try tensors(child, step: total) != tensors(fresh, step: total))
            let (before, after, whole) = (try rates(parent), try rates(child), try rates(fresh))
            // The half cosine by its formula, after `middle` of `total` steps: cos(π/2) = 0.
            let wanted = 0.01 * 0.5 * (1 + cos(Double.pi * Double(middle) / Double(total)))
            #expect(abs((after[middle + 1] ?? 0) - wanted) < 1e-9)
            #expect(after[middle + 1] == whole[middle + 1])
            #expect((before[middle] ?? 1) < 0.5 * wanted)
        }

        @Test("a state of a third job, or of a parent with other settings, is refused")
        func foreign() throws {
            var parent = try tiny.job(["epochs": 2])
            parent.job = "parent"
            let out = tiny.out("parent")
            let middle = try run(parent, in: out)
            let state = out.checkpoint(AttemptFolder.checkpointName(step: middle))
            var child = try tiny.job(["epochs": 4])
            (child.job, child.origin) = ("child", .init(job: "another", epochs: 2))
            #expect(throws: TrainingError.self) { try run(child, in: tiny.out("a"), resume: state) }
            child.origin = .init(job: "parent", epochs: 3)
            #expect(throws: TrainingError.self) { try run(child, in: tiny.out("b"), resume: state) }
            child = try tiny.job(["epochs": 4, "lr": 0.5])
            (child.job, child.origin) = ("child", .init(job: "parent", epochs: 2))
            #expect(throws: TrainingError.self) { try run(child, in: tiny.out("c"), resume: state) }
        }
    }
}
