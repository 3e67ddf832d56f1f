package import Ports
import Synchronization

/// Folders of short attempts that left nothing, kept for the attempts after them: a file system takes several
/// times as long for a file that it makes as for one that is written again (ext4 without a journal looks for
/// numbers that were not given back lately). What lies here is nobody's: a start removes it.
package final class SpareFolders: Sendable {
    /// Already with four slots more than 64 are unused at times. Each has seven small files and folders.
    private static let most = 512
    /// What a short attempt has in any case. Only the first is read before it is written again.
    private static let usual: Set<String> = [
        "attempt.json", "job.json", "log", "out", "process", "process.exit", "spool",
    ]

    /// What the guard writes too while a program runs: no status.
    private static let notEnded = Array("-\n".utf8)

    private struct State {
        var paths: [String] = []
        var last = 0
    }

    private let folder: String
    private let files: any FileStore
    private let state = Mutex(State())

    package init(folder: String, files: any FileStore) {
        self.folder = folder
        self.files = files
    }

    /// Removes what an earlier run kept.
    package func clear() throws {
        try files.remove(folder)
        try files.makeUnsyncedFolder(folder, mode: 0o700)
    }

    /// Makes the folder of an attempt out of a spare one. It gets its name last, with its grant in it.
    ///
    /// - Returns: whether there was one.
    package func take(_ place: AttemptPlace, grant: [UInt8]) throws -> Bool {
        guard let path = state.withLock({ $0.paths.popLast() }) else { return false }
        try files.write(grant, over: AttemptPlace(path: path).grant, mode: 0o600)
        try files.rename(path, to: place.path)
        return true
    }

    /// Keeps the folder of an attempt that has ended and was handed in; removes it where anything in it may
    /// matter to the next one.
    ///
    /// - Parameters:
    ///   - isShort: it made nothing durable, and its processes are long gone.
    ///   - leftNothing: after they had gone, its `out` and its log were found empty.
    package func giveBack(_ place: AttemptPlace, isShort: Bool, leftNothing: Bool) throws {
        guard isShort, try isUsual(place, leftNothing), let path = reserve() else {
            return try files.remove(place.path)
        }
        do {
            try keep(place, as: path, leftNothing)
        } catch {
            // What cannot be kept is removed; only where that fails too somebody must know.
            return try files.remove(place.path)
        }
        state.withLock { $0.paths.append(path) }
        Faults.reach("worker.folder-kept")
    }

    private func keep(_ place: AttemptPlace, as path: String, _ leftNothing: Bool) throws {
        // A trainer's output is not for the next one to keep; what it starts with is an empty log.
        if !leftNothing, let log = try files.information(place.log), log.size > 0 { try files.remove(place.log) }
        // The program of one that left nothing has ended, so there is a status.
        if try leftNothing || files.exists(place.ending) {
            try files.write(Self.notEnded, over: place.ending, mode: 0o600)
        }
        try files.rename(place.path, to: path)
    }

    private func isUsual(_ place: AttemptPlace, _ leftNothing: Bool) throws -> Bool {
        guard let spool = try files.information(place.spool), try Self.usual.isSuperset(of: files.list(place.path)),
            try files.list(place.spool).allSatisfy({ $0 == ReportSpool.firstBrief })
        else { return false }
        // Not there where it ended before its folder was whole. A trainer may have changed who may write in
        // it.
        guard let out = try files.information(place.out) else { return true }
        return try out.isFolder && out.mode == spool.mode && (leftNothing || files.list(place.out).isEmpty)
    }

    /// A name for one more; nil where there are enough.
    private func reserve() -> String? {
        let number = state.withLock { state -> Int? in
            guard state.paths.count < Self.most else { return nil }
            state.last += 1
            return state.last
        }
        guard let number else { return nil }
        return "\(folder)/\(number)"
    }
}
