import CoreTools
import Foundation
import ImageFiles
import RunSpec
import TestSupport
import Testing

@Suite("Programs that measure images")
struct ExternalMetricTests {
    /// Answers with the width of each image, last question first, and a second metric without a value for the
    /// first image. Counts how often it is started.
    private static let program = """
        import json, sys, struct
        open(sys.argv[1], "a").write("started\\n")
        lines = [json.loads(line) for line in sys.stdin]
        for question in reversed(lines):
            with open(question["image"], "rb") as file:
                width = struct.unpack(">I", file.read(24)[16:20])[0]
            print(json.dumps({"id": question["id"], "metric": "width", "value": width, "note": "wide"}))
            value = None if question["id"] == 0 else question["seed"]
            print(json.dumps({"image": question["image"], "metric": "seed", "value": value}))
        """

    private func attempt(
        _ folder: String, images: [Int], metric: ExternalMetric, out: String = "out"
    ) throws -> EvaluationAttempt {
        let files = try images.enumerated().map { index, width in
            let path = "\(folder)/sample-\(index).png"
            try PNGFile.write(RGBImage(width: width, height: 5), to: path)
            return path
        }
        var spec = EvaluationSpec.standard
        spec.metrics = []
        spec.external = [metric]
        let task = EvaluationTask(
            job: "j", base: nil, data: nil, training: nil, evaluation: spec, seed: 1, checkpoint: "last",
            epoch: 2, step: 30, adapter: nil, images: files)
        try FileManager.default.createDirectory(atPath: "\(folder)/\(out)", withIntermediateDirectories: true)
        return EvaluationAttempt(
            task: task, out: "\(folder)/\(out)", cache: "\(folder)/cache", threads: 1, program: "/bin/true")
    }

    private func rows(_ folder: String) throws -> [EvaluationRow] {
        try String(contentsOfFile: AttemptFolder(folder).evaluations, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(EvaluationRow.self, from: Data($0.utf8))
        }
    }

    @Test("a real program is asked once about all images, and never again about the same ones")
    func asked() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let script = "\(folder)/width.py"
        try Self.program.write(toFile: script, atomically: true, encoding: .utf8)
        let metric = ExternalMetric(name: "size", command: ["python3", script, "\(folder)/starts"])
        #expect(try attempt(folder, images: [4, 8], metric: metric).run())
        let found = try rows("\(folder)/out")
        let width = try #require(found.first { $0.metric == "width" })
        #expect(width.value == 6 && width.n == 2 && width.values == [4, 8] && width.notes == ["wide", "wide"])
        #expect(width.prompts == "sample" && width.checkpoint == "last" && width.epoch == 2 && width.step == 30)
        let seed = try #require(found.first { $0.metric == "seed" })
        #expect(seed.values == [nil, 0] && seed.n == 1 && seed.notes == nil)
        // The same pictures elsewhere, and one more: only that is asked about.
        #expect(try attempt(folder, images: [4, 8], metric: metric, out: "again").run())
        #expect(try rows("\(folder)/again") == found)
        #expect(try attempt(folder, images: [4, 8, 12], metric: metric, out: "more").run())
        #expect(try rows("\(folder)/more").first { $0.metric == "width" }?.values == [4, 8, 12])
        let starts = try String(contentsOfFile: "\(folder)/starts", encoding: .utf8)
        #expect(starts.split(separator: "\n").count == 2)
        withExtendedLifetime(place) {}
    }

    @Test(
        "a program that fails or says nonsense is named, with what it did",
        arguments: [
            (["sh", "-c", "exit 3"], "exited with code 3"), (["sh", "-c", "kill -9 $$"], "signal 9"),
            (["sh", "-c", "echo '{\"id\": 7, \"value\": 1}'"], "not asked about"),
            (["sh", "-c", "echo '{\"value\": \"x\"}'"], "no JSON object"),
            (["sh", "-c", "cat > /dev/null"], "answered 0 of 1"), (["/nowhere/at/all"], "cannot be started"),
        ])
    func fails(command: [String], words: String) throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let attempt = try attempt(folder, images: [4], metric: ExternalMetric(name: "m", command: command))
        let error = #expect(throws: ExternalMetricError.self) { _ = try attempt.run() }
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(!FileManager.default.fileExists(atPath: AttemptFolder("\(folder)/out").evaluations))
        withExtendedLifetime(place) {}
    }

    @Test("asked to stop, it ends the program and has measured nothing")
    func stops() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        var attempt = try attempt(
            folder, images: [4],
            metric: ExternalMetric(name: "m", command: ["sh", "-c", "touch \(folder)/begun; exec sleep 600"]))
        attempt.shouldStop = { FileManager.default.fileExists(atPath: "\(folder)/begun") }
        #expect(try !attempt.run())
        #expect(!FileManager.default.fileExists(atPath: AttemptFolder("\(folder)/out").evaluations))
        withExtendedLifetime(place) {}
    }
}
