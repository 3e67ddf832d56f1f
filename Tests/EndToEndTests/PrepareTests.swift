import Foundation
import TestSupport
import Testing

/// Preparations, views of the data and fallbacks, with a real coordinator, real workers and real programs.
@Suite("What is made before jobs start", .serialized)
struct PrepareTests {
    /// Marks each run, makes a cache beside every image and one file of its own.
    private static let cache = """
        import os, sys
        data, made, marks, size = sys.argv[1:5]
        with open(marks, "a") as file:
            file.write("cache %s\\n" % size)
        for folder, _, names in os.walk(data):
            for name in names:
                if name.endswith(".png"):
                    with open(os.path.join(folder, name[:-4] + ".npz"), "w") as file:
                        file.write("latents %s of %d bytes" % (size, os.path.getsize(os.path.join(folder, name))))
        with open(os.path.join(made, "texts.bin"), "w") as file:
            file.write("texts " + size)

        """

    /// Fails without what was to be made, writes into its data, and into what was made.
    private static let train = """
        import json, os, sys
        data, made, out, marks, lr = sys.argv[1:6]
        latents = open(os.path.join(data, "1_veko", "a.npz")).read()
        texts = open(os.path.join(made, "texts.bin")).read()
        with open(os.path.join(data, "1_veko", "a.txt"), "a") as file:
            file.write(" changed by " + lr)
        with open(os.path.join(made, "mine.bin"), "w") as file:
            file.write("x")
        with open(marks, "a") as file:
            file.write("train %s: %s, %s\\n" % (lr, latents, texts))
        with open(os.path.join(out, "metrics.jsonl"), "w") as file:
            file.write(json.dumps({"step": 1, "loss": float(lr)}) + "\\n")

        """

    private func data(_ house: House) throws -> String {
        let folder = house.folder.path + "/images"
        try FileManager.default.createDirectory(atPath: folder + "/1_veko", withIntermediateDirectories: true)
        try Data(repeating: 9, count: 70_000).write(to: URL(filePath: folder + "/1_veko/a.png"))
        _ = try house.folder.write("images/1_veko/a.txt", "veko")
        return folder
    }

    private func sweep(_ house: House, scope: String, sizes: String = "[512]") throws -> String {
        let data = try data(house)
        let cache = try house.folder.write("cache.py", Self.cache)
        let train = try house.folder.write("train.py", Self.train)
        let marks = house.folder.path + "/marks"
        return try house.folder.write(
            "s.yaml",
            """
            name: s
            data: \(data)
            retries: { crash: 0 }
            trainer:
              command: [python3, \(train), "{data}", "{prepare.caches}", "{out}", \(marks), "{lr}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
              prepare:
                caches: { command: [python3, \(cache), "{data}", "{prepared}", \(marks), "{size}"], scope: \(scope) }
            groups: [ { grid: { lr: [1, 2, 3], size: \(sizes) } } ]
            """)
    }

    private func marks(_ house: House) throws -> [String] {
        try house.folder.read("marks").split(separator: "\n").map(String.init).sorted()
    }

    private func finish(_ house: House) throws {
        try house.eventually("all jobs are done") {
            let rows = try house.query("SELECT kind, state, message FROM jobs WHERE state <> 'done'")
            return rows.isEmpty ? nil : "\(rows)"
        }
    }

