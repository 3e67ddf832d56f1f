import CoreTools
import Dispatch
import Foundation
import Glibc
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

    @Test("samples that are videos are left out with words, and values stay at the places of their images")
    func videos() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let script = "\(folder)/width.py"
        try Self.program.write(toFile: script, atomically: true, encoding: .utf8)
        let metric = ExternalMetric(name: "size", command: ["python3", script, "\(folder)/starts"])
        var attempt = try attempt(folder, images: [4, 8], metric: metric)
        var words: [String] = []
        attempt.report = { words.append($0) }
        let videos = [("first.mp4", [0, 0, 0, 24] + Array("ftypmp42".utf8)), ("last.png", Array("GIF89a".utf8))]
        for (name, bytes) in videos { try Data(bytes).write(to: URL(filePath: "\(folder)/\(name)")) }
        attempt.task.images = ["\(folder)/first.mp4"] + attempt.task.images + ["\(folder)/last.png"]
        #expect(try attempt.run())
        #expect(words.contains { $0.contains("2 of 4 samples are videos") }, "\(words)")
        let width = try #require(try rows("\(folder)/out").first { $0.metric == "width" })
        #expect(width.values == [nil, 4, 8, nil] && width.value == 6 && width.n == 2)
        #expect(width.notes == ["a video is no image", "wide", "wide", "a video is no image"])

        attempt.task.images = ["\(folder)/first.mp4"]
        attempt.out = "\(folder)/none"
        try FileManager.default.createDirectory(atPath: attempt.out, withIntermediateDirectories: true)
        #expect(try attempt.run())
        #expect(try rows(attempt.out).isEmpty)
        // No program was started for it.
        let starts = try String(contentsOfFile: "\(folder)/starts", encoding: .utf8)
        #expect(starts.split(separator: "\n").count == 1)
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

    /// Says that it stays, counts its starts, and answers line by line with the width. Of an image 13 wide it
    /// dies the first time, of one 14 wide every time, and one 15 wide takes it for ever.
    private static let staying = """
        import json, os, struct, sys, time
        place = sys.argv[1]
        open(place + "/starts", "a").write(f"{os.getpid()}\\n")
        print(json.dumps({"ready": True, "metrics": ["width", "twice"]}), flush=True)
        for line in sys.stdin:
            question = json.loads(line)
            with open(question["image"], "rb") as file:
                width = struct.unpack(">I", file.read(24)[16:20])[0]
            if width == 14 or (width == 13 and not os.path.exists(place + "/died")):
                open(place + "/died", "w").close()
                sys.exit("no memory left")
            if width == 15:
                time.sleep(600)
            print(json.dumps({"id": question["id"], "metric": "width", "value": width}), flush=True)
            print(json.dumps({"id": question["id"], "metric": "twice", "value": 2 * width}), flush=True)
        """

    /// A host on a thread of its own, as a worker has it in a process.
    private final class Host: @unchecked Sendable {
        let socket: String
        private let isOver = DispatchSemaphore(value: 0)
        private let flag: String

        init(_ folder: String) throws {
            // Longer than the path of a socket may be.
            socket = folder + "/" + String(repeating: "deep", count: 30)
            try FileManager.default.createDirectory(atPath: socket, withIntermediateDirectories: true)
            let (path, flag) = (socket + "/socket", folder + "/stop")
            self.flag = flag
            let host = try MetricHost(socket: path) { FileManager.default.fileExists(atPath: flag) }
            let over = isOver
            let work = HostWork(host: host)
            Thread.detachNewThread {
                work.host.run(idle: 600)
                over.signal()
            }
        }

        /// Returns when its programs have ended.
        func stop() {
            _ = FileManager.default.createFile(atPath: flag, contents: nil)
            isOver.wait()
        }
    }

    private struct HostWork: @unchecked Sendable { let host: MetricHost }

    private func staying(_ folder: String, env: [String: String]? = nil) throws -> ExternalMetric {
        let script = "\(folder)/staying.py"
        try Self.staying.write(toFile: script, atomically: true, encoding: .utf8)
        return ExternalMetric(name: "size", command: ["python3", script, folder], env: env)
    }

    private func starts(_ folder: String) throws -> [Int32] {
        try String(contentsOfFile: "\(folder)/starts", encoding: .utf8).split(separator: "\n").compactMap { Int32($0) }
    }

    @Test("a program that stays is started once for several checkpoints, and ends with its host")
    func stays() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let host = try Host(folder)
        let metric = try staying(folder)
        for (index, widths) in [[4, 5], [6], [7, 8, 9]].enumerated() {
            var attempt = try attempt(folder, images: widths, metric: metric, out: "out-\(index)")
            attempt.metricHost = host.socket + "/socket"
            #expect(try attempt.run())
            let found = try rows("\(folder)/out-\(index)")
            #expect(found.first { $0.metric == "width" }?.values == widths.map { Double($0) })
            #expect(found.first { $0.metric == "twice" }?.values == widths.map { 2 * Double($0) })
        }
        // One that finds the end of its input starts again each time, beside it.
        let script = "\(folder)/width.py"
        try Self.program.write(toFile: script, atomically: true, encoding: .utf8)
        let former = ExternalMetric(name: "former", command: ["python3", script, "\(folder)/former"])
        for (index, width) in [20, 21].enumerated() {
            var attempt = try attempt(folder, images: [width], metric: former, out: "former-\(index)")
            attempt.metricHost = host.socket + "/socket"
            #expect(try attempt.run())
            #expect(
                try rows("\(folder)/former-\(index)").first { $0.metric == "width" }?.values == [Double(width)])
        }
        let own = try starts(folder)
        #expect(own.count == 1)
        #expect(
            try String(contentsOfFile: "\(folder)/former", encoding: .utf8).split(separator: "\n").count == 2)
        #expect(kill(try #require(own.first), 0) == 0)
        host.stop()
        #expect(kill(try #require(own.first), 0) == -1 && errno == ESRCH)
        withExtendedLifetime(place) {}
    }

    @Test("a program that stays and dies is started again, and it is said; at the same image twice it fails")
    func dies() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let host = try Host(folder)
        defer { host.stop() }
        let metric = try staying(folder)
        var first = try attempt(folder, images: [4, 13, 5], metric: metric)
        let said = Said()
        first.report = { said.lines.append($0) }
        first.metricHost = host.socket + "/socket"
        #expect(try first.run())
        #expect(try rows("\(folder)/out").first { $0.metric == "width" }?.values == [4, 13, 5])
        #expect(
            said.lines.contains {
                $0.contains("exited with code 1 after 1 of 3 images; it is started again")
            }, "\(said.lines)")
        #expect(said.lines.contains("no memory left"))
        #expect(try starts(folder).count == 2)
        var second = try attempt(folder, images: [14], metric: metric, out: "second")
        second.metricHost = host.socket + "/socket"
        let error = #expect(throws: ExternalMetricError.self) { _ = try second.run() }
        let words = ["exited with code 1", "sample-0.png", "0 of 1", "no memory left"]
        #expect(words.allSatisfy { error?.message.contains($0) == true }, "\(error?.message ?? "")")
        // The next checkpoint is measured all the same.
        var third = try attempt(folder, images: [6], metric: metric, out: "third")
        third.metricHost = host.socket + "/socket"
        #expect(try third.run())
        #expect(try rows("\(folder)/third").first { $0.metric == "width" }?.values == [6])
        withExtendedLifetime(place) {}
    }

    private final class Said { var lines: [String] = [] }

    @Test("what a program that stays says too late is about no image of the next batch")
    func late() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        // It repeats its last answer when it hears the next question.
        let script = """
            import json, sys
            print(json.dumps({"ready": True}), flush=True)
            last = None
            for line in sys.stdin:
                question = json.loads(line)
                if last is not None:
                    print(last, flush=True)
                last = json.dumps({"id": question["id"], "value": question["seed"] + 1})
                print(last, flush=True)
            """
        let path = "\(folder)/late.py"
        try script.write(toFile: path, atomically: true, encoding: .utf8)
        let host = try Host(folder)
        defer { host.stop() }
        let metric = ExternalMetric(name: "late", command: ["python3", path])
        var first = try attempt(folder, images: [4], metric: metric)
        first.metricHost = host.socket + "/socket"
        #expect(try first.run())
        var second = try attempt(folder, images: [5], metric: metric, out: "second")
        second.metricHost = host.socket + "/socket"
        let error = #expect(throws: ExternalMetricError.self) { _ = try second.run() }
        #expect(error?.message.contains("not asked about") == true, "\(error?.message ?? "")")
        withExtendedLifetime(place) {}
    }

    @Test(
        "neither what a program leaves running nor one that never ends a line is waited for",
        arguments: [
            ("sleep 600 & cat > /dev/null; echo '{\"id\": 0, \"value\": 3}'", nil as String?),
            ("cat /dev/zero", "without the end of a line"),
        ])
    func ends(command: String, fault: String?) throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let attempt = try attempt(
            folder, images: [4], metric: ExternalMetric(name: "m", command: ["sh", "-c", command]))
        if let fault {
            let error = #expect(throws: ExternalMetricError.self) { _ = try attempt.run() }
            #expect(error?.message.contains(fault) == true, "\(error?.message ?? "")")
        } else {
            #expect(try attempt.run())
            #expect(try rows("\(folder)/out").first?.values == [3])
        }
        withExtendedLifetime(place) {}
    }

    @Test("a limit that is no number of seconds is named", arguments: ["nan", "-1", "soon", "inf"])
    func badLimit(text: String) throws {
        let place = try TemporaryFolder()
        let metric = ExternalMetric(
            name: "m", command: ["sh", "-c", "cat > /dev/null"], env: ["RADIATA_METRIC_TIMEOUT": text])
        let attempt = try attempt(place.path, images: [4], metric: metric)
        let error = #expect(throws: ExternalMetricError.self) { _ = try attempt.run() }
        #expect(error?.message.contains("RADIATA_METRIC_TIMEOUT=\(text)") == true, "\(error?.message ?? "")")
        withExtendedLifetime(place) {}
    }

    @Test("one that keeps silent for too long is ended, and it is said how to give it more time")
    func silent() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let metric = try staying(folder, env: ["RADIATA_METRIC_TIMEOUT": "5"])
        let attempt = try attempt(folder, images: [4, 15], metric: metric)
        let error = #expect(throws: ExternalMetricError.self) { _ = try attempt.run() }
        let words = ["said nothing for 5 s", "of 2 images", "RADIATA_METRIC_TIMEOUT"]
        #expect(words.allSatisfy { error?.message.contains($0) == true }, "\(error?.message ?? "")")
        #expect(kill(try #require(try starts(folder).first), 0) == -1 && errno == ESRCH)
        withExtendedLifetime(place) {}
    }

    @Test("who goes away before the answer takes the program with him, which is started again")
    func gone() throws {
        let place = try TemporaryFolder()
        let folder = place.path
        let host = try Host(folder)
        defer { host.stop() }
        let metric = try staying(folder)
        var first = try attempt(folder, images: [15], metric: metric)
        first.metricHost = host.socket + "/socket"
        // The program has begun: it waits for ever.
        first.shouldStop = { FileManager.default.fileExists(atPath: "\(folder)/starts") }
        #expect(try !first.run())
        var second = try attempt(folder, images: [6], metric: metric, out: "second")
        second.metricHost = host.socket + "/socket"
        #expect(try second.run())
        #expect(try rows("\(folder)/second").first { $0.metric == "width" }?.values == [6])
        #expect(try starts(folder).count == 2)
        withExtendedLifetime(place) {}
    }
}
