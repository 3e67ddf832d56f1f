import Foundation
import Glibc
import Ports
import RunSpec
import SweepClient
import SweepModel
import SweepWire
import Synchronization
import TrainerFiles

/// Makes an attempt's folder: inputs found, training state and earlier adapters restored, files written.
struct AttemptFolderMaker: Sendable {
    let configuration: WorkerConfiguration
    let inputs: InputStore
    let blobs: BlobCache
    /// What was made for jobs before they start.
    let store: PreparationStore
    let files: any FileStore
    private let names = TrainerNames()

    init(
        configuration: WorkerConfiguration, inputs: InputStore, blobs: BlobCache, store: PreparationStore,
        files: any FileStore
    ) {
        self.configuration = configuration
        self.inputs = inputs
        self.blobs = blobs
        self.store = store
        self.files = files
    }

    /// - Parameter prepared: where what was made for it lies, by the name that its texts have for it.
    /// - Throws: ``WorkerError``, `ClientError`, `PortsError` or the `SweepModelError` of a template.
    func make(
        _ grant: Grant, at place: AttemptPlace, gpus: [GPUDevice], prepared: [String: String]
    ) async throws -> AttemptPlan {
        // A folder that was another attempt's has one already.
        if try files.information(place.out)?.isFolder != true { try files.makeUnsyncedFolder(place.out) }
        if !gpus.isEmpty { try files.writeAtomically(Array(try JSONEncoder().encode(gpus)), to: place.gpus) }
        let trainer = grant.job.trainer.program
        let names = names.of(trainer)
        var around = surroundings(gpus, wantsPort: Self.wants("master_port", trainer, names))
        around.wantsJobFile = Self.wants("job", trainer, names)
        around.base = try await locate(grant.job.base)
        around.data = try await locate(grant.job.data)
        around.regData = try await locate(grant.job.regData)
        for (role, input) in grant.job.encoders { around.encoders[role] = try await locate(input) }
        around.prepared = try await views(of: prepared, grant, place)
        around.data = try await ownData(grant, place, around.data, prepared)
        let plan = try AttemptPlan(grant, place: place, around)
        // The folder may have been another attempt's.
        if !around.wantsJobFile { try files.remove(place.job) }
        try await restore(grant, place, below: plan.restored)
        try clean(plan, place, grant)
        if let flag = plan.stop.flag {
            if let slash = flag.file.lastIndex(of: "/") { try files.makeFolder(String(flag.file[..<slash])) }
            try DatabaseStatement.run(flag.create, in: flag.file)
        }
        for file in plan.files {
            let parent = DiskFiles.parent(of: file.path)
            if parent != place.path, parent != place.out { try files.makeUnsyncedFolder(parent) }
            // Nobody reads it before it is whole, and the next attempt makes it anew: a power cut may take
            // it.
            try files.write(Array(file.text.utf8), over: file.path, mode: 0o600)
        }
        return plan
    }

    /// Folders of the attempt's own that show what was made for it; for a preparation, the one it fills.
    private func views(
        of prepared: [String: String], _ grant: Grant, _ place: AttemptPlace
    ) async throws -> [String: String] {
        if grant.job.kind == .prepare {
            let target = "\(place.out)/\(CommandTrainer.PrepareRule.target)"
            try files.makeFolder(target)
            return [CommandTrainer.PrepareRule.target: target]
        }
        var result: [String: String] = [:]
        if !prepared.isEmpty { try files.makeFolder(place.prepared) }
        for (name, source) in prepared {
            let target = "\(place.prepared)/\(name)"
            try await BlockingWork.run {
                try LinkTree.make(
                    of: BytePath("\(source)/\(CommandTrainer.PrepareRule.target)"), at: BytePath(target))
            }
            result[name] = target
        }
        return result
    }

    /// The data in which a program may write, with what preparations added; the core writes nothing there.
    private func ownData(
        _ grant: Grant, _ place: AttemptPlace, _ data: String?, _ prepared: [String: String]
    ) async throws -> String? {
        guard let data, grant.job.kind != .evaluate, let trainer = grant.job.trainer.command,
            !Set(trainer.templateNames).isDisjoint(with: ["data", "job"]),
            try files.information(data)?.isFolder == true
        else { return data }
        let tree = BytePath(place.data)
        try await BlockingWork.run {
            try LinkTree.make(of: BytePath(data), at: tree)
            for source in prepared.values {
                let added = BytePath("\(source)/\(CommandTrainer.PrepareRule.added)")
                if added.status()?.isFolder == true { try LinkTree.make(of: added, at: tree) }
            }
        }
        return place.data
    }

    /// What an interrupted save left half done in the state that is gone on from.
    private func clean(_ plan: AttemptPlan, _ place: AttemptPlace, _ grant: Grant) throws {
        guard grant.resume != nil else { return }
        let out = BytePath(place.out)
        for path in plan.clean.flatMap(PathPattern.matches) where path.isBelow(out) {
            if let text = path.text { try files.remove(text) }
        }
    }

