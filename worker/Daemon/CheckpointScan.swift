import Foundation
import Ports
import RunSpec
import SweepModel

/// Looks for checkpoints that are complete.
struct CheckpointScan: Sendable {
    private let plan: AttemptPlan
    private let place: AttemptPlace
    private let files: any FileStore
    /// Size and time of everything below a match, and since when they have been so.
    private var steady: [String: (signature: [String], since: MonotonicTime)] = [:]
    private var ordinals: [String: Int] = [:]

    /// How long a match must lie unchanged.
    static let quiet: Duration = .seconds(2)

    init(_ plan: AttemptPlan, place: AttemptPlace, files: any FileStore) {
        self.plan = plan
        self.place = place
        self.files = files
    }

    /// - Parameters:
    ///   - leader: the trainer's process; nil after its end.
    ///   - isTrusted: the trainer ended well, so everything it left is whole.
    ///   - isKnown: whether a checkpoint of this name was taken before.
    mutating func complete(now: MonotonicTime, leader: Int32?, isTrusted: Bool, isKnown: (String) -> Bool) throws
        -> [FoundCheckpoint]
    {
        if plan.rules.isEmpty { return try withManifests(isKnown) }
        return try matching(now, leader, isTrusted, isKnown)
    }

    /// Folders under `checkpoints`, which appear by rename.
    private func withManifests(_ isKnown: (String) -> Bool) throws -> [FoundCheckpoint] {
        let folder = AttemptFolder(place.out)
        guard try files.exists(folder.checkpoints) else { return [] }
        return try files.list(folder.checkpoints).compactMap { name in
            guard !name.hasPrefix(AttemptFolder.temporaryPrefix), !isKnown(name) else { return nil }
            let path = folder.checkpoint(name)
            guard try files.exists("\(path)/\(AttemptFolder.manifestName)") else { return nil }
            let text = try files.read("\(path)/\(AttemptFolder.manifestName)", limit: 1 << 20)
            let manifest = try JSONDecoder().decode(CheckpointManifest.self, from: Data(text))
            let isSafe = manifest.files.allSatisfy {
                !$0.name.isEmpty && !$0.name.hasPrefix(".") && !$0.name.contains("/")
            }
            guard isSafe else {
                throw WorkerError(.badJob, "\(path)/\(AttemptFolder.manifestName): names files outside its folder")
            }
            return FoundCheckpoint(name: name, manifest: manifest, paths: manifest.files.map { "\(path)/\($0.name)" })
        }
    }

    private mutating func matching(
        _ now: MonotonicTime, _ leader: Int32?, _ isTrusted: Bool, _ isKnown: (String) -> Bool
    ) throws -> [FoundCheckpoint] {
        var found: [FoundCheckpoint] = []
        for (index, rule) in plan.rules.enumerated() {
            for path in PathPattern.matches(rule.glob, below: place.out) {
                let step = try step(of: path, rule, index)
                let digits = AttemptFolder.checkpointName(step: step).dropFirst("step-".count)
                let name = rule.kind == .adapter ? "step-\(digits)" : "state-\(digits)"
                if isKnown(name) { continue }
                let contents = try contents(of: path)
                if contents.isEmpty { continue }
                if !isTrusted {
                    let signature = contents.map { "\($0.path) \($0.size) \($0.modified)" }
                    if steady[path]?.signature != signature { steady[path] = (signature, now) }
                    guard let since = steady[path]?.since, now - since >= Self.quiet,
                        leader.map({ !OpenFiles.isOpen(path, session: $0) }) ?? true
                    else { continue }
                }
                let kind: CheckpointManifest.Kind = rule.kind == .adapter ? .adapter : .state
                let entries = contents.map { CheckpointManifest.File(name: $0.name, kind: kind, bytes: Int($0.size)) }
                let manifest = CheckpointManifest(step: step, epoch: 0, final: false, files: entries)
                found.append(FoundCheckpoint(name: name, manifest: manifest, paths: contents.map(\.path)))
            }
        }
        return found.sorted { $0.manifest.step < $1.manifest.step }
    }

    /// The first group of the rule's expression in the last component, else the order of appearance.
    private mutating func step(of path: String, _ rule: AttemptPlan.CheckpointRule, _ index: Int) throws -> Int {
        let component = path.split(separator: "/").last.map(String.init) ?? path
        if let pattern = rule.step {
            let expression = try NSRegularExpression(pattern: pattern)
            let whole = NSRange(component.startIndex..., in: component)
            if let match = expression.firstMatch(in: component, range: whole), match.numberOfRanges > 1,
                let range = Range(match.range(at: 1), in: component), let step = Int(component[range])
            {
                return step
            }
        }
        let key = "\(index) \(path)"
        if let known = ordinals[key] { return known }
        let next = ordinals.keys.count { $0.hasPrefix("\(index) ") } + 1
        ordinals[key] = next
        return next
    }

    /// The file itself, or the files of a folder, with names that begin with the match's own.
    private func contents(of path: String) throws -> [(path: String, name: String, size: Int64, modified: Int64)] {
        let own = path.split(separator: "/").last.map(String.init) ?? path
        guard let information = try files.information(path) else { return [] }
        guard information.isFolder else { return [(path, own, information.size, information.modifiedNanoseconds)] }
        var result: [(path: String, name: String, size: Int64, modified: Int64)] = []
        func walk(_ folder: String, _ prefix: String) throws {
            for name in try files.list(folder) {
                guard let inner = try files.information("\(folder)/\(name)") else { continue }
                if inner.isFolder {
                    try walk("\(folder)/\(name)", "\(prefix)/\(name)")
                } else {
                    result.append(("\(folder)/\(name)", "\(prefix)/\(name)", inner.size, inner.modifiedNanoseconds))
                }
            }
        }
        try walk(path, own)
        return result
    }
}
