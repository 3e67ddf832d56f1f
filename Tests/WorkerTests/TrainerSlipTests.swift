import Foundation
import Glibc
import Logging
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import TestSupport
import Testing
import Worker

@Suite("Trainers that slip", .serialized)
struct TrainerSlipTests {
    /// One job a slip; each leaves `ck-1`.
    private let script = """
        #!/bin/sh
        out="$1"; m="$out/metrics.jsonl"
        echo "$2" > "$out/ck-1"
        case "$2" in
        empty) echo '{"step": 1, "loss": 1, "": 2}' > "$m" ;;
        long) python3 -c 'import json; print(json.dumps({"step": 1, "loss": 1, "a" * 257: 2}))' > "$m" ;;
        many) python3 -c 'import json; print(json.dumps({"step": 1, **{"k%d" % i: 1 for i in range(5000)}}))' > "$m" ;;
        nostep) for e in 1 2 3; do echo "{\\"global_step\\": $((e * 10)), \\"loss\\": 0.5}"; done > "$m" ;;
        text) echo '{"step": "3", "loss": "0.25"}' > "$m" ;;
        nul) printf 'before\\000after\\nlast words\\n' ;;
        flood) python3 -c 'for i in range(60000): print(i, "z" * 100)'; echo FINAL WORDS ;;
        bar) python3 -c 'for i in range(40000): print("\\r%d/40000 it" % i, end="")'; echo; echo done ;;
        link) echo two > "$out/ck-2"; ln -s ck-2 "$out/ck-99" ;;
        folder) mkdir "$out/ck-3"; echo w > "$out/ck-3/w.bin"; ln -s w.bin "$out/ck-3/last"; ln -s none "$out/ck-3/dead" ;;
        pipe) mkfifo "$out/ck-4"; mkfifo "$m" ;;
        names) echo a > "$out/ck-5 [end] ü.bin"; echo b > "$(printf '%s/ck-6 caf\\351' "$out")"; echo f > "$out/ck.bin" ;;
        esac
        """

    private func cluster(_ values: [String], rule: String = "jsonl: \"{out}/metrics.jsonl\"") async throws -> Cluster {
        let cluster = try await Cluster()
        try await cluster.launch(
            """
            name: slips
            trainer:
              command: [sh, "{folder}/trainer.sh", "{out}", "{slip}"]
              metrics: [ { \(rule) } ]
              checkpoints: [ { glob: "{out}/ck*", step: "ck-([0-9]+)" } ]
            groups: [ { grid: { slip: [\(values.joined(separator: ", "))] } } ]
            """, script: script)
        return cluster
    }

    private func job(_ slip: String, _ cluster: Cluster) async throws -> String {
        let found = try await cluster.query(
            "SELECT id FROM jobs WHERE json_extract(parameters, '$.slip') = '\(slip)'")
        return try #require(found.first?.first)
    }

    private func log(_ slip: String, _ cluster: Cluster) async throws -> String {
        var text = ""
        var offset: UInt64 = 0
        while true {
            let page = try await cluster.client.call(
                .logs, LogRequest(job: try await job(slip, cluster), offset: offset))
            text += page.text
            if page.next == offset { return text }
            offset = page.next
        }
    }

    private func notices(_ slip: String, _ cluster: Cluster) async throws -> [String] {
        let id = try await job(slip, cluster)
        return try await cluster.query("SELECT kind || ' ' || count FROM notices WHERE job = '\(id)' ORDER BY 1")
            .flatMap { $0 }
    }

