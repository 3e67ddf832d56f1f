import Foundation
import Glibc
import Ports
import SweepClient

extension WorkerPorts {
    /// The machine's disk, HTTP, and trainers as processes. Takes the work folder.
    ///
    /// - Throws: ``WorkerError`` or `PortsError`.
    static func live(_ configuration: WorkerConfiguration) throws -> WorkerPorts {
        let files = DiskFiles()
        let folder =
            try configuration.folder ?? WorkFolder.open(configuration.work, random: configuration.random, files: files)
        func client() -> SweepClient {
            SweepClient(configuration.client, time: configuration.time, random: configuration.random)
        }
        let (bulk, heart) = (client(), client())
        return WorkerPorts(
            folder: folder, files: files, client: bulk, heart: heart,
            trainers: ProcessTrainers(configuration, folder: folder, client: bulk, files: files),
            machine: MachineFacts.here)
    }
}

extension MachineFacts {
    /// This machine's.
    static var here: MachineFacts {
        MachineFacts(
            name: hostName(), cores: ProcessInfo.processInfo.activeProcessorCount,
            memory: ProcessInfo.processInfo.physicalMemory)
    }

    static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "worker" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
