import CoordinatorOperations
import Foundation
import Glibc
import Logging
import Ports
import ServiceLifecycle
import SweepLedger
import SweepModel

/// Keeps `DIR/sweeps/SWEEP/JOB/` in step with the ledger: links to the checkpoints and samples of each job
/// under names that people read, and its log. It is made of the ledger alone, so it may be deleted at any
/// time; what people put into it themselves stays.
struct SweepFolders: Service {
    let engine: CoordinatorEngine
    let pace: Duration
    /// From one look at everything to the next: links of what went in between go.
    private let rebuildPace: Duration = .seconds(3600)

    /// Jobs looked at in one go.
    private static let atOnce = 100

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var tree = SweepTree(ledger: engine.ledger, time: engine.time)
            var mark = LedgerMark()
            var rebuilt: MonotonicTime?
            var pending: Set<Int64> = []
            while !Task.isCancelled {
                do {
                    let begin = engine.time.monotonic()
                    if rebuilt.map({ begin - $0 >= rebuildPace }) ?? true {
                        // Everything at the start; what is there already is looked at, not written.
                        mark = try await engine.ledger.mark()
                        pending = []
                        try await tree.rebuild()
                        rebuilt = begin
                    }
                    let news = try await engine.ledger.jobs(since: mark)
                    mark = news.mark
                    pending.formUnion(news.jobs)
                    let now = Array(pending.sorted().prefix(Self.atOnce))
                    if !now.isEmpty { try await tree.refresh(now) }
                    pending.subtract(now)
                    try await SweepTree.rest(since: begin, atLeast: pending.isEmpty ? pace : .zero, engine.time)
                } catch is CancellationError {
                    return
                } catch {
                    engine.logger.warning("the folder of links: \(error)")
                    do { try await engine.time.sleep(for: .seconds(60)) } catch { return }
                }
            }
        }
    }
}

/// The folder itself.
struct SweepTree {
    private let ledger: Ledger
    private let time: any TimeSource
    private let root: String
    /// Members of a sweep looked at in one go for whether they have files.
    private static let membersAtOnce = 5000
    /// Names of the jobs of each sweep, by row; read again when somebody unknown comes.
    private var names: [Int64: [Int64: String]] = [:]
    private var sweeps: [Int64: String] = [:]

    init(ledger: Ledger, time: any TimeSource) {
        self.ledger = ledger
        self.time = time
        root = ledger.folder + "/sweeps"
    }

    mutating func rebuild() async throws {
        names = [:]
        sweeps = try await ledger.sweepNames()
        for sweep in sweeps.keys.sorted() { try await rebuild(sweep) }
        try clean(root, keeping: Set(sweeps.values))
    }

    /// Four times as long as it worked: whatever there is to look at, it takes a fifth of a core.
    static func rest(since begin: MonotonicTime, atLeast pace: Duration = .zero, _ time: any TimeSource) async throws {
        try await time.sleep(for: max(pace, (time.monotonic() - begin) * 4))
    }

    /// Jobs without a file or a log have no folder, so of many that wait not even their names are read.
    private mutating func rebuild(_ sweep: Int64) async throws {
        guard let name = sweeps[sweep] else { return }
        var kept: Set<String> = []
        var last: Int64? = 0
        while let row = last {
            try Task.checkCancellation()
            let begin = time.monotonic()
            let found = try await ledger.jobsWithFiles(of: sweep, after: row, limit: Self.membersAtOnce)
            last = found.last
            if names[sweep] == nil, !found.jobs.isEmpty { try await readNames(of: sweep) }
            try await Self.rest(since: begin, time)
            for job in found.jobs {
                try Task.checkCancellation()
                let begin = time.monotonic()
                guard let own = names[sweep]?[job], let files = try await ledger.files(ofJob: job) else { continue }
                kept.insert(own)
                try write(files, to: "\(root)/\(name)/\(own)")
                try await Self.rest(since: begin, time)
            }
        }
        try clean("\(root)/\(name)", keeping: kept)
    }