    @Test("points that cannot be taken cost themselves: the jobs end, and log, details and ledger tell")
    func metrics() async throws {
        let cluster = try await cluster(["empty", "long", "many", "nostep", "text"])
        let worker = try cluster.worker(slots: 3)
        let ended = try await cluster.jobs(reach: ["done", "failed", "parked"])
        #expect(ended == Array(repeating: ["done", "1", "null"], count: 5))
        #expect(try await notices("empty", cluster) == ["metric-name 1"])
        #expect(try await notices("long", cluster) == ["metric-name 1"])
        #expect(try await notices("many", cluster) == ["metric-names 904"])
        #expect(try await notices("nostep", cluster) == ["metric-step 3"])
        #expect(try await notices("text", cluster) == [])
        let points = try await cluster.query(
            """
            SELECT json_extract(j.parameters, '$.slip'), count(m.key), max(m.step) FROM jobs j
            LEFT JOIN metrics m ON m.job = j.id GROUP BY 1 ORDER BY 1
            """)
        #expect(
            points == [
                ["empty", "1", "1"], ["long", "1", "1"], ["many", "4096", "1"], ["nostep", "0", "null"],
                ["text", "1", "3"],
            ])
        let said = try await log("nostep", cluster)
        #expect(said.contains("[radiata] ") && said.contains("step: global_step"))
        #expect(said.split(separator: "\n").count == 1, "once")
        let detail = try await cluster.client.call(.job, JobRequest(job: try await job("nostep", cluster)))
        #expect(detail.notices?.map(\.count) == [3] && detail.notices?.first?.detail.contains("global_step") == true)
        try await worker.stop()
        await cluster.stop()
    }

    @Test("the step's key may be named in the rule")
    func namedStep() async throws {
        let cluster = try await cluster(["nostep"], rule: "jsonl: \"{out}/metrics.jsonl\", step: global_step")
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]) == [["done", "1", "null"]])
        #expect(try await cluster.query("SELECT step FROM metrics ORDER BY 1") == [["10"], ["20"], ["30"]])
        #expect(try await notices("nostep", cluster) == [])
        try await worker.stop()
        await cluster.stop()
    }

    @Test("logs: NUL cuts nothing, the newest mebibyte is there, a progress bar is a line")
    func logs() async throws {
        let cluster = try await cluster(["nul", "flood", "bar"])
        let worker = try cluster.worker(slots: 3)
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]).allSatisfy { $0[0] == "done" })
        #expect(try await log("nul", cluster) == "before␀after\nlast words\n")
        let flood = try await log("flood", cluster)
        #expect(flood.hasSuffix("FINAL WORDS\n"))
        #expect(flood.utf8.count >= 1 << 20 && flood.utf8.count < (1 << 20) + (64 << 10))
        #expect(try await log("bar", cluster) == "39999/40000 it\ndone\n")
        try await worker.stop()
        await cluster.stop()
    }

    @Test(
        "links by content, odd names as they are, pipes never; the un-numbered file is final; the work folder is reached over a link"
    )
    func files() async throws {
        let cluster = try await cluster(["link", "folder", "pipe", "names"])
        try DiskFiles().makeFolder(cluster.folder.path + "/real [dir]")
        #expect(symlink("real [dir]", cluster.folder.path + "/way") == 0)
        let worker = try cluster.worker("way/./w", slots: 2)
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]).allSatisfy { $0[0] == "done" })
        func files(_ slip: String) async throws -> [String] {
            let id = try await job(slip, cluster)
            return try await cluster.query(
                "SELECT file || ' ' || bytes || ' ' || final FROM checkpoints WHERE job = '\(id)' ORDER BY step, file"
            ).flatMap { $0 }
        }
        #expect(try await files("link") == ["ck-1 5 0", "ck-2 4 0", "ck-99 4 0"])
        #expect(try await files("folder") == ["ck-1 7 0", "ck-3/last 2 0", "ck-3/w.bin 2 0"])
        #expect(try await notices("folder", cluster) == ["checkpoint-link 1"])
        #expect(try await files("pipe") == ["ck-1 5 0"])
        #expect(try await notices("pipe", cluster) == ["checkpoint-special 1", "metric-file 1"])
        #expect(
            try await files("names") == ["ck-1 6 0", "ck-5 [end] ü.bin 2 0", "ck-6 caf%E9 2 0", "ck.bin 2 1"])
        try await worker.stop()
        await cluster.stop()
    }

    @Test("a state of a name that is no UTF-8 is restored, and the attempt goes on from it")
    func resumesFromOddName() async throws {
        let cluster = try await Cluster()
        try await cluster.launch(
            """
            name: odd
            retries: { crash: 1 }
            trainer:
              command: [sh, "{folder}/trainer.sh", "{out}"]
              resume: ["{checkpoint}"]
              checkpoints: [ { glob: "{out}/state-*", step: "state-([0-9]+)", kind: state } ]
            groups: [ { list: [ { lr: 1 } ] } ]
            """,
            script: """
                #!/bin/sh
                if [ -n "$2" ]; then
                    cat "$2"/* && [ -f "$(printf '%s/caf\\351' "$2")" ] && exit 0
                    exit 3
                fi
                mkdir "$1/part"; echo half > "$(printf '%s/part/caf\\351' "$1")"
                mv "$1/part" "$1/state-5 ü"
                while [ ! -e "{folder}/gate" ]; do sleep 0.1; done
                exit 1
                """)
        let worker = try cluster.worker()
        #expect(try await eventually { try await cluster.query("SELECT count(*) FROM checkpoints") == [["1"]] })
        _ = try cluster.folder.write("gate", "")
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]) == [["done", "2", "null"]])
        #expect(try await cluster.query("SELECT resumed_step FROM attempt ORDER BY number") == [["0"], ["5"]])
        try await worker.stop()
        await cluster.stop()
    }

    @Test(
        "a Python error and a program's own are told by their line", arguments: [true, false])
    func messages(inPython: Bool) async throws {
        let cluster = try await Cluster()
        let fault =
            inPython
            ? "python3 -c 'import sys; print(\"loading\"); raise ValueError(\"no captions in \" + \"x\")'; exit 1"
            : "echo ok; echo 'train: error: cannot read config'; echo bye; exit 1"
        try await cluster.launch(
            """
            name: fails
            retries: { crash: 0 }
            trainer: { command: [sh, "{folder}/trainer.sh"] }
            groups: [ { list: [ { lr: 1 } ] } ]
            """, script: "#!/bin/sh\n\(fault)\n")
        let worker = try cluster.worker()
        #expect(try await cluster.jobs(reach: ["done", "failed", "parked"]) == [["failed", "1", "crash"]])
        let line = inPython ? "ValueError: no captions in x" : "train: error: cannot read config"
        #expect(
            try await cluster.query("SELECT message FROM jobs") == [["the trainer exited with code 1: \(line)"]])
        try await worker.stop()
        await cluster.stop()
    }
}