    /// Whether any text may hold it; a name in another one's value counts too.
    private static func wants(_ name: String, _ trainer: CommandTrainer, _ names: Set<String>) -> Bool {
        names.contains(name) || (trainer.values ?? [:]).values.contains { $0.contains(name) }
    }

    private static let environment = TrainerEnvironment.allowed(ProcessInfo.processInfo.environment)
    private static let cores = ProcessInfo.processInfo.activeProcessorCount

    func surroundings(_ gpus: [GPUDevice], wantsPort: Bool = true) -> AttemptSurroundings {
        // One of several slots has their threads.
        let offer = WorkerOffer(
            labels: [:], devices: configuration.gpus, gpuShare: configuration.gpuShare, slots: configuration.slots)
        let slots = gpus.isEmpty ? 1 : offer.slotCost(RequirementSpec(gpus: gpus.count))
        return AttemptSurroundings(
            threads: configuration.threads ?? max(1, Self.cores * slots / configuration.slots),
            gpus: gpus, vendors: configuration.gpuVendors, program: configuration.program,
            environment: Self.environment,
            port: wantsPort ? FreePort.any() ?? 0 : 0)
    }

    /// Those that were given to an attempt whose folder is here.
    func gpus(of place: AttemptPlace) throws -> [GPUDevice] {
        guard try files.exists(place.gpus) else { return [] }
        return try JSONDecoder().decode([GPUDevice].self, from: Data(try files.read(place.gpus, limit: 1 << 16)))
    }

    func locate(_ input: ResolvedInput?) async throws -> String? {
        guard let input else { return nil }
        return try await inputs.locate(input)
    }

    private func restore(_ grant: Grant, _ place: AttemptPlace, below target: String) async throws {
        let folder = AttemptFolder(place.out)
        if let subject = grant.job.subject {
            for file in subject.checkpoint.files + subject.images { try await restore(file, below: folder.subject) }
        }
        if let resume = grant.resume {
            for file in resume.files { try await restore(file, below: target) }
        }
        for checkpoint in grant.trained {
            guard SafeName.isName(checkpoint.name) else {
                throw WorkerError(
                    .badInput, "the coordinator names a checkpoint '\(checkpoint.name)', which cannot be one")
            }
            let target = folder.checkpoint(checkpoint.name)
            for file in checkpoint.files { try await restore(file, below: target) }
            let manifest = CheckpointManifest(
                step: checkpoint.step, epoch: checkpoint.epoch, final: checkpoint.isFinal ?? false,
                files: checkpoint.files.map {
                    CheckpointManifest.File(name: $0.name, kind: .adapter, bytes: $0.bytes, sha256: $0.sha256)
                })
            let data = try JSONEncoder().encode(manifest)
            try files.writeAtomically(Array(data), to: "\(target)/\(AttemptFolder.manifestName)")
        }
        guard grant.resume != nil || !grant.trained.isEmpty || !grant.evaluated.isEmpty else { return }
        let progress = RestoredProgress(checkpoints: grant.trained.map(\.name), evaluated: grant.evaluated)
        try files.writeAtomically(Array(try JSONEncoder().encode(progress)), to: folder.restored)
    }

    func restore(_ all: [BlobFile], below folder: String) async throws {
        for file in all { try await restore(file, below: folder) }
    }

    private func restore(_ file: BlobFile, below folder: String) async throws {
        guard FileName.isPath(file.name), let digest = ContentDigest(file.sha256) else {
            throw WorkerError(.badInput, "the coordinator names a file '\(file.name)' that cannot be one")
        }
        let blob = try await blobs.fetch(digest, size: Int64(file.bytes))
        // Names inside a folder are bytes again; the one that a command is told must be text.
        var parts = file.name.split(separator: "/").map(String.init)
        let top = parts.removeFirst()
        var target = BytePath(folder).appending(Array(top.utf8))
        if String(validating: FileName.bytes(top), as: UTF8.self) != nil {
            target = BytePath(folder).appending(FileName.bytes(top))
        }
        for part in parts { target = target.appending(FileName.bytes(part)) }
        try LinkTree.makeParents(of: target)
        // A copy: trainers may write into what they resume from, and the cache must keep what its name says.
        let plain = files.temporaryName(for: folder + "/restored")
        try FileManager.default.copyItem(atPath: blob, toPath: plain)
        guard target.withCString({ rename(plain, $0) }) == 0 else {
            throw PortsError.system("rename to", target.description)
        }
    }
}

/// Names in the texts of trainers, found once for jobs of the same one.
private final class TrainerNames: Sendable {
    private let last = Mutex<(trainer: CommandTrainer, names: Set<String>)?>(nil)

    func of(_ trainer: CommandTrainer) -> Set<String> {
        last.withLock { last in
            if let last, last.trainer == trainer { return last.names }
            let names = Set(trainer.templateNames)
            last = (trainer, names)
            return names
        }
    }
}
