package import Ports
package import SweepModel

/// The worker's own folder, locked while it runs.
///
///     id  key                 random identity and the secret it belongs to, made once
///     join.json               addresses, authority and token of the coordinator that it was invited by
///     home                    where the folder lies, so that a copy is known for one
///     lock  guard             held lock; pid and start time of the guard process
///     blobs/ inputs/ digests  cache; blobs are shared with the workers of DIR-2, DIR-3, … of the same DIR
///     program/                the coordinator's build, where the worker takes it (``SelfUpdate``)
///     prepared/ID             what was made for jobs before they start
///     metrics/NUMBER/         programs that measure images, from attempt to attempt
///     attempts/NAME/          one per attempt held: attempt.json, process, log, out/, spool/
///     spare/NUMBER/           such folders for attempts to come (``SpareFolders``)
package struct WorkFolder: Sendable {
    package let path: String
    /// Random id kept here: the identity of the worker.
    package let worker: String
    /// 256 random bits, hex: the coordinator lets nobody else register under the identity.
    let key: String
    /// What was fetched, by its digest.
    let blobs: String
    private let lock: any Sendable

    /// Takes `path`, made if it is not there, or `path-2`, `path-3`, … if another worker of this machine has
    /// it.
    ///
    /// - Parameter machine: what this machine is known by; its id, if not given.
    /// - Throws: ``WorkerError`` or `PortsError`.
    package static func open(
        _ path: String, random: any RandomSource, files: any FileStore = DiskFiles(), machine: String? = nil
    ) throws -> WorkFolder {
        try files.makeFolder(path, mode: 0o700)
        let root = try files.canonical(path)
        let machine = machine ?? WorkHome.thisMachine
        for number in 1...64 {
            let candidate = number == 1 ? root : "\(root)-\(number)"
            try files.makeFolder(candidate, mode: 0o700)
            guard let lock = try files.lock(candidate + "/lock") else { continue }
            return try WorkFolder(
                path: candidate, blobs: root + "/blobs", lock: lock, machine: machine, random: random, files: files)
        }
        throw WorkerError(.workFolder, "\(path): 64 workers use it already; give another folder with --work DIR")
    }

    private init(
        path: String, blobs: String, lock: any Sendable, machine: String, random: any RandomSource,
        files: any FileStore
    ) throws {
        self.path = path
        self.blobs = blobs
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
        try checkHome(machine, files)
        for folder in [attempts, inputs, blobs] { try files.makeFolder(folder) }
    }

    /// A copied folder would be a second worker of one identity: the two would end each other's sessions, and
    /// this one the trainers whose records were copied with it. A folder that was moved keeps its files; one
    /// that is where it was may lie on a file system that numbers them anew.
    private func checkHome(_ machine: String, _ files: any FileStore) throws {
        let here = WorkHome(
            machine: machine, file: try files.information(path + "/id")?.inode ?? 0, path: path)
        let place = path + "/home"
        if try files.exists(place), let home = WorkHome(try files.readText(place)), home.isOther(than: here) {
            throw WorkerError(
                .workFolder,
                "\(path) is a copy of the work folder of worker \(worker.prefix(8)) (\(home.path)): two workers of one identity "
                    + "end each other's sessions. Give this one a folder of its own with --work DIR, or make a new identity here: "
                    + "rm -r \(path)/{id,key,home,guard,attempts}. If the folder was moved, and not copied: rm \(place)"
            )
        }
        let text = Array(here.text.utf8)
        if try !files.exists(place) || files.read(place, limit: 1 << 16) != text {
            try files.writeAtomically(text, to: place)
        }
    }

    /// How it joined its coordinator (`JoinFile`), where it was invited.
    package var joinFile: String { path + "/join.json" }
    var guardRecord: String { path + "/guard" }
    var attempts: String { path + "/attempts" }
    var spares: String { path + "/spare" }
    var inputs: String { path + "/inputs" }
    var prepared: String { path + "/prepared" }
    var metrics: String { path + "/metrics" }
    var digests: String { path + "/digests" }
    package var programs: String { path + "/program" }

    func attempt(_ token: AttemptToken) -> AttemptPlace {
        AttemptPlace(path: "\(attempts)/\(Self.attemptName(token))")
    }

    /// Name of an attempt's folder: no two attempts of any ledger share one.
    package static func attemptName(_ token: AttemptToken) -> String {
        let ledger = ContentDigest.of("\(token.ledger) \(token.epoch)").text.prefix(8)
        return "\(token.job.short)-\(token.attempt)-\(ledger)"
    }
}

/// Where a work folder lies.
struct WorkHome: Equatable {
    let machine: String
    /// The inode of its identity.
    let file: UInt64
    let path: String

    init(machine: String, file: UInt64, path: String) {
        self.machine = machine
        self.file = file
        self.path = path
    }

    /// - Returns: nil for text that is none, as of a newer version.
    init?(_ text: String) {
        let fields = text.prefix { $0 != "\n" }.split(separator: " ", maxSplits: 2).map(String.init)
        guard fields.count == 3, let file = UInt64(fields[1]) else { return nil }
        self.init(machine: fields[0], file: file, path: fields[2])
    }

    var text: String { "\(machine) \(file) \(path)\n" }

    /// Neither the same files nor the same place.
    func isOther(than here: WorkHome) -> Bool {
        file != here.file && (machine != here.machine || path != here.path)
    }

    /// The machine's id, else its name.
    static var thisMachine: String {
        let id = OutOfMemoryWatch.text("/etc/machine-id")?.prefix { $0 != "\n" } ?? ""
        return id.isEmpty ? MachineFacts.hostName() : String(id.prefix(32))
    }
}
