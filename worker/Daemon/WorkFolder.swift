import Foundation
import Ports
package import SweepModel

/// The worker's own folder, locked while it runs.
///
///     id  key                 random identity and the secret it belongs to, made once
///     lock  guard             held lock; pid and start time of the guard process
///     blobs/ inputs/ digests  cache
///     attempts/NAME/          one per attempt held: attempt.json, process, log, out/, spool/
package struct WorkFolder: Sendable {
    let path: String
    /// Random id kept here: the identity of the worker.
    let worker: String
    /// 256 random bits, hex: the coordinator lets nobody else register under the identity.
    let key: String
    private let lock: FileLock

    /// Takes `path`, or `path-2`, `path-3`, … if another worker of this machine has it.
    ///
    /// - Throws: ``WorkerError`` or `PortsError`.
    static func open(_ path: String, random: any RandomSource, files: any FileStore = DiskFiles()) throws -> WorkFolder
    {
        let root = try absolute(path)
        for number in 1...64 {
            let candidate = number == 1 ? root : "\(root)-\(number)"
            try files.makeFolder(candidate, mode: 0o700)
            guard let lock = try FileLock.acquire(candidate + "/lock") else { continue }
            return try WorkFolder(path: candidate, lock: lock, random: random, files: files)
        }
        throw WorkerError(.workFolder, "\(path): 64 workers use it already; give another folder with --work DIR")
    }

    private init(path: String, lock: FileLock, random: any RandomSource, files: any FileStore) throws {
        self.path = path
        self.lock = lock
        let identity = path + "/id"
        if try !files.exists(identity) {
            try files.writeAtomically(Array((random.hexadecimal(bytes: 16) + "\n").utf8), to: identity)
        }
        let text = try files.readText(identity).prefix { $0 != "\n" }
        guard [UInt8](hexadecimal: text)?.count == 16 else {
            throw WorkerError(.workFolder, "\(identity): not a worker's identity; remove the file to make a new one")
        }
        worker = String(text)
        let secret = path + "/key"
        if try !files.exists(secret) {
            try files.writeAtomically(Array((random.hexadecimal(bytes: 32) + "\n").utf8), to: secret, mode: 0o600)
        }
        key = String(try files.readText(secret).prefix { $0 != "\n" })
        guard [UInt8](hexadecimal: key[...])?.count == 32 else {
            throw WorkerError(
                .workFolder, "\(secret): not a worker's key; remove it and the file 'id' beside it to make new ones")
        }
        for folder in [attempts, inputs, blobs] { try files.makeFolder(folder) }
    }

    var guardRecord: String { path + "/guard" }
    var attempts: String { path + "/attempts" }
    var inputs: String { path + "/inputs" }
    var blobs: String { path + "/blobs" }
    var digests: String { path + "/digests" }

    func attempt(_ token: AttemptToken) -> AttemptPlace {
        AttemptPlace(path: "\(attempts)/\(Self.attemptName(token))")
    }

    /// Name of an attempt's folder: no two attempts of any ledger share one.
    package static func attemptName(_ token: AttemptToken) -> String {
        let ledger = ContentDigest.of("\(token.ledger) \(token.epoch)").text.prefix(8)
        return "\(token.job.short)-\(token.attempt)-\(ledger)"
    }

    private static func absolute(_ path: String) throws -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
