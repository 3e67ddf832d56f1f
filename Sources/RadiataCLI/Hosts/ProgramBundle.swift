import Foundation
import Ports

/// This program as an archive that runs on another machine: the folder that `make dist` made, or the program
/// alone where it is no such folder.
struct ProgramBundle: Sendable {
    /// A gzipped tar.
    let archive: String
    /// First digits of its content's SHA-256: names the folder on the other machine.
    let version: String
    let bytes: Int64

    /// Packs it once for each content, into the user's cache.
    static func ofThisProgram() throws -> ProgramBundle {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = URL(filePath: own).deletingLastPathComponent().path
        let isDist = FileManager.default.fileExists(atPath: folder + "/install.sh")
        let digest =
            isDist ? try TreeDigest.compute(folder).digest : try ContentDigest.of(file: own).digest
        let version = String(digest.text.prefix(12))
        let cache = Paths.folders.cache + "/bundles"
        let archive = "\(cache)/\(version).tar.gz"
        let files = DiskFiles()
        if try !files.exists(archive) {
            try files.makeFolder(cache, mode: 0o700)
            let part = files.temporaryName(for: archive)
            let names = isDist ? ["."] : ["radiata", "radiata-query"]
            let ended = try ProgramRun.run("tar", ["czf", part, "--owner=0", "--group=0", "-C", folder] + names)
            guard ended.status == 0 else {
                throw CommandFailure(.failed, "the program cannot be packed: \(ended.messages)")
            }
            try files.rename(part, to: archive)
        }
        return ProgramBundle(
            archive: archive, version: version, bytes: try files.information(archive)?.size ?? 0)
    }
}
