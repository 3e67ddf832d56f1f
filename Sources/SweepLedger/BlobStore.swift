package import Foundation
package import Ports
import Synchronization

/// Files named by their SHA-256, in `aa/bb…` below a folder, and uploads that are not complete yet in
/// `uploads/`.
///
/// Order of a commit (each step after the one before): chunks written and synced → SHA-256 of what is on disk
/// → rename → sync of the folder → the ledger's row → answer. Nothing here talks to the ledger; the daemon
/// adds the row in its place.
///
/// All calls block; they are made off the cooperative threads.
package final class BlobStore: Sendable {
    package enum Status: Equatable, Sendable {
        case unknown
        case open(bytes: Int, missing: [Int])
        case complete(bytes: Int)
    }

    /// Sub-folders in which every name that can be seen is durable: only then is a blob told to be there.
    /// `changing` counts who is changing a folder, `changes` how often that began or ended: a sync from
    /// before it proves nothing.
    private struct Settled {
        var names: Set<Substring> = []
        var changing: [Substring: Int] = [:]
        var changes: [Substring: Int] = [:]
    }

    private struct Upload {
        var bytes: Int
        var received: Set<Int>
    }

    package static let chunkBytes = 8 << 20
    /// Largest blob.
    package static let mostBytes = 1 << 40
    /// An upload without progress for so long is dropped.
    private static let staleMilliseconds: Int64 = 24 * 3600 * 1000

    package let folder: String
    private let files: any FileStore
    private let uploads = Mutex<[String: Upload]>([:])
    private let settled = Mutex(Settled())

    package init(folder: String, files: any FileStore = DiskFiles()) throws {
        self.folder = folder
        self.files = files
        do {
            try files.makeFolder(folder, mode: 0o700)
            try files.makeFolder(folder + "/uploads", mode: 0o700)
            // They may be of an earlier process, which was killed before their names were durable.
            try files.synchronizeFolder(folder)
            try files.synchronizeFolder(DiskFiles.parent(of: folder))
        } catch let error as PortsError {
            throw LedgerError(.inputOutput, error.message)
        }
    }

    /// Where a blob lies, whether it is there or not.
    package func path(_ digest: ContentDigest) -> String {
        "\(folder)/\(digest.text.prefix(2))/\(digest.text.dropFirst(2))"
    }

    private func partPath(_ digest: ContentDigest) -> String { "\(folder)/uploads/\(digest.text).part" }
    private func notesPath(_ digest: ContentDigest) -> String { "\(folder)/uploads/\(digest.text).chunks" }

    /// Size of a stored blob, from the file system.
    package func size(_ digest: ContentDigest) throws -> Int? {
        try wrapped { try files.information(path(digest)).map { Int($0.size) } }
    }

    /// Of what is on the disk now; nil if there is no file.
    func contentDigest(_ digest: ContentDigest) throws -> ContentDigest? {
        guard try size(digest) != nil else { return nil }
        return try wrapped { try ContentDigest.of(file: path(digest), in: files).digest }
    }

    package func status(_ digest: ContentDigest) throws -> Status {
        if let size = try durableSize(digest) { return .complete(bytes: size) }
        guard let upload = try upload(digest) else { return .unknown }
        return .open(bytes: upload.bytes, missing: Self.missing(upload))
    }

    /// Starts or joins an upload.
    package func begin(_ digest: ContentDigest, bytes: Int) throws -> Status {
        guard (0...Self.mostBytes).contains(bytes) else {
            throw LedgerError(.invalid, "a blob of \(bytes) bytes; at most \(Self.mostBytes)")
        }
        if let size = try durableSize(digest) { return .complete(bytes: size) }
        if let upload = try upload(digest), upload.bytes == bytes {
            return .open(bytes: bytes, missing: Self.missing(upload))
        }
        return try wrapped {
            try files.remove(partPath(digest))
            try files.remove(notesPath(digest))
            _ = try files.open(writing: partPath(digest), truncate: false, mode: 0o600)
            try append(digest, Int64(bytes))
            let upload = Upload(bytes: bytes, received: [])
            uploads.withLock { $0[digest.text] = upload }
            return .open(bytes: bytes, missing: Self.missing(upload))
        }
    }

    /// Writes a chunk and syncs it.
    ///
    /// - Throws: `notFound` if no upload is open, `invalid` for a wrong index, size or checksum.
    package func put(_ digest: ContentDigest, index: Int, checksum: UInt32, bytes: Data) throws -> Status {
        if let size = try durableSize(digest) { return .complete(bytes: size) }
        guard var upload = try upload(digest) else {
            throw LedgerError(.notFound, "no upload of \(digest.text) is open; begin it first")
        }
        let count = Self.chunks(upload.bytes)
        guard (0..<count).contains(index) else {
            throw LedgerError(.invalid, "chunk \(index) of \(digest.text); it has \(count) chunks, counted from 0")
        }
        let wanted = index == count - 1 ? upload.bytes - index * Self.chunkBytes : Self.chunkBytes
        guard bytes.count == wanted else {
            throw LedgerError(.invalid, "chunk \(index) has \(bytes.count) bytes, wanted \(wanted)")
        }
        guard Self.checksum(bytes) == checksum else {
            throw LedgerError(.invalid, "chunk \(index) was damaged on its way (CRC-32C differs); send it again")
        }
        try wrapped {
            let part = try files.open(writing: partPath(digest), truncate: false, mode: 0o600)
            try bytes.withUnsafeBytes { try part.write($0, at: Int64(index * Self.chunkBytes)) }
            if !Mutant.isOn("rename-before-file-sync") { try part.synchronize() }
            try append(digest, Int64(index))
        }
        upload = uploads.withLock { uploads in
            uploads[digest.text]?.received.insert(index)
            return uploads[digest.text] ?? upload
        }
        return .open(bytes: upload.bytes, missing: Self.missing(upload))
    }

    /// Checks the whole content and gives it its name. The ledger's row is the caller's next step.
    ///
    /// - Returns: the size in bytes.
    /// - Throws: `conflict` while chunks are missing, or when the content has another digest (the upload is
    ///   then gone).
    package func seal(_ digest: ContentDigest) throws -> Int {
        if let size = try durableSize(digest) { return size }
        guard let upload = try upload(digest) else {
            throw LedgerError(.notFound, "no upload of \(digest.text) is open; begin it first")
        }
        let missing = Self.missing(upload)
        guard missing.isEmpty else {
            throw LedgerError(
                .conflict, "\(missing.count) chunks of \(digest.text) are missing, the first is \(missing[0])")
        }
        do {
            return try publish(digest, upload)
        } catch {
            // Another request with the same content may have been first.
            if let size = try durableSize(digest) { return size }
            throw error
        }
    }

    private func publish(_ digest: ContentDigest, _ upload: Upload) throws -> Int {
        try wrapped {
            let found = try ContentDigest.of(file: partPath(digest), in: files)
            guard found.digest == digest, found.size == Int64(upload.bytes) else {
                try files.remove(partPath(digest))
                try files.remove(notesPath(digest))
                _ = uploads.withLock { $0.removeValue(forKey: digest.text) }
                throw LedgerError(
                    .conflict, "what was uploaded as \(digest.text) has the digest \(found.digest); upload it again")
            }
            try files.makeFolder("\(folder)/\(digest.text.prefix(2))", mode: 0o700)
            Faults.reach("blob-verified")
            try place(partPath(digest), digest)
            Faults.reach("blob-renamed")
            try files.remove(notesPath(digest))
            _ = uploads.withLock { $0.removeValue(forKey: digest.text) }
            return upload.bytes
        }
    }

    /// Size of a stored blob whose name is on the disk: a process that was killed before it could sync the
    /// folder, or a sync that failed, leaves a name that can be read and yet be lost.
    private func durableSize(_ digest: ContentDigest) throws -> Int? {
        guard let size = try size(digest) else { return nil }
        if Mutant.isOn("known-blob-not-settled") { return size }
        let name = digest.text.prefix(2)
        let (isSettled, changes) = settled.withLock { ($0.names.contains(name), $0.changes[name]) }
        if isSettled { return size }
        try wrapped {
            try files.synchronizeFolder(folder)
            try files.synchronizeFolder("\(folder)/\(name)")
        }
        settled.withLock {
            if $0.changes[name] == changes, $0.changing[name] ?? 0 == 0 { $0.names.insert(name) }
        }
        return try self.size(digest)
    }

    /// Gives a finished file the blob's name and makes both durable.
    private func place(_ temporary: String, _ digest: ContentDigest) throws {
        let name = digest.text.prefix(2)
        let (wasSettled, changes) = settled.withLock { state in
            state.changing[name, default: 0] += 1
            state.changes[name, default: 0] += 1
            return (state.names.remove(name) != nil, state.changes[name])
        }
        defer {
            settled.withLock { state in
                state.changing[name, default: 0] -= 1
                state.changes[name, default: 0] += 1
            }
        }
        try files.publish(temporary, as: path(digest))
        // The sub-folder may be of an earlier process, which was killed before its name was durable.
        if !wasSettled { try files.synchronizeFolder(folder) }
        settled.withLock {
            if $0.changes[name] == changes, $0.changing[name] == 1 { $0.names.insert(name) }
        }
    }

    /// A piece of a blob; empty past its end. Nil if it is not there.
    package func read(_ digest: ContentDigest, offset: Int, count: Int) throws -> Data? {
        guard let size = try size(digest) else { return nil }
        let wanted = min(count, size - offset)
        guard offset >= 0, wanted > 0 else { return Data() }
        return try wrapped(.unreadable) {
            let file = try files.open(reading: path(digest))
            var data = Data(count: wanted)
            let read = try data.withUnsafeMutableBytes { try file.read(into: $0, at: Int64(offset)) }
            return read == wanted ? data : data.prefix(read)
        }
    }

    private func trashPath(_ digest: ContentDigest) -> String { "\(folder)/uploads/\(digest.text).trash" }

    /// Removes a blob's file after its row is gone, unless the row came back meanwhile: somebody was just
    /// told that the blob is there.
    ///
    /// Whoever tells so looks at the file once more after the row is committed; so either the file is still
    /// in its place here, or it is missing there.
    func remove(_ digest: ContentDigest, unless isWanted: () async throws -> Bool) async throws {
        guard try setAside(digest) else { return }
        try settleAside(digest, isWanted: try await isWanted())
    }

    /// The first half of a removal: the file has another name until it is known whether its row came back.
    ///
    /// - Returns: false if there is no file.
    package func setAside(_ digest: ContentDigest) throws -> Bool {
        guard try size(digest) != nil else { return false }
        try wrapped { try files.publish(path(digest), as: trashPath(digest)) }
        return true
    }

    /// Finishes removals that an earlier process began.
    func settleLeftAside(_ isWanted: (ContentDigest) throws -> Bool) throws {
        let names = try wrapped { try files.list(folder + "/uploads") }
        for name in names where name.hasSuffix(".trash") {
            guard let digest = ContentDigest(String(name.dropLast(6))) else { continue }
            let isBack = try size(digest) != nil
            try settleAside(digest, isWanted: try isWanted(digest) && !isBack)
        }
    }

    /// The second half.
    package func settleAside(_ digest: ContentDigest, isWanted: Bool) throws {
        try wrapped {
            if isWanted {
                try place(trashPath(digest), digest)
            } else {
                try files.remove(trashPath(digest))
            }
        }
    }

    /// Names of the sub-folders.
    func prefixes() throws -> [String] {
        try wrapped { try files.list(folder) }.filter { $0.utf8.count == 2 }
    }

    /// Blobs of a sub-folder whose files have been there for a day or longer.
    func oldFiles(_ prefix: String, now: WallTime) throws -> [ContentDigest] {
        try wrapped {
            try files.list("\(folder)/\(prefix)").compactMap { name in
                guard let digest = ContentDigest(prefix + name), let information = try files.information(path(digest)),
                    now.milliseconds - information.modifiedNanoseconds / 1_000_000 > Self.staleMilliseconds
                else { return nil }
                return digest
            }
        }
    }

    /// Drops uploads without progress for a day.
    package func dropStaleUploads(now: WallTime) throws {
        try wrapped {
            for name in try files.list(folder + "/uploads") {
                let path = "\(folder)/uploads/\(name)"
                guard let information = try files.information(path),
                    now.milliseconds - information.modifiedNanoseconds / 1_000_000 > Self.staleMilliseconds
                else { continue }
                try files.remove(path)
                _ = uploads.withLock { $0.removeValue(forKey: String(name.prefix(64))) }
            }
        }
    }

    private static func chunks(_ bytes: Int) -> Int { max(1, (bytes + chunkBytes - 1) / chunkBytes) }

    private static func missing(_ upload: Upload) -> [Int] {
        (0..<chunks(upload.bytes)).filter { !upload.received.contains($0) }
    }

    private static func checksum(_ bytes: Data) -> UInt32 {
        var sum = CRC32C()
        bytes.withUnsafeBytes { sum.update(bufferPointer: $0) }
        return sum.value
    }

    /// The state of an upload, read from its notes after a restart: the size, then the index of every chunk,
    /// 8 bytes each. What a power cut took from them costs a chunk sent again, no more: the whole digest is
    /// checked in the end.
    private func upload(_ digest: ContentDigest) throws -> Upload? {
        if let known = uploads.withLock({ $0[digest.text] }) { return known }
        return try wrapped {
            guard try files.exists(partPath(digest)), try files.exists(notesPath(digest)) else { return nil }
            let notes = try files.read(notesPath(digest), limit: 64 << 20)
            var words: [Int64] = []
            for start in stride(from: 0, to: notes.count - notes.count % 8, by: 8) {
                words.append((0..<8).reduce(0) { $0 | Int64(notes[start + $1]) << Int64(8 * $1) })
            }
            guard let bytes = words.first, bytes >= 0, bytes <= Int64(Self.mostBytes) else { return nil }
            let upload = Upload(bytes: Int(bytes), received: Set(words.dropFirst().map { Int($0) }))
            uploads.withLock { $0[digest.text] = upload }
            return upload
        }
    }

    private func append(_ digest: ContentDigest, _ word: Int64) throws {
        // Chunks may come at the same time; each takes its place at the end.
        try uploads.withLock { _ in
            let file = try files.open(writing: notesPath(digest), truncate: false, mode: 0o600)
            let end = try file.size()
            try withUnsafeBytes(of: word.littleEndian) { try file.write($0, at: end - end % 8) }
        }
    }

    private func wrapped<Value>(
        _ code: LedgerError.Code = .inputOutput, _ body: () throws -> Value
    ) throws -> Value {
        do {
            return try body()
        } catch let error as PortsError {
            throw LedgerError(error.code == .diskFull ? .diskFull : code, error.message)
        }
    }
}
