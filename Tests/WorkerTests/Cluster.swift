import Coordinator
import Foundation
import Logging
import Ports
import ServiceLifecycle
import SweepClient
import SweepFile
import SweepModel
import SweepWire
import TestSupport
import Worker

/// A coordinator and workers of this process, with real HTTP, a real ledger and real trainers.
final class Cluster: Sendable {
    let folder: TemporaryFolder
    let client: SweepClient
    let url: String
    private let token: String
    private let group: ServiceGroup
    private let serving: Task<Void, any Error>

    init(lease: Duration = .seconds(20)) async throws {
        let folder = try TemporaryFolder()
        var logger = Logger(label: "coordinator")
        logger.logLevel = .error
        let service = try CoordinatorService(
            CoordinatorConfiguration(
                dataFolder: folder.path + "/data", port: 0, lease: lease, tick: .milliseconds(100)),
            logger: logger)
        let group = ServiceGroup(services: [service], logger: logger)
        self.group = group
        serving = Task { try await group.run() }
        url = try await service.url()
        token = try DiskFiles().readText(folder.path + "/data/admin.token")
        client = SweepClient(try ClientConfiguration(coordinator: url, token: token))
        self.folder = folder
    }

    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await serving.result
    }

    /// Launches a sweep whose trainer is a shell script; `{folder}` in both texts stands for the cluster's
    /// folder.
    func launch(_ sweep: String, script: String) async throws {
        let path = folder.path + "/sweep.yaml"
        _ = try folder.write(
            "trainer.sh", script.replacingOccurrences(of: "{folder}", with: folder.path), executable: true)
        let text = sweep.replacingOccurrences(of: "{folder}", with: folder.path)
        let inputs = LocalSweepInputs(sweepFile: path, workingDirectory: folder.path) {
            try TreeDigest.compute($0).digest
        }
        let file = try SweepFile.read(text, name: path, inputs: inputs)
        let lists = try file.bundle.inputs.values.map {
            InputList(name: $0.path, tree: try TreeDigest.compute($0.path))
        }
        let request = LaunchRequest(key: SystemRandom().hexadecimal(bytes: 16), bundle: file.bundle, inputs: lists)
        let answer = try await client.call(.launch, request)
        for blob in answer.missingBlobs {
            for list in lists {
                guard let found = list.tree.files.first(where: { $0.sha256.text == blob }) else { continue }
                let source = list.tree.isFolder ? "\(list.name)/\(found.localPath)" : list.name
                try await client.upload(.file(source), digest: found.sha256, size: found.size)
            }
        }
    }

    func worker(_ name: String = "work", slots: Int = 1, inputs: [String] = []) throws -> RunningWorker {
        var logger = Logger(label: name)
        logger.logLevel = ProcessInfo.processInfo.environment["RADIATA_TEST_LOG"] == nil ? .error : .debug
        let configuration = WorkerConfiguration(
            client: try ClientConfiguration(coordinator: url, token: token), name: name, slots: slots, threads: 1,
            inputs: inputs,
            work: "\(folder.path)/\(name)", logger: logger, handlesSignals: false)
        return RunningWorker(configuration)
    }

    /// The answer's cells as text.
    func query(_ sql: String) async throws -> [[String]] {
        try await client.call(.query, QueryRequest(sql: sql)).rows.map { $0.map(Self.text) }
    }

    /// Waits until every job has one of these states; returns what they are in the end.
    func jobs(reach states: Set<String>, within limit: Duration = .seconds(60)) async throws -> [[String]] {
        _ = try await eventually(within: limit) {
            let found = try await query("SELECT state FROM jobs").flatMap { $0 }
            return !found.isEmpty && found.allSatisfy(states.contains)
        }
        return try await query("SELECT state, attempts, failure FROM jobs ORDER BY seed, id")
    }

    private static func text(_ value: QueryValue) -> String {
        switch value {
        case .null: "null"
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .text(let text): text
        case .blob(let bytes): bytes.hexadecimal
        }
    }
}

/// A worker in a task of its own.
final class RunningWorker: Sendable {
    private let stopSignal = StopSignal()
    private let task: Task<Void, any Error>

    init(_ configuration: WorkerConfiguration) {
        let daemon = WorkerDaemon(configuration: configuration, stop: stopSignal)
        task = Task { try await daemon.run() }
    }

    func stop() async throws {
        stopSignal.request()
        try await task.value
    }

    /// Without waiting for it.
    func abandon() { task.cancel() }
}
