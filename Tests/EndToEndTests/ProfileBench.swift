import Foundation
import Glibc
import TestSupport
import Testing

/// An adapter as the ledger has it, with what the stand-ins call weights.
struct SavedAdapter: Hashable, CustomStringConvertible {
    let epoch: Int
    let step: Int
    let weights: Data

    var description: String {
        "epoch \(epoch) step \(step) \(weights.prefix(3).map { String($0, radix: 16) }.joined())"
    }

    /// Weights of a file of the stand-ins: all behind the header.
    static func weights(_ path: String) throws -> Data {
        let data = try Data(contentsOf: URL(filePath: path))
        let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        return data.dropFirst(8 + length)
    }
}

extension House {
    /// Adapters of the jobs whose parameters have this text.
    func adapters(_ parameters: String) throws -> Set<SavedAdapter> {
        let rows = try query(
            """
            SELECT c.epoch, c.step, c.sha256 FROM checkpoints c JOIN jobs j ON j.id = c.job
            WHERE c.kind = 'adapter' AND j.parameters LIKE '%\(parameters)%' AND c.file LIKE '%.safetensors'
            """)
        let blobs = data + "/blobs"
        let files = FileManager.default.subpaths(atPath: blobs) ?? []
        return Set(
            try rows.map { row in
                let digest = try #require(row["sha256"] as? String)
                let path = try #require(
                    files.first { $0.hasSuffix(digest) || $0.replacing("/", with: "").hasSuffix(digest) })
                return SavedAdapter(
                    epoch: (row["epoch"] as? NSNumber)?.intValue ?? -1,
                    step: (row["step"] as? NSNumber)?.intValue ?? -1,
                    weights: try SavedAdapter.weights("\(blobs)/\(path)"))
            })
    }

    /// The id of the one job there is.
    func onlyJob() throws -> String { try #require(try query("SELECT id FROM jobs").first?["id"] as? String) }

    func waitForState(epoch: Int? = nil, step: Int? = nil) throws {
        try eventually("a state of epoch \(epoch ?? 0), step \(step ?? 0) is with the coordinator") {
            let found = try query(
                "SELECT max(epoch) AS epoch, max(step) AS step FROM checkpoints WHERE kind = 'state'")
            func newest(_ what: String) -> Int { (found.first?[what] as? NSNumber)?.intValue ?? -1 }
            return newest("epoch") >= epoch ?? 0 && newest("step") >= step ?? 0 ? nil : "\(found)"
        }
    }

    func waitForLog(_ job: String, _ text: String) throws {
        try eventually("the job says '\(text)'") {
            let log = try radiata(["logs", job]).output
            return log.contains(text) ? nil : log
        }
    }

    /// Until the attempt of this number waits at its gate.
    func waitAtGate(_ job: String, attempt: Int) throws {
        try eventually("attempt \(attempt) waits at its gate") {
            let log = try radiata(["logs", job, "--attempt", "\(attempt)"])
            return log.status == 0 && log.output.contains("waiting for") ? nil : "\(log)"
        }
    }

    func waitForEnd(seconds: Double = 90) throws {
        try eventually("every job has ended", seconds: seconds) {
            let states = try query("SELECT state, failure FROM jobs")
            let isOver = states.allSatisfy { ["done", "failed", "parked"].contains($0["state"] as? String ?? "") }
            return isOver ? nil : "\(states)"
        }
    }

    func waitForState(_ wanted: String) throws {
        try eventually("the job is \(wanted)") {
            let state = try query("SELECT state FROM jobs").first?["state"] as? String ?? ""
            return state == wanted ? nil : state
        }
    }
}

/// One trainer's profile against its stand-in.
struct ProfileBench {
    let profile: String
    /// Path of the configuration file that works.
    let config: String
    /// Where its programs lie.
    let values: [String: String]

    func sweep(_ points: String, seeds: String = "[3]", more: String = "") -> String {
        let values = self.values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
        return """
            name: cats
            trainer:
              profile: \(profile)
              config: \(config)
              values: { \(values) }
            seeds: \(seeds)
            groups: [ { list: [ \(points) ] } ]
            \(more)

            """
    }