    @Test("once for all machines: made by one, used by others, the inputs as they were", .timeLimit(.minutes(15)))
    func fleet() throws {
        let house = try House()
        let file = try sweep(house, scope: "fleet", sizes: "[512, 768]")
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        // Nobody works yet: what waits for what is said.
        let status = try house.radiata(["status", "--format", "json"])
        #expect(status.output.contains("its preparation 'caches' (job "), "\(status.output)")
        let first = try house.startWorker("one")
        let second = try house.startWorker("two")
        defer { [first, second].forEach(house.slay) }
        try finish(house)
        let lines = try marks(house)
        #expect(lines.filter { $0.hasPrefix("cache") } == ["cache 512", "cache 768"], "each once in the fleet")
        #expect(lines.contains("train 2: latents 768 of 70000 bytes, texts 768") && lines.count == 8, "\(lines)")
        #expect(try house.count("SELECT count(*) AS n FROM jobs WHERE kind = 'prepare'") == 2)
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: house.folder.path + "/images").sorted() == [
                "1_veko", "1_veko/a.png", "1_veko/a.txt",
            ], "nothing was written beside the images")
        #expect(try house.folder.read("images/1_veko/a.txt") == "veko")
        let jobs = try house.radiata(["jobs", "s"])
        #expect(jobs.output.contains("prepare"), "\(jobs.output)")
    }

    @Test("once on each machine that runs jobs; one that fails is said, and resumed", .timeLimit(.minutes(15)))
    func host() throws {
        let house = try House()
        let file = try sweep(house, scope: "host")
        // Breaks once: the folder of the marks is not there.
        let script = house.folder.path + "/cache.py"
        try "import sys\nprint('ValueError: no images', file=sys.stderr)\nsys.exit(2)\n".write(
            toFile: script, atomically: true, encoding: .utf8)
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let first = try house.startWorker("one")
        var worker = first
        defer { house.slay(worker) }
        try house.eventually("the failure is said at the jobs that wait") {
            let text = try house.radiata(["status", "--format", "json"]).output
            return text.contains("no images") && text.contains("radiata resume") ? nil : text
        }
        #expect(try house.count("SELECT count(*) AS n FROM attempt a JOIN prepare_need n ON n.job = a.job") == 0)
        try Self.cache.write(toFile: script, atomically: true, encoding: .utf8)
        #expect(try house.radiata(["resume", "s"]).status == 0)
        try finish(house)
        #expect(try marks(house).filter { $0.hasPrefix("cache") } == ["cache 512"])
        // Another machine makes its own, as part of the first job there.
        house.slay(worker)
        try FileManager.default.removeItem(atPath: house.folder.path + "/marks")
        worker = try house.startWorker("two")
        let again = file.replacing("s.yaml", with: "t.yaml")
        let text = try house.folder.read("s.yaml").replacing("name: s\n", with: "name: t\n").replacing(
            "lr: [1, 2, 3]", with: "lr: [4, 5]")
        try text.write(toFile: again, atomically: true, encoding: .utf8)
        #expect(try house.radiata(["launch", again]).status == 0)
        try finish(house)
        let lines = try marks(house)
        #expect(
            lines == [
                "cache 512", "train 4: latents 512 of 70000 bytes, texts 512",
                "train 5: latents 512 of 70000 bytes, texts 512",
            ])
        #expect(try house.count("SELECT count(*) AS n FROM jobs WHERE kind = 'prepare'") == 1)
    }

    @Test("a trainer that runs out of memory is tried with half the batch, and that is said", .timeLimit(.minutes(15)))
    func memory() throws {
        let house = try House()
        let script = try house.folder.write(
            "oom.sh",
            """
            #!/bin/sh
            echo "batch $1 accumulation $2"
            if [ "$1" -gt 2 ]; then
                echo "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" >&2
                exit 1
            fi
            echo '{"step": 1, "batch": '$1'}' > "$3/metrics.jsonl"

            """, executable: true)
        let file = try house.folder.write(
            "oom.yaml",
            """
            name: oom
            trainer:
              command: [\(script), "{batch}", "{accumulation}", "{out}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
            on_oom: { batch: batch / 2, accumulation: accumulation * 2 }
            groups: [ { list: [ { batch: 8, accumulation: 1 } ] } ]
            """)
        try house.startCoordinator()
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let worker = try house.startWorker("one")
        defer { house.slay(worker) }
        try finish(house)
        let rows = try house.query("SELECT id, attempts, fallback FROM jobs")
        #expect(rows[0]["attempts"] as? Int == 3)
        #expect(rows[0]["fallback"] as? String == #"{"accumulation":4,"batch":2}"#)
        #expect(try house.count("SELECT value AS n FROM metrics WHERE key = 'batch'") == 2)
        let id = try #require(rows[0]["id"] as? String)
        let shown = try house.radiata(["show", id]).output
        #expect(shown.contains("accumulation 1 to 2, batch 8 to 4"), "\(shown)")
        #expect(shown.contains("out of memory: accumulation=4 batch=2"), "\(shown)")
        #expect(try house.radiata(["jobs", "oom"]).output.contains("batch=2"))
    }
}
