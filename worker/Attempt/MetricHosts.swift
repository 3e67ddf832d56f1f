import Foundation
import Glibc
import Ports
import RunSpec
import SweepModel
import SweepWire

/// Who keeps external metrics running between attempts: one process for each slot that measures, started
/// beside the trainers and ended with them. It ends by itself when nobody has asked for a while.
actor MetricHosts {
    private struct Host {
        let child: TrainerGuard.Child
        let trainerGuard: TrainerGuard
        let socket: String
        let gpus: [GPUDevice]
        var isFree = false
    }

    private let folder: String
    private let guards: GuardKeeper
    private let files: any FileStore
    private let time: any TimeSource
    private var hosts: [Host] = []
    private var made = 0

    /// The variable that names the socket.
    static let variable = "RADIATA_METRIC_HOST"
    private static let patience: Duration = .seconds(10)

    init(folder: String, guards: GuardKeeper, files: any FileStore, time: any TimeSource) {
        self.folder = folder
        self.guards = guards
        self.files = files
        self.time = time
    }

    /// A host on these GPUs that nobody else asks.
    ///
    /// - Parameter order: of the attempt: a host is the same program in the same surroundings.
    /// - Returns: its socket; give it back.
    /// - Throws: ``WorkerError``, `PortsError`.
    func borrow(on gpus: [GPUDevice], as order: ProcessOrder) async throws -> String {
        hosts.removeAll { $0.child.exit != nil }
        if let index = hosts.firstIndex(where: { $0.isFree && $0.gpus == gpus }) {
            hosts[index].isFree = false
            return hosts[index].socket
        }
        made += 1
        let place = "\(folder)/\(made)"
        try files.makeFolder(place, mode: 0o700)
        let socket = "\(place)/socket"
        var own = order
        own.arguments = ["radiata", "metric-host", socket]
        for name in ["RADIATA_JOB", "RADIATA_ATTEMPT"] { own.environment[name] = nil }
        (own.folder, own.log, own.output, own.record) = (place, "\(place)/log", nil, "\(place)/process")
        (own.stopSignal, own.grace) = (SIGTERM, .seconds(10))
        let trainerGuard = try guards.current()
        let child = try await trainerGuard.start(own)
        hosts.append(Host(child: child, trainerGuard: trainerGuard, socket: socket, gpus: gpus))
        return socket
    }

    func giveBack(_ socket: String) {
        guard let index = hosts.firstIndex(where: { $0.socket == socket }) else { return }
        hosts[index].isFree = true
    }

    /// Ends those that hold memory of GPUs that something else will need.
    func clear(_ gpus: [GPUDevice]) async {
        let idle = hosts.filter { host in host.isFree && host.gpus.contains(where: gpus.contains) }
        hosts.removeAll { host in idle.contains { $0.socket == host.socket } }
        for host in idle { host.trainerGuard.signal(host.child, SIGTERM) }
        for host in idle {
            let exit = await host.child.waitForExit(atMost: Self.patience, time: time)
            if exit == nil { host.trainerGuard.signal(host.child, SIGKILL) }
        }
    }
}