    /// Kills two workers at given places of the training, lets a third finish, and holds what the job leaves
    /// against what an undisturbed one does.
    ///
    /// - Parameters:
    ///   - places: at which the first and the second attempt are held when their worker is killed.
    ///   - states: the step of the state that must be with the coordinator then; 0 for none.
    ///   - early: a place at which the program waits until the first state is with the coordinator.
    ///   - isWholeMachine: the trainer's processes are killed too; otherwise the guard has to end them.
    ///   - environment: of the workers.
    /// - Returns: the adapters of both.
    func killTwice(
        _ house: House, at places: (String, String), states: (Int, Int), early: String? = nil,
        isWholeMachine: Bool = true, environment: [String: String] = [:]
    ) throws -> Set<SavedAdapter> {
        try house.startCoordinator()
        let gate = house.folder.path + "/gate"
        let more = early.map { ", stub_early: '\($0)'" } ?? ""
        let disturbed = "{ stub_gate: \(gate), stub_wait: '\(places.0)', stub_resumed_wait: '\(places.1)'\(more) }"
        let file = try house.folder.write("sweep.yaml", sweep(disturbed))
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        let job = try house.onlyJob()
        for (attempt, state) in [(1, states.0), (2, states.1)] {
            let worker = try house.startWorker("worker-\(attempt)", environment: environment)
            if state > 0 { try house.waitForState(step: state) }
            _ = try house.folder.write("gate-early", "")
            try house.waitAtGate(job, attempt: attempt)
            if isWholeMachine {
                house.slayMachine(worker, work: house.folder.path + "/worker-\(attempt)")
            } else {
                house.slay(worker)
            }
        }
        _ = try house.folder.write("gate", "")
        _ = try house.startWorker("worker-3", environment: environment)
        try house.waitForEnd()
        let ended = try house.query("SELECT state, attempts FROM jobs").map {
            "\($0["state"] ?? "") \($0["attempts"] ?? "")"
        }
        let shown = try house.radiata(["show", job]).output
        #expect(ended == ["done 3"], "\(shown)\n\(house.allLogs())")
        // The same without disturbance is another job: it has other keys in its file.
        let plain = try house.folder.write("plain.yaml", sweep("{ stub_plain: true }"))
        #expect(try house.radiata(["launch", plain, "--yes"]).status == 0)
        try house.waitForEnd()
        let expected = try house.adapters("stub_plain")
        #expect(try house.adapters("stub_gate") == expected)
        return expected
    }

    /// Asks for a pause while the job is held at `place`, and lets it go on when it was asked.
    func pause(_ house: House, at place: String, early: String? = nil) throws {
        try house.startCoordinator()
        let gate = house.folder.path + "/gate"
        let more = early.map { ", stub_early: '\($0)'" } ?? ""
        let point = "{ stub_gate: \(gate), stub_wait: '\(place)', stub_step_seconds: 0.3\(more) }"
        let file = try house.folder.write("sweep.yaml", sweep(point))
        let launched = try house.radiata(["launch", file])
        try #require(launched.status == 0, "\(launched)")
        _ = try house.startWorker("worker")
        try house.waitAtGate(try house.onlyJob(), attempt: 1)
        #expect(try house.radiata(["pause", "cats"]).status == 0)
    }
}

/// A stand-in run by itself, without the program.
struct BareRun {
    let status: Int32
    let bySignal: Bool
    let output: String

    /// - Parameters:
    ///   - text: after which the process gets `signal`; nil to let it end.
    ///   - whenSent: done after that, before its end is waited for.
    init(
        _ arguments: [String], in folder: TemporaryFolder, until text: String? = nil, signal: Int32 = SIGKILL,
        environment: [String: String] = [:], python: String? = nil, whenSent: () throws -> Void = {}
    ) throws {
        let log = try folder.write("log", "")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        // Foundation starts children with every signal blocked; a trainer is not started so.
        let unblocked =
            "import os, signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []); "
            + "os.execv(sys.executable, [sys.executable] + sys.argv[1:])"
        process.arguments =
            ["PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1"] + environment.map { "\($0.key)=\($0.value)" }
            + [python ?? "python3", "-c", unblocked] + arguments
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: log))
        process.standardError = process.standardOutput
        try process.run()
        func output() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
        if let text {
            let end = Date(timeIntervalSinceNow: 60)
            while !output().contains(text), process.isRunning, Date() < end { usleep(20_000) }
            try #require(output().contains(text), "\(output())")
            kill(process.processIdentifier, signal)
            try whenSent()
        }
        process.waitUntilExit()
        status = process.terminationStatus
        bySignal = process.terminationReason == .uncaughtSignal
        self.output = output()
    }
}
