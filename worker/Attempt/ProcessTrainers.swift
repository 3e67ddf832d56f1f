import Foundation
import Logging
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import WorkerCore

/// Trainers as child processes of the worker's guard.
struct ProcessTrainers: Trainers {
    /// How long the guard of an earlier run may take to end its trainers: the grace that they have by
    /// default, and some more.
    private static let patience: Duration = .seconds(40)

    private let folder: WorkFolder
    private let files: any FileStore
    private let time: any TimeSource
    private let guards: GuardKeeper
    private let maker: AttemptFolderMaker
    private let meter: GPUMeter?
    private let hosts: MetricHosts

    init(_ configuration: WorkerConfiguration, folder: WorkFolder, client: any CoordinatorCalls, files: any FileStore) {
        self.folder = folder
        self.files = files
        time = configuration.time
        guards = GuardKeeper(record: folder.guardRecord, logger: configuration.logger)
        let logger = configuration.logger
        let blobs = BlobCache(folder: configuration.cache ?? folder.blobs, client: client, files: files) {
            logger.info("\($0)")
        }
        let inputs = InputStore(
            folder: folder, client: client, places: configuration.inputs.map(Self.canonical), blobs: blobs, files: files
        )
        maker = AttemptFolderMaker(
            configuration: configuration, inputs: inputs, blobs: blobs,
            store: PreparationStore(folder: folder.prepared, files: files), files: files)
        hosts = MetricHosts(folder: folder.metrics, guards: guards, files: files, time: configuration.time)
        meter = configuration.gpus.isEmpty ? nil : GPUMeter(configuration.gpus)
    }

    func begin() async throws {
        let (folder, files) = (folder, files)
        try await BlockingWork.run { try Leftovers.end(folder, files: files, patience: Self.patience) }
        _ = try guards.current()
        meter?.start()
    }

    func end() async {
        meter?.stop()
        guards.close()
    }

    func runner(
        _ grant: Grant, at place: AttemptPlace, gpus: [GPUDevice], points: PointSpool, reports: ReportSpool,
        emit: @escaping @Sendable (WorkerEvent) -> Void
    ) -> any AttemptRunning {
        AttemptRunner(
            grant, place: place, gpus: gpus, meter: meter, maker: maker, guards: guards, hosts: hosts, points: points,
            reports: reports, files: files,
            time: time, emit: emit)
    }

    func collectLeftovers(
        _ grant: Grant, at place: AttemptPlace, points: PointSpool, reports: ReportSpool
    ) throws -> [WorkerEvent] {
        guard !reports.pending.contains(where: \.isFinal), try files.exists(place.out) else { return [] }
        // Only names are rendered here, so that it does not matter where the inputs were.
        var around = maker.surroundings(try maker.gpus(of: place))
        (around.base, around.data, around.regData) = ("", "", "")
        for name in grant.job.trainer.command?.preparedNames ?? [] { around.prepared[name] = "" }
        if grant.job.kind == .prepare { around.prepared[CommandTrainer.PrepareRule.target] = "" }
        let plan = try AttemptPlan(grant, place: place, around)
        for checkpoint in grant.trained { try reports.markSeen("checkpoint \(checkpoint.name)") }
        var output = AttemptOutput(grant, plan, place: place, points: points, reports: reports, files: files)
        // A trainer that ended well after the worker was gone left nothing half done.
        var exit: ProcessExit?
        if try files.exists(place.ending), let status = Int32(try files.readText(place.ending).prefix { $0 != "\n" }) {
            exit = ProcessExit(status: status)
        }
        var logs: [WorkerEvent] = []
        var progress: Int64 = -1
        while output.progress != progress {
            progress = output.progress
            let events = try output.collect(
                now: time.monotonic(), leader: nil, isTrusted: exit?.isPolite ?? false,
                isDone: exit?.code == TrainerExit.done, takesLog: true)
            logs += events.filter { event in
                if case .reportSpooled(_, let report) = event, case .log = report.body { true } else { false }
            }
        }
        return logs
    }

    /// The one name of a folder, once: below it paths are compared. One that is not there yet keeps its name.
    private static func canonical(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}