    mutating func refresh(_ jobs: [Int64]) async throws {
        sweeps = try await ledger.sweepNames()
        for job in jobs {
            try Task.checkCancellation()
            guard let files = try await ledger.files(ofJob: job) else { continue }
            for sweep in files.sweeps {
                guard let folder = sweeps[sweep] else { continue }
                if names[sweep]?[job] == nil {
                    // The sweep has grown, so its jobs may be told apart by more than before.
                    let before = names[sweep]
                    try await readNames(of: sweep)
                    if before != nil, before?.allSatisfy({ names[sweep]?[$0.key] == $0.value }) == false {
                        try await rebuild(sweep)
                    }
                }
                guard let own = names[sweep]?[job] else { continue }
                try write(files, to: "\(root)/\(folder)/\(own)")
            }
        }
    }

    private mutating func readNames(of sweep: Int64) async throws {
        let members = try await ledger.members(of: sweep)
        guard let name = sweeps[sweep].flatMap({ SweepName($0) }) else { return }
        let plan = SweepPlan(
            name: name,
            configurations: members.map { member in
                PlannedConfiguration(
                    id: ConfigurationID(.of(member.id.text)), group: "", groups: [], given: member.given,
                    parameters: [:], checkpoints: nil, checkpointCount: 0)
            },
            jobs: members.enumerated().map { index, member in
                PlannedJob(id: member.id, configuration: index, seed: member.seed, provisional: false)
            }, warnings: [])
        let own = try JobNames(plan).all()
        names[sweep] = Dictionary(
            zip(members, own).map { ($0.row, $0.name ?? $1) }, uniquingKeysWith: { $1 })
    }

    // MARK: Files

    private func write(_ files: JobFiles, to folder: String) throws {
        let disk = DiskFiles()
        var wanted: Set<String> = []
        for file in files.files {
            let parts = file.path.split(separator: "/", omittingEmptySubsequences: false)
            // Names come from trainers.
            guard let digest = ContentDigest(file.sha256), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
            else { continue }
            let path = "\(folder)/\(file.path)"
            wanted.insert(path)
            let blob = ledger.blobs.path(digest)
            guard blob.hasPrefix(ledger.folder + "/") else { continue }
            // From the link's own folder: the data folder may be moved.
            let depth = path.dropFirst(ledger.folder.count + 1).count { $0 == "/" }
            let target = String(repeating: "../", count: depth) + blob.dropFirst(ledger.folder.count + 1)
            try link(path, to: target, disk)
        }
        try removeLinks(below: folder, except: wanted)
        if !files.log.isEmpty {
            let place = "\(folder)/log.txt"
            let bytes = Array(files.log.utf8)
            if try disk.information(place).map({ $0.size != Int64(bytes.count) }) ?? true {
                try disk.makeFolder(folder)
                try disk.writeAtomically(bytes, to: place)
            }
        }
    }

    private func link(_ path: String, to target: String, _ disk: DiskFiles) throws {
        let manager = FileManager.default
        if let there = try? manager.destinationOfSymbolicLink(atPath: path) {  // no link: it is made
            if there == target { return }
            try manager.removeItem(atPath: path)
        }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
        guard symlink(target, path) == 0 || errno == EEXIST else { throw PortsError.system("link", path) }
    }

    /// Links that are wanted no more, and folders that are empty then.
    private func removeLinks(below folder: String, except wanted: Set<String>) throws {
        let manager = FileManager.default
        guard let all = manager.enumerator(atPath: folder) else { return }
        var folders: [String] = []
        for case let name as String in all {
            let path = "\(folder)/\(name)"
            let type = all.fileAttributes?[.type] as? FileAttributeType
            if type == .typeDirectory { folders.append(path) }
            if type == .typeSymbolicLink, !wanted.contains(path) { try manager.removeItem(atPath: path) }
        }
        // Deepest first; one with something in it stays.
        for path in folders.reversed() { rmdir(path) }
    }

    /// Takes away what belongs to nobody any more: links, logs, and folders that are empty then.
    private func clean(_ folder: String, keeping names: Set<String>) throws {
        let manager = FileManager.default
        guard manager.fileExists(atPath: folder) else { return }
        for name in try manager.contentsOfDirectory(atPath: folder) where !names.contains(name) {
            let path = "\(folder)/\(name)"
            try removeLinks(below: path, except: [])
            for log in (manager.subpaths(atPath: path) ?? []) where log == "log.txt" || log.hasSuffix("/log.txt") {
                try manager.removeItem(atPath: "\(path)/\(log)")
            }
            try removeLinks(below: path, except: [])
            rmdir(path)
        }
    }
}
