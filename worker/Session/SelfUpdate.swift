import Dispatch
package import Foundation
import Glibc
package import Logging
import Ports
import RunSpec
package import SweepClient
import SweepWire
import Synchronization

/// Takes the coordinator's build, for a worker that was told to: fetched by digest into the work folder,
/// tried there, and put in place of this process when its jobs are given back. No file outside of the work
/// folder is touched.
///
///     program/DIGEST/         radiata, radiata-query, lib/: of that SHA-256, in 12 digits
///     program/pieces/         files on their way
///     program/tried           SHA-256 of the build that took this process's place and has not yet come up
package actor SelfUpdate {
    /// How long a new program may take to say its version.
    private static let patience: TimeInterval = 60

    private let folder: String
    private let version: String
    private let logger: Logger
    private let files: any FileStore = DiskFiles()
    private var isBusy = false
    /// What was told last: looked at again, it is not told again.
    private var said: String?
    private nonisolated let next = Mutex<(program: String, digest: String)?>(nil)

    /// - Parameters:
    ///   - work: the worker's folder.
    ///   - version: of this program, for people.
    package init(work: WorkFolder, version: String, logger: Logger) {
        folder = work.programs
        self.version = version
        self.logger = logger
    }

    private var tried: String { folder + "/tried" }

    /// Whether another build stands ready to take this process's place.
    package nonisolated var isReady: Bool { next.withLock { $0 != nil } }

    /// Asks the coordinator for its build and brings it here. Whatever stands in the way is told, and this
    /// build goes on.
    ///
    /// - Returns: whether it is another one, is here, and starts.
    package func take(from client: any CoordinatorCalls) async -> Bool {
        guard !isBusy, !isReady else { return isReady }
        isBusy = true
        defer { isBusy = false }
        do {
            return try await look(client)
        } catch is CancellationError {
            return false  // the worker ends
        } catch {
            let reason = (error as? ClientError)?.answer?.message ?? "\(error)"
            say("the coordinator's build is not taken, this worker goes on with its own: \(reason)", .warning)
            return false
        }
    }

    private func say(_ text: String, _ level: Logger.Level) {
        guard said != text else { return }
        said = text
        logger.log(level: level, "\(text)")
    }

    private func look(_ client: any CoordinatorCalls) async throws -> Bool {
        let theirs = try await client.call(.program, Nothing(), timeLimit: .seconds(120))
        let own = try await BlockingWork.run { try ContentDigest.of(file: "/proc/self/exe").digest.text }
        guard theirs.sha256 != own else {
            say("this worker runs the coordinator's build: \(Self.name(theirs))", .info)
            Faults.reach("worker.updated")
            try clean(keeping: own)
            return false
        }
        let mine = "radiata \(version) (SHA-256 \(own.prefix(12)))"
        let texts = "this worker is \(mine), the coordinator is \(Self.name(theirs))"
        guard theirs.platform == ProgramResponse.platform() else {
            throw WorkerError(
                .program, "\(texts) for \(theirs.platform); this machine is \(ProgramResponse.platform())")
        }
        if try files.exists(tried), try files.readText(tried).hasPrefix(theirs.sha256) {
            throw WorkerError(
                .program, "\(texts), which was tried and did not come up; remove \(tried) to try it once more")
        }
        logger.info("\(texts); taking it")
        let program = try await bring(theirs, client)
        let said = try await Self.version(of: program)
        logger.info("\(program) starts and is \(said); this worker gives its jobs back and goes on as that")
        next.withLock { $0 = (program, theirs.sha256) }
        return true
    }

    private static func name(_ program: ProgramResponse) -> String {
        "radiata \(program.version) (SHA-256 \(program.sha256.prefix(12)))"
    }

    /// - Returns: path of the program, with everything beside it.
    private func bring(_ theirs: ProgramResponse, _ client: any CoordinatorCalls) async throws -> String {
        guard let main = theirs.files.first(where: { $0.path == ProgramFile.program }), main.sha256 == theirs.sha256,
            theirs.files.allSatisfy(\.isSafe), theirs.files.count <= 1024
        else { throw WorkerError(.program, "the coordinator's list of its program's files makes no sense") }
        try files.makeFolder(folder, mode: 0o700)
        let place = "\(folder)/\(theirs.sha256.prefix(12))"
        let program = "\(place)/\(ProgramFile.program)"
        if try files.exists(program), try ContentDigest.of(file: program).digest.text == theirs.sha256 {
            return program
        }
        let pieces = folder + "/pieces"
        let logger = logger
        let cache = BlobCache(folder: pieces, client: client, files: files, source: .programPiece) {
            logger.info("\($0)")
        }
        let part = place + ".part"
        try files.remove(part)
        for file in theirs.files {
            guard let digest = ContentDigest(file.sha256) else {
                throw WorkerError(.program, "the coordinator's program has a file without a SHA-256: \(file.path)")
            }
            let fetched = try await cache.fetch(digest, size: file.bytes)
            let target = "\(part)/\(file.path)"
            try files.makeFolder(String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)]), mode: 0o700)
            try files.link(fetched, as: target)
            guard chmod(target, 0o700) == 0 else { throw PortsError.system("make executable", target) }
        }
        try files.remove(place)
        try files.publish(part, as: place)
        try files.remove(pieces)
        return program
    }

    /// Runs it, once: one that does not start here must not take a place.
    private static func version(of program: String) async throws -> String {
        try await BlockingWork.run {
            let process = Process()
            process.executableURL = URL(filePath: program)
            process.arguments = ["--version"]
            process.standardInput = FileHandle.nullDevice
            let (output, messages) = (Pipe(), Pipe())
            process.standardOutput = output
            process.standardError = messages
            do {
                try process.run()
            } catch {
                throw WorkerError(.program, "\(program) cannot be started: \(error.localizedDescription)")
            }
            let number = process.processIdentifier
            let end = DispatchWorkItem { kill(number, SIGKILL) }
            DispatchQueue.global().asyncAfter(deadline: .now() + patience, execute: end)
            let text = try output.fileHandleForReading.readToEnd() ?? Data()
            let fault = try messages.fileHandleForReading.readToEnd() ?? Data()
            process.waitUntilExit()
            end.cancel()
            let said = String(decoding: text.isEmpty ? fault : text, as: UTF8.self).prefix { $0 != "\n" }
            guard process.terminationReason == .exit, process.terminationStatus == 0 else {
                throw WorkerError(
                    .program, "\(program) does not start (status \(process.terminationStatus)): \(said)")
            }
            return String(said)
        }
    }

    /// Of the builds in the folder only the one that runs is of use.
    private func clean(keeping own: String) throws {
        guard try files.exists(folder) else { return }
        for name in try files.list(folder) where name != own.prefix(12) { try files.remove("\(folder)/\(name)") }
    }

    // MARK: Taking the place

    /// Environment: the process that first was this worker, and when it started (seconds since 1970).
    private static let start = "RADIATA_WORKER_START"

    /// When the worker was started that this process goes on as; nil for one that began with this program.
    package static func firstStart(_ environment: [String: String]) -> Date? {
        let fields = (environment[start] ?? "").split(separator: " ")
        guard fields.count == 2, fields[0] == "\(getpid())", let seconds = Double(fields[1]) else { return nil }
        return Date(timeIntervalSince1970: seconds)
    }

    /// This process becomes the new program.
    ///
    /// - Parameters:
    ///   - arguments: of this program, without its name.
    ///   - started: when the worker was started first.
    /// - Throws: ``WorkerError`` or `PortsError`: it does only return by that.
    package nonisolated func become(_ arguments: [String], started: Date) throws {
        guard let (program, digest) = next.withLock({ $0 }) else { return }
        // Before: if that build does not come up, whoever starts this one again is not sent there once more.
        let mark = URL(filePath: program).deletingLastPathComponent().deletingLastPathComponent().path + "/tried"
        try DiskFiles().writeAtomically(Array((digest + "\n").utf8), to: mark, mode: 0o600)
        setenv(Self.start, "\(getpid()) \(started.timeIntervalSince1970)", 1)
        // Threads of a pool have signals blocked, and a new program takes that over.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        execv(program, &words)
        throw WorkerError(.program, "\(program) cannot be started: \(String(cString: strerror(errno)))")
    }
}
