import Foundation
import TestSupport
import Testing

/// Coordinator and worker as real processes, with a library that stands for NVIDIA's.
@Suite("GPUs", .serialized)
struct GPUTests {
    private static let big: UInt64 = 25_757_220_864

    private func library(_ folder: TemporaryFolder) throws -> [String: String] {
        let gpus = (0..<4).map {
            FakeNVML.GPU(
                "NVIDIA GeForce RTX 4090", uuid: "GPU-\($0)", address: "0:\($0 + 1):0", memory: Self.big,
                used: UInt64($0 + 1) * 1_000_000_000, utilisation: 10 * $0)
        }
        return ["RADIATA_NVML": try FakeNVML(in: folder, gpus).path, "RADIATA_SYSFS": folder.path + "/none"]
    }

    @Test("two slots, four GPUs: of 1,000 jobs of one to three GPUs no two ever share one", .timeLimit(.minutes(20)))
    func thousand() throws {
        let house = try House()
        let environment = try library(house.folder)
        let marks = house.folder.path + "/marks"
        // Appended in one write each, so that the file's order is that of what happened.
        let script = try house.folder.write(
            "train.sh",
            """
            #!/bin/sh
            echo "begin $1 $CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES $2" >> "\(marks)"
            echo "end $1 $CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES $2" >> "\(marks)"

            """, executable: true)
        try house.startCoordinator(lease: "20s")
        let counts = [1: 600, 2: 250, 3: 150]
        for (gpus, jobs) in counts.sorted(by: { $0.key > $1.key }) {
            let seeds = (1...jobs).map(String.init).joined(separator: ", ")
            // What needs one says nothing.
            let file = try house.folder.write(
                "gpus-\(gpus).yaml",
                """
                name: gpus-\(gpus)
                seeds: [\(seeds)]
                \(gpus == 1 ? "" : "requires: { gpus: \(gpus), gpu_memory: 20GB, gpu: \"3090|4090\" }")
                trainer: { command: [\(script), "\(gpus)-{seed}", "{gpus}"] }
                groups: [ { list: [ { lr: \(gpus)e-4 } ] } ]
                """)
            let launched = try house.radiata(["launch", file])
            try #require(launched.status == 0, "\(launched)")
        }
        let worker = try RadiataProgram.start(
            [
                "worker", "run", "--coordinator", house.url, "--work", house.folder.path + "/worker", "--slots", "2",
                "--threads", "1",
            ], output: "\(house.folder.path)/worker.out", messages: "\(house.folder.path)/worker.log",
            environment: environment)
        defer { house.slay(worker) }
        try house.eventually("all jobs are done", seconds: 1000) {
            let open = try house.count("SELECT count(*) AS n FROM jobs WHERE state <> 'done'")
            return open == 0 ? nil : "\(open) jobs are open"
        }
        var holders: [Substring: Substring] = [:]
        var begun: Set<Substring> = []
        var used: Set<Substring> = []
        for line in try house.folder.read("marks").split(separator: "\n") {
            let words = line.split(separator: " ")
            try #require(words.count == 5 && words[2] == "PCI_BUS_ID" && words[3] == words[4], "\(line)")
            let gpus = words[3].split(separator: ",")
            #expect(words[1].hasPrefix("\(gpus.count)-") && Set(gpus).count == gpus.count, "\(line)")
            for gpu in gpus {
                if words[0] == "begin" {
                    #expect(holders[gpu] == nil, "GPU \(gpu) of \(words[1]) is used by \(holders[gpu] ?? "")")
                    holders[gpu] = words[1]
                    used.insert(gpu)
                } else {
                    holders[gpu] = nil
                }
            }
            if words[0] == "begin" { #expect(begun.insert(words[1]).inserted, "\(line) twice") }
        }
        #expect(begun.count == 1000 && holders.isEmpty && used == ["0", "1", "2", "3"])
        let workers = try house.radiata(["workers"])
        #expect(workers.output.contains("4 × NVIDIA GeForce RTX 4090 25.8 GB"), "\(workers)")
    }

    @Test("one slot a GPU; --gpus names them; what they do stands in the ledger", .timeLimit(.minutes(15)))
    func chosen() throws {
        let house = try House()
        let environment = try library(house.folder)
        try house.startCoordinator(lease: "20s")
        let script = try house.folder.write(
            "train.sh",
            """
            #!/bin/sh
            n=0
            while [ ! -e "\(house.folder.path)/stop" ]; do
                n=$((n + 1))
                echo "{\\"step\\": $n, \\"loss\\": 0.5}" >> "$1/metrics.jsonl"
                sleep 0.2
            done

            """, executable: true)
        let file = try house.folder.write(
            "s.yaml",
            """
            name: s
            seeds: [1, 2]
            trainer:
              command: [\(script), "{out}"]
              metrics: [ { jsonl: "{out}/metrics.jsonl" } ]
            groups: [ { list: [ { lr: 1e-4 } ] } ]
            """)
        try #require(try house.radiata(["launch", file]).status == 0)
        let refused = try RadiataProgram.run(
            ["worker", "run", "--coordinator", house.url, "--work", house.folder.path + "/w", "--gpus", "7"],
            environment: environment)
        #expect(refused.status != 0 && refused.messages.contains("--gpus 7: there are 0 (NVIDIA"), "\(refused)")
        let worker = try RadiataProgram.start(
            [
                "worker", "run", "--coordinator", house.url, "--work", house.folder.path + "/w", "--gpus", "1,3",
                "--threads", "1",
            ], output: "\(house.folder.path)/worker.out", messages: "\(house.folder.path)/worker.log",
            environment: environment)
        defer { house.slay(worker) }
        try house.eventually("both jobs have told of their GPU", seconds: 60) {
            let rows = try house.query(
                "SELECT DISTINCT job, value FROM metrics WHERE key = 'system/gpu_memory_mb' ORDER BY value")
            return rows.count == 2 ? nil : "\(rows)"
        }
        let memory = try house.query("SELECT DISTINCT value FROM metrics WHERE key = 'system/gpu_memory_mb' ORDER BY 1")
        #expect(memory.map { $0["value"] as? Double } == [2000, 4000])
        let used = try house.query("SELECT DISTINCT value FROM metrics WHERE key = 'system/gpu_utilisation' ORDER BY 1")
        #expect(used.map { $0["value"] as? Double } == [10, 30])
        let shown = try house.query("SELECT id FROM jobs ORDER BY id").compactMap { $0["id"] as? String }.map {
            try house.radiata(["show", $0]).output
        }
        #expect(shown.contains { $0.contains("2.0 GB") && $0.contains("10 %") }, "\(shown)")
        #expect(shown.contains { $0.contains("4.0 GB") && $0.contains("30 %") }, "\(shown)")
        let listed = try house.query(
            "SELECT w.slots, w.gpus, g.devices FROM worker w JOIN worker_gpu g ON g.worker = w.id")
        #expect(listed.first?["slots"] as? Int == 2 && listed.first?["gpus"] as? Int == 2)
        #expect((listed.first?["devices"] as? String)?.contains("\"uuid\":\"GPU-3\"") == true)
        try house.folder.write("stop", "")
        try house.eventually("both end", seconds: 60) {
            try house.count("SELECT count(*) AS n FROM jobs WHERE state = 'done'") == 2 ? nil : "not yet"
        }
    }
}
