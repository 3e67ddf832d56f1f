import Foundation
package import Ports
package import SweepModel
import SweepWire
import Synchronization
package import WorkerCore

/// A file that a report names as a blob, kept until the report is settled.
package struct SpooledBlob: Codable, Equatable, Sendable {
    /// Given: the trainer's file. Kept: a hard link (or copy) in the spool, so that the trainer may remove
    /// its own.
    package let path: String
    package let sha256: ContentDigest
    package let size: Int64

    package init(path: String, sha256: ContentDigest, size: Int64) {
        self.path = path
        self.sha256 = sha256
        self.size = size
    }
}

/// The reports of one attempt on disk, until the coordinator has them: one file each, made whole or not at
/// all.
///
///     report-00000001.json     the report and its blobs, then a line with the CRC-32C of that
///     brief-00000001.json      the same, not synced: one that a power cut has torn was never there, nor one
///                              of another attempt, which had the folder before (``SpareFolders``)
///     blobs-00000001/0 1 …     the files of its blobs
///     seen                     one line for all ever reported: a restarted worker does not begin again
package final class ReportSpool: Sendable {
    private struct Entry: Codable {
        let report: Report
        let blobs: [SpooledBlob]
    }

    private struct State {
        var last: UInt64 = 0
        var pending: [UInt64: Entry] = [:]
        var seen: Set<String> = []
        /// Those that were not synced.
        var brief: Set<UInt64> = []
    }

    private static let synced = "report-"
    private static let unsynced = "brief-"
    /// What the spool of a short attempt has.
    static let firstBrief = "\(unsynced)\(digits(1)).json"

    private let folder: String
    private let files: any FileStore
    private let anchor: AttemptAnchor?
    private let state: Mutex<State>
    /// What is wrong with it, if a report in it could not be read: then it does not hold all that its attempt
    /// made.
    package let damage: String?

    /// Opens or makes the spool in `folder`. A report that cannot be read is passed over; `damaged` names it.
    ///
    /// - Parameters:
    ///   - anchor: held before a durable report is appended; without one the folder's name is durable at
    ///     once.
    ///   - token: of the attempt, where the folder may have been another's.
    ///   - isNew: the folder is there, and has nothing of this attempt.
    package init(
        folder: String, files: any FileStore = DiskFiles(), anchor: AttemptAnchor? = nil, token: AttemptToken? = nil,
        isNew: Bool = false, damaged: (String) -> Void = { _ in }
    ) throws {
        self.folder = folder
        self.files = files
        self.anchor = anchor
        var state = State()
        guard !isNew else {
            self.state = Mutex(state)
            damage = nil
            return
        }
        if anchor == nil { try files.makeFolder(folder) } else { try files.makeUnsyncedFolder(folder) }
        var damage: String?
        for name in try files.list(folder) {
            guard let prefix = [Self.synced, Self.unsynced].first(where: { name.hasPrefix($0) }),
                name.hasSuffix(".json"), let number = UInt64(name.dropFirst(prefix.count).dropLast(5))
            else { continue }
            let isBrief = prefix == Self.unsynced
            state.last = max(state.last, number)
            do {
                let text = try Self.checked(try files.read("\(folder)/\(name)", limit: 64 << 20))
                let entry = try WireJSON.decode(Entry.self, from: Data(text))
                if isBrief, let token, entry.report.token != token {
                    try files.remove("\(folder)/\(name)")
                    continue
                }
                if isBrief { state.brief.insert(number) }
                state.pending[number] = entry
            } catch let error where isBrief {
                damaged("\(folder)/\(name): \(error)")
                try files.remove("\(folder)/\(name)")
            } catch {
                damage = "a spooled report is damaged: \(folder)/\(name)"
                damaged("\(folder)/\(name): \(error)")
                Faults.reach("worker.report-damaged")
            }
        }
        if let text = try? files.readText(folder + "/seen") {  // not there yet: nothing was seen
            state.seen = Set(text.split(separator: "\n").map(String.init))
        }
        self.state = Mutex(state)
        self.damage = damage
    }

    /// The report without the line after it.
    ///
    /// - Throws: `WorkerError` for another checksum. A file of an older version has none: it ends with its
    ///   JSON.
    private static func checked(_ bytes: [UInt8]) throws -> ArraySlice<UInt8> {
        guard bytes.last != UInt8(ascii: "}") else { return bytes[...] }
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")),
            String(decoding: bytes[(end + 1)...], as: UTF8.self) == checksum(bytes[..<end])
        else { throw WorkerError(.workFolder, "its checksum does not fit") }
        return bytes[..<end]
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> String { String(CRC32C.of(Array(bytes)), radix: 16) }

    /// What waits, in order.
    package var pending: [SpooledReport] {
        state.withLock { state in
            state.pending.sorted { $0.key < $1.key }.map { number, entry in
                SpooledReport(number: number, body: entry.report.body, hasBlobs: !entry.blobs.isEmpty)
            }
        }
    }

    package func blobs(of number: UInt64) -> [SpooledBlob] { state.withLock { $0.pending[number]?.blobs ?? [] } }

    /// Everything remembered, in no order.
    package var seen: Set<String> { state.withLock { $0.seen } }

    package func hasSeen(_ name: String) -> Bool { state.withLock { $0.seen.contains(name) } }

    /// Remembers that something was reported, or need not be.
    package func markSeen(_ name: String) throws {
        try state.withLock { state in
            guard state.seen.insert(name).inserted else { return }
            let file = try files.open(writing: folder + "/seen", truncate: false, mode: 0o644)
            try file.write(Array((name + "\n").utf8), at: try file.size())
        }
    }

    /// Stores a report and links the files it names; returns when it is on disk.
    ///
    /// - Parameters:
    ///   - sources: files with their digests and sizes.
    ///   - isDurable: false for one whose loss in a power cut costs next to nothing: it is not waited for,
    ///     and outlasts the end of this process alone.
    package func append(_ report: Report, sources: [SpooledBlob] = [], isDurable: Bool = true) throws -> SpooledReport {
        try state.withLock { state in
            if isDurable { try anchor?.hold() }
            state.last += 1
            let number = state.last
            var blobs: [SpooledBlob] = []
            if !sources.isEmpty {
                let place = "\(folder)/blobs-\(Self.digits(number))"
                try files.makeFolder(place)
                for (index, source) in sources.enumerated() {
                    let path = "\(place)/\(index)"
                    try Self.keep(source.path, as: path, files)
                    try files.open(reading: path).synchronize()
                    blobs.append(SpooledBlob(path: path, sha256: source.sha256, size: source.size))
                }
                // A report that outlives its blobs could never be handed in.
                try files.synchronizeFolder(place)
            }
            let entry = Entry(report: report, blobs: blobs)
            let plain = blobs.isEmpty ? report.plainText.map { Array("{\"blobs\":[],\"report\":\($0)}".utf8) } : nil
            let text = try plain ?? Array(try WireJSON.encode(entry))
            let whole = text + Array("\n\(Self.checksum(text[...]))".utf8)
            if isDurable {
                try files.writeAtomically(whole, to: path(number))
            } else {
                // Half written it is one that was never there.
                try files.write(whole, over: path(number, Self.unsynced))
                state.brief.insert(number)
            }
            Faults.reach("worker.report-spooled")
            state.pending[number] = entry
            return SpooledReport(number: number, body: report.body, hasBlobs: !blobs.isEmpty)
        }
    }

    /// A number in the order of reports for one that is not kept on disk (log text, which has its own file).
    func number() -> UInt64 {
        state.withLock { state in
            state.last += 1
            return state.last
        }
    }

    /// Forgets a report and its files.
    ///
    /// - Returns: whether it was kept on disk.
    package func settle(_ number: UInt64) throws -> Bool {
        let (entry, isBrief) = state.withLock { state in
            (state.pending.removeValue(forKey: number), state.brief.remove(number) != nil)
        }
        guard let entry else { return false }
        // The attempt is over with it: its file goes with the folder, or serves the next attempt in it.
        if isBrief, SpooledReport(number: number, body: entry.report.body).isFinal { return true }
        try files.remove(path(number, isBrief ? Self.unsynced : Self.synced))
        if !entry.blobs.isEmpty { try files.remove("\(folder)/blobs-\(Self.digits(number))") }
        return true
    }

    private func path(_ number: UInt64, _ prefix: String = synced) -> String {
        "\(folder)/\(prefix)\(Self.digits(number)).json"
    }

    private static func digits(_ number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, 8 - text.count)) + text
    }

    /// Both lie in the work folder, so a link nearly always works; a copy serves where it does not.
    private static func keep(_ source: String, as path: String, _ files: any FileStore) throws {
        try files.remove(path)
        try files.link(source, as: path)
    }
}