/// What a worker's log says.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }

    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.add("\(event.message)") }
    }
}

@Suite("A worker and an address that is wrong", .serialized)
struct WrongAddressTests {
    private func says(_ url: String, _ wanted: String) async throws {
        let folder = try TemporaryFolder()
        let lines = Lines()
        let worker = RunningWorker(
            WorkerConfiguration(
                client: try ClientConfiguration(coordinator: url), name: "w", work: folder.path + "/w",
                logger: lines.logger, handlesSignals: false))
        #expect(
            try await eventually(within: .seconds(60)) { lines.all.contains { $0.contains(wanted) } }, "\(lines.all)")
        // It goes on trying, and does not fill its log with it.
        #expect(lines.all.filter { $0.contains(wanted) }.count == 1)
        worker.abandon()
    }

    @Test("nobody listens there") func refused() async throws {
        try await says("http://127.0.0.1:9", "does not answer")
    }

    @Test("no machine has that name") func unknownName() async throws {
        try await says("http://no-such-machine.invalid:7070", "no machine of that name")
    }

    @Test("another server answers, or one that speaks no HTTP", arguments: [true, false])
    func otherServer(speaksHTTP: Bool) async throws {
        let answer =
            speaksHTTP
            ? "HTTP/1.1 404 Not Found\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\nnope" : "SSH-2.0-x\\r\\n"
        let program = """
            import socket
            s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(8); print(s.getsockname()[1], flush=True)
            while True:
                c, _ = s.accept(); c.recv(65536); c.sendall(b'\(answer)'); c.close()
            """
        let server = Process()
        server.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        server.arguments = ["python3", "-c", program]
        let output = Pipe()
        server.standardOutput = output
        // A pipe of the test run's own would be held open by it.
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer { kill(server.processIdentifier, SIGKILL) }
        let port = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).prefix { $0.isNumber }
        try await says(
            "http://127.0.0.1:\(port)", speaksHTTP ? "not as a coordinator does" : "speaks no HTTP")
        if speaksHTTP { try await says("https://127.0.0.1:\(port)", "speaks no TLS") }
    }
}
