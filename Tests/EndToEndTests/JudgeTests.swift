import Foundation
import TestSupport
import Testing

/// `radiata judge`, and a sweep that asks it, against a real HTTP service (judge_service.py).
@Suite("A model that judges", .serialized)
struct JudgeTests {
    /// The service as a process, ended with it.
    private final class Service {
        let folder: TemporaryFolder
        let url: String
        private let process: Process
        /// The service ends when it is closed: `python3` may be a script that starts another process.
        private let lifeline = Pipe()

        init() throws {
            let folder = try TemporaryFolder()
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "judge_service.py").path
            process.arguments = ["python3", script, folder.path + "/log"]
            process.standardInput = lifeline
            let said = folder.path + "/port"
            try #require(FileManager.default.createFile(atPath: said, contents: nil))
            process.standardOutput = try FileHandle(forWritingTo: URL(filePath: said))
            try process.run()
            // It says its port when it listens.
            var line = Data()
            for _ in 0..<600 where !line.contains(UInt8(ascii: "\n")) {
                usleep(50_000)
                line = FileManager.default.contents(atPath: said) ?? Data()
            }
            let text = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            let port = try #require(Int(text), "the service said '\(text)'")
            url = "http://127.0.0.1:\(port)/v1"
            self.folder = folder
            self.process = process
        }

        deinit {
            lifeline.fileHandleForWriting.closeFile()
            process.waitUntilExit()
        }

        func asked() throws -> [[String: Any]] {
            let text = try String(contentsOfFile: folder.path + "/log", encoding: .utf8)
            return try text.split(separator: "\n").compactMap {
                try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
        }
    }

    @Test("both orders are asked and the mean counts; the sentence is kept; the key goes with it")
    func orders() throws {
        let service = try Service()
        let folder = service.folder.path
        // 13 bytes: 13 % 5 is 3, and 5 where it stands first. 11 bytes of a reference are never scored.
        try Data(repeating: 7, count: 13).write(to: URL(filePath: folder + "/image.png"))
        try Data(repeating: 8, count: 11).write(to: URL(filePath: folder + "/reference.png"))
        let question =
            #"{"id": 4, "image": "\#(folder)/image.png", "#
            + #""reference": ["\#(folder)/reference.png"], "prompt": "a veko"}"#
        let alone = #"{"id": 5, "image": "\#(folder)/image.png", "reference": []}"#
        try (question + "\n\n" + alone + "\n").write(toFile: folder + "/questions", atomically: true, encoding: .utf8)
        let ended = try RadiataProgram.run(
            [
                "judge", "--url", service.url + "/", "--model", "seer", "--metric", "likeness", "--rubric-text",
                "How alike?",
            ],
            environment: ["OPENAI_API_KEY": "a-key"], input: folder + "/questions")
        try #require(ended.status == 0, "\(ended)")
        let answers = try ended.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(answers.map { $0["id"] as? Int } == [4, 5])
        #expect(answers.map { $0["metric"] as? String } == ["likeness", "likeness"])
        #expect(answers.map { ($0["value"] as? NSNumber)?.doubleValue } == [4, 3])
        #expect(answers.map { $0["note"] as? String } == ["place 2, 13 bytes.", "place 1, 13 bytes."])
        let asked = try service.asked()
        #expect(asked.map { $0["place"] as? Int } == [1, 0, 0])
        #expect(asked.allSatisfy { $0["path"] as? String == "/v1/chat/completions" })
        #expect(asked.allSatisfy { $0["key"] as? String == "Bearer a-key" && $0["model"] as? String == "seer" })
        let pictures = asked.compactMap { $0["pictures"] as? [String] }
        #expect(pictures.map(\.count) == [2, 2, 1] && pictures[0] == pictures[1].reversed())
        let texts = asked.compactMap { $0["text"] as? String }
        #expect(texts.allSatisfy { $0.hasPrefix("How alike?") })
        #expect(texts[0].contains("asked for with: a veko") && !texts[2].contains("asked for with"))
    }

    @Test("a sweep's samples are judged by it, image by image, with its sentences", .timeLimit(.minutes(15)))
    func sweep() throws {
        let service = try Service()
        let house = try House()
        try house.startCoordinator()
        let folder = house.folder.path
        try "How good, from 0 to 10?".write(toFile: folder + "/rubric.txt", atomically: true, encoding: .utf8)
        // 6 and 7 bytes, and 8: other sizes are other pictures, and other scores.
        try "printf 12345$2 > \"$1/one.png\"; printf 12345678 > \"$1/two.png\"\n".write(
            toFile: folder + "/train.sh", atomically: true, encoding: .utf8)
        let file = try house.folder.write(
            "judged.yaml",
            """
            name: judged
            trainer: { command: [sh, "\(folder)/train.sh", "{out}", "{x}"], samples: [ { glob: "{out}/*.png" } ] }
            metrics: { taste: { better: higher, judge: "\(service.url)", model: seer, rubric: rubric.txt } }
            groups: [ { grid: { x: [1, 22] } } ]
            """)
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.eventually("both jobs are judged") {
            let jobs = try house.query("SELECT kind, state, failure, message FROM jobs")
            let isDone = jobs.count == 4 && jobs.allSatisfy { $0["state"] as? String == "done" }
            return isDone ? nil : "\(jobs)"
        }
        let images = try house.query(
            """
            SELECT json_extract(j.parameters, '$.x') AS x, i.image, i.value, i.note FROM image_results i
            JOIN jobs j ON j.id = i.job WHERE i.metric = 'taste' ORDER BY 1, 2
            """)
        #expect(images.compactMap { ($0["value"] as? NSNumber)?.doubleValue } == [1, 3, 2, 3])
        #expect(
            images.compactMap { $0["note"] as? String } == [
                "place 1, 6 bytes.", "place 1, 8 bytes.", "place 1, 7 bytes.", "place 1, 8 bytes.",
            ])
        // The picture that both jobs made was asked about once: its answer is remembered by its content.
        #expect(try service.asked().count == 3)
        let top = try house.radiata(["top", "judged", "--metric", "taste", "--format", "csv"])
        let best = top.output.split(separator: "\n").dropFirst().first
        #expect(top.status == 0 && best?.contains("22") == true, "\(top)")
    }
}
