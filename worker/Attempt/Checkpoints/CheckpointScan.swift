import Foundation
package import Ports
import RunSpec
import SweepModel

/// Looks for checkpoints that are complete (docs/reference/sweep-file.md says when one is).
package struct CheckpointScan: Sendable {
    package struct Look: Sendable {
        package var found: [FoundCheckpoint] = []
        package var troubles: [MatchContents.Trouble] = []
    }

    /// What is known of the moment.
    package struct Moment: Sendable {
        var now: MonotonicTime
        /// The trainer's process; nil after its end.
        var leader: Int32?
        /// The trainer ended well, so everything it left is whole.
        var isTrusted: Bool
        /// The largest step it logged.
        var newestStep: Int?
        /// The step at which it logged each epoch.
        var epochSteps: [Int: Int]

        package init(
            now: MonotonicTime, leader: Int32?, isTrusted: Bool, newestStep: Int? = nil, epochSteps: [Int: Int] = [:]
        ) {
            self.now = now
            self.leader = leader
            self.isTrusted = isTrusted
            self.newestStep = newestStep
            self.epochSteps = epochSteps
        }
    }

    private struct Steady {
        var signature: String
        var since: MonotonicTime
        /// The largest step logged or saved when it last changed.
        var step: Int
        /// Somebody was writing: not looked at again before.
        var heldUntil: MonotonicTime?
    }

    private struct Match {
        let rule: AttemptPlan.CheckpointRule
        let key: CheckpointMemory.Key
        /// The step that its name tells, or else the epoch.
        let number: Int?
        /// Its name tells an epoch and no step.
        let isEpoch: Bool
        let epoch: Int?
        let contents: MatchContents
        let signature: String
    }

    private let plan: AttemptPlan
    private let place: AttemptPlace
    private let files: any FileStore
    private let root: BytePath
    private let renames: RenameWatch?
    /// Names that earlier attempts trained.
    private let trained: Set<String>
    private let resumedStep: Int
    private let resumedEpoch: Int
    /// What was restored to go on from: an earlier attempt's.
    private let restored: BytePath?
    private var memory: CheckpointMemory
    private var steady: [CheckpointMemory.Key: Steady] = [:]

    /// - Parameters:
    ///   - trained: names of checkpoints of earlier attempts, which stay valid.
    ///   - resumedStep: the step the attempt goes on from.
    ///   - resumedEpoch: its epoch.
    ///   - seen: what the spool remembers.
    package init(
        _ plan: AttemptPlan, place: AttemptPlace, files: any FileStore, trained: Set<String> = [],
        resumedStep: Int = 0, resumedEpoch: Int = 0, seen: Set<String> = []
    ) {
        self.plan = plan
        self.place = place
        self.files = files
        self.trained = trained
        self.resumedStep = resumedStep
        self.resumedEpoch = resumedEpoch
        restored = plan.values["checkpoint"].map { BytePath($0) }
        memory = CheckpointMemory(seen)
        let out = BytePath(place.out)
        root = out.real ?? out
        renames = plan.rules.isEmpty ? nil : RenameWatch(root: root, globs: plan.rules.map(\.glob))
    }

    /// - Parameter isKnown: whether a checkpoint folder of this name was taken before.
    package mutating func look(_ moment: Moment, isKnown: (String) -> Bool) throws -> Look {
        if plan.rules.isEmpty { return Look(found: try withManifests(isKnown)) }
        renames?.look()
        return try matching(moment)
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
            return FoundCheckpoint(
                name: name, manifest: manifest, paths: manifest.files.map { BytePath("\(path)/\($0.name)") })
        }
    }

    // MARK: Rules

    private mutating func matching(_ moment: Moment) throws -> Look {
        var look = Look()
        var matches: [Match] = []
        for rule in plan.rules {
            var found: [Match] = []
            for path in PathPattern.matches(rule.glob) where path.isBelow(root) {
                if let restored, path == restored || path.isBelow(restored) { continue }
                let contents = MatchContents(of: path, root: root, with: rule.with)
                // While it runs a link may lead nowhere for a moment.
                if moment.leader == nil { look.troubles += contents.troubles }
                guard !contents.files.isEmpty else { continue }
                let key = CheckpointMemory.Key(isState: rule.kind == .state, path: path)
                let signature = Self.signature(of: contents)
                var step = try number(of: path, rule.step)
                if rule.isStepOfAttempt { step = step.map { $0 + resumedStep } }
                var epoch = try number(of: path, rule.epoch)
                if rule.isEpochOfAttempt { epoch = epoch.map { $0 + resumedEpoch } }
                // Made again of what is there already.
                if rule.kind == .state, resumedStep > 0, let step, step <= resumedStep { continue }
                found.append(
                    Match(
                        rule: rule, key: key, number: step ?? epoch, isEpoch: step == nil && epoch != nil, epoch: epoch,
                        contents: contents, signature: signature))
            }
            // What matches share is that of the newest.
            if !rule.with.isEmpty { found = found.max { ($0.number ?? -1) < ($1.number ?? -1) }.map { [$0] } ?? [] }
            matches += found
        }
        // What has no number comes after what has one: its step is the largest that was saved.
        for match in matches.filter({ $0.number != nil }) + matches.filter({ $0.number == nil }) {
            take(match, moment, &look)
        }
        if moment.leader == nil, !moment.isTrusted { retract(matches, &look) }
        // What is delivered comes before the state behind which nobody makes it again.
        look.found.sort {
            ($0.manifest.step, $0.manifest.isResumable ? 1 : 0, $0.name)
                < ($1.manifest.step, $1.manifest.isResumable ? 1 : 0, $1.name)
        }
        return look
    }

    private mutating func take(_ match: Match, _ moment: Moment, _ look: inout Look) {
        let before = memory.taken[match.key]
        guard before?.signature != match.signature else { return }
        let step = max(moment.newestStep ?? 0, memory.largestStep, resumedStep)
        if steady[match.key]?.signature != match.signature {
            steady[match.key] = Steady(signature: match.signature, since: moment.now, step: step)
        }
        // The last of its kind is known when nothing comes any more.
        if match.number == nil, !match.key.isState, moment.leader != nil { return }
        guard !match.contents.lacks, isComplete(match, moment, before) else { return }
        let name = before?.name ?? freeName(match, &look)
        if match.number != nil, trained.contains(name) { return }
        let told = match.isEpoch ? nil : match.number
        let logged = match.isEpoch ? match.number.flatMap { moment.epochSteps[$0] } : nil
        let own = told ?? inside(match, match.rule.stepField, resumedStep) ?? logged ?? self.step(of: match, step)
        let kind: CheckpointManifest.Kind = match.key.isState ? .state : .adapter
        let manifest = CheckpointManifest(
            step: own, epoch: match.epoch ?? inside(match, match.rule.epochField, resumedEpoch) ?? 0,
            final: match.number == nil && !match.key.isState,
            files: match.contents.files.map { .init(name: $0.name, kind: kind, bytes: Int($0.size)) })
        let record = memory.take(
            match.key,
            CheckpointMemory.Taken(
                name: name, signature: match.signature, inode: match.contents.inode, step: own))
        look.found.append(
            FoundCheckpoint(
                name: name, manifest: manifest, paths: match.contents.files.map(\.path), match: match.key.path,
                record: record, sharedAt: match.rule.with.isEmpty ? nil : match.contents.files.map(\.modified)))
    }

    private mutating func isComplete(_ match: Match, _ moment: Moment, _ before: CheckpointMemory.Taken?) -> Bool {
        if moment.isTrusted { return true }
        guard var state = steady[match.key], state.heldUntil ?? moment.now <= moment.now else { return false }
        guard match.contents.isCompanyWhole else { return false }
        if match.rule.complete == CommandTrainer.CheckpointRule.isPassed {
            guard let number = match.number else { return false }
            let isPassed = match.isEpoch ? moment.epochSteps[number] != nil : moment.newestStep ?? 0 > number
            guard isPassed else { return false }
        } else if let marker = match.rule.complete {
            guard Self.hasMarker(marker, match) else { return false }
            // Files may have come between the look at them and the one at the marker.
            let now = MatchContents(of: match.key.path, root: root, with: match.rule.with)
            guard Self.signature(of: now) == match.signature else { return false }
        } else {
            let inode = match.contents.inode
            let wasMoved = before?.inode != inode && renames?.wasMoved(match.key.path, inode: inode) == true
            guard wasMoved || moment.now - state.since >= match.rule.quiet else { return false }
        }
        let company = match.contents.company.map(\.path)
        guard OpenFiles.isBeingWritten(match.key.path) || company.contains(where: OpenFiles.isBeingWritten) else {
            return true
        }
        state.heldUntil = moment.now + .seconds(1)
        steady[match.key] = state
        return false
    }

    private static func signature(of contents: MatchContents) -> String {
        String(ContentDigest.of(contents.signature.joined(separator: "\n")).text.prefix(16))
    }

    /// Inside a folder; of a file beside it, by its own name or at the end of the file's.
    private static func hasMarker(_ marker: String, _ match: Match) -> Bool {
        let path = match.key.path
        if marker == CommandTrainer.CheckpointRule.tellsItself { return FileNumbers.isWhole(path) ?? false }
        let places =
            path.status()?.isFolder == true
            ? [path.appending(Array(marker.utf8))]
            : [path.parent.appending(Array(marker.utf8)), BytePath(path.bytes + Array(marker.utf8))]
        return places.contains { $0.status() != nil }
    }

    /// States that changed since they were taken, and are not known to be whole again: nobody may go on from
    /// them.
    private mutating func retract(_ matches: [Match], _ look: inout Look) {
        for match in matches where match.key.isState {
            guard var taken = memory.taken[match.key], taken.signature != match.signature else { continue }
            taken.signature = match.signature
            let manifest = CheckpointManifest(step: taken.step, epoch: 0, final: false, files: [])
            let record = memory.take(match.key, taken)
            look.found.append(
                FoundCheckpoint(
                    name: taken.name, manifest: manifest, paths: [], match: match.key.path, record: record))
            look.troubles.append(
                MatchContents.Trouble(
                    kind: .stateChanged,
                    detail:
                        "\(match.key.path) changed after it had lain still, and its trainer did not end well: it is "
                        + "not gone on from; save under another name and rename, or name a 'complete:' file in the rule"
                ))
        }
    }

    // MARK: Names and numbers

    /// The first group of an expression in the last component, if it is a number; of one with a slash in the
    /// path from the attempt's folder.
    private func number(of path: BytePath, _ pattern: String?) throws -> Int? {
        guard let pattern else { return nil }
        let below = Array(path.bytes.dropFirst(root.bytes.count + 1))
        let component = FileName.text(pattern.contains("/") ? below : path.name)
        let expression = try NSRegularExpression(pattern: pattern)
        let whole = NSRange(component.startIndex..., in: component)
        guard let match = expression.firstMatch(in: component, range: whole), match.numberOfRanges > 1,
            let range = Range(match.range(at: 1), in: component), let number = Int(component[range]), number >= 0
        else { return nil }
        return number
    }

    /// A number inside a match that is complete.
    private func inside(_ match: Match, _ field: CommandTrainer.NumberField?, _ base: Int) -> Int? {
        guard let field, let number = FileNumbers.number(field, in: match.key.path), number >= 0, number < 1e15 else {
            return nil
        }
        return Int(number) + (field.isOfAttempt ? base : 0)
    }

    /// The step of a match without a number: the largest that was logged or saved, of a state when it was
    /// written. A state is never at a step that is done already: nobody could go on from it.
    private func step(of match: Match, _ largest: Int) -> Int {
        guard match.key.isState else { return largest }
        let logged = steady[match.key]?.step ?? largest
        if logged > resumedStep { return logged }
        return resumedStep + 1 + memory.taken.keys.count { $0.isState && $0 != match.key }
    }

    /// `step-00000005`, `state-00000005`, `final-NAME`; where another file has that already, with its own
    /// name behind.
    private func freeName(_ match: Match, _ look: inout Look) -> String {
        let own = Self.slug(match.key.path.name)
        var name: String
        if let number = match.number {
            let digits = AttemptFolder.checkpointName(step: number).dropFirst("step-".count)
            name =
                (match.key.isState ? "state-" : "") + (match.isEpoch ? "epoch-" : match.key.isState ? "" : "step-")
                + digits
            if let other = memory.taken.first(where: { $0.key != match.key && $0.value.name == name }) {
                let both = "\(name) and \(name)-\(own)"
                look.troubles.append(
                    MatchContents.Trouble(
                        kind: .checkpointNumber,
                        detail: "\(FileName.text(match.key.path.name)) has the number \(number), and so has "
                            + "\(FileName.text(other.key.path.name)); both are kept, as \(both)"))
                name += "-\(own)"
            }
        } else {
            name = (match.key.isState ? "state-" : "final-") + own
        }
        guard memory.isUsed(name, besides: match.key) else { return name }
        return name + "-" + ContentDigest.of(match.key.path.bytes).text.prefix(8)
    }

    /// Letters that a checkpoint's name may have; where others were, a digest tells names apart.
    private static func slug(_ name: [UInt8]) -> String {
        let safe = name.prefix(80).map { byte in
            SafeName.isName("a" + String(decoding: [byte], as: UTF8.self)) ? byte : UInt8(ascii: "_")
        }
        let text = String(decoding: safe, as: UTF8.self)
        return safe == name ? text : "\(text)-\(ContentDigest.of(name).text.prefix(8))"
    }
}
