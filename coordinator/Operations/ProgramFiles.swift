import Foundation
import Ports
import SweepWire

/// The program that this process runs, with what lies beside it, as workers take it. Read and hashed at the
/// first request.
package actor ProgramFiles {
    private struct Source: Sendable {
        let path: String
        let file: ProgramFile
    }

    private struct Known: Sendable {
        let answer: ProgramResponse
        let sources: [String: Source]
    }

    private let version: String
    private let executable: String
    private var looking: Task<Known, any Error>?

    /// - Parameters:
    ///   - version: for people.
    ///   - executable: a link to the program's file.
    package init(version: String, executable: String = "/proc/self/exe") {
        self.version = version
        self.executable = executable
    }

    func answer() async throws -> ProgramResponse { try await known().answer }

    /// - Returns: nil for a file that is none of the program's.
    func read(_ digest: String, offset: Int, count: Int) async throws -> Data? {
        guard let source = try await known().sources[digest] else { return nil }
        let start = Int64(max(0, offset))
        // Behind the end there is nothing, however far it is.
        guard start < source.file.bytes else { return Data() }
        return try await BlockingWork.run {
            Data(try DiskFiles().open(reading: source.path).read(max(0, count), at: start))
        }
    }

    /// What failed is looked at anew by the next request.
    private func known() async throws -> Known {
        let (version, executable) = (version, executable)
        let task = looking ?? Task { try await BlockingWork.run { try Self.look(version, executable) } }
        looking = task
        do {
            return try await task.value
        } catch {
            looking = nil
            throw error
        }
    }

    private static func look(_ version: String, _ executable: String) throws -> Known {
        let path = try FileManager.default.destinationOfSymbolicLink(atPath: executable)
        // A worker that took files of two builds would be worse off than before.
        guard !path.hasSuffix(" (deleted)") else {
            throw WireError(
                .conflict,
                "\(path.dropLast(10)) was replaced since this coordinator started; start the coordinator anew")
        }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        let files = DiskFiles()
        var sources = [try source(executable, ProgramFile.program)]
        if try files.exists(folder + "/radiata-query") {
            sources.append(try source(folder + "/radiata-query", "radiata-query"))
        }
        // A program that was not installed from an archive takes its libraries from the system.
        if try files.exists(folder + "/install.sh"), try files.exists(folder + "/lib") {
            for name in try files.list(folder + "/lib") {
                guard try files.information("\(folder)/lib/\(name)")?.isRegular == true else { continue }
                let library = try source("\(folder)/lib/\(name)", "lib/\(name)")
                if library.file.isSafe { sources.append(library) }
            }
        }
        return Known(
            answer: ProgramResponse(
                version: version, platform: ProgramResponse.platform(), sha256: sources[0].file.sha256,
                files: sources.map(\.file)),
            sources: Dictionary(sources.map { ($0.file.sha256, $0) }) { first, _ in first })
    }

    private static func source(_ path: String, _ name: String) throws -> Source {
        let found = try ContentDigest.of(file: path)
        return Source(path: path, file: ProgramFile(path: name, sha256: found.digest.text, bytes: found.size))
    }
}

extension Operations {
    func mountProgram(on place: some OperationMount) {
        place.mount(.program) { _, _ in try await files().answer() }
        place.mount(.programPiece) { request, _ in
            let digest = try Self.digest(request.sha256)
            let data = try await files().read(
                digest.text, offset: request.offset, count: min(request.count, WireLimit.chunk))
            guard let data else { throw WireError(.notFound, "\(request.sha256) is no file of this program") }
            return RawBytes(data)
        }
    }

    private func files() throws -> ProgramFiles {
        guard let program else { throw WireError(.conflict, "this coordinator does not give its program away") }
        return program
    }
}
