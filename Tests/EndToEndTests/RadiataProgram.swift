import Foundation
import Testing

/// The built program, run as a user runs it.
enum RadiataProgram {
    struct Ended: CustomStringConvertible {
        let status: Int32
        let output: String
        let messages: String
        var description: String { "exit \(status)\n\(output)\n\(messages)" }
    }

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// `RADIATA_BIN`, else the release build of this checkout.
    static var path: String {
        ProcessInfo.processInfo.environment["RADIATA_BIN"] ?? root.appending(path: ".build/release/radiata").path
    }

    /// Runs to the end; output goes through files, so that no pipe can fill up.
    static func run(_ arguments: [String], environment: [String: String] = [:], in folder: String? = nil) throws
        -> Ended
    {
        let scratch = try TemporaryFolder()
        let process = try start(
            arguments, output: scratch.path + "/out", messages: scratch.path + "/err", environment: environment,
            in: folder)
        process.waitUntilExit()
        return Ended(
            status: process.terminationStatus,
            output: try String(contentsOfFile: scratch.path + "/out", encoding: .utf8),
            messages: try String(contentsOfFile: scratch.path + "/err", encoding: .utf8))
    }

    static func start(
        _ arguments: [String], output: String, messages: String, environment: [String: String] = [:],
        in folder: String? = nil
    ) throws -> Process {
        try #require(FileManager.default.isExecutableFile(atPath: path), "\(path) is not built; run 'make build'")
        for file in [output, messages] { try #require(FileManager.default.createFile(atPath: file, contents: nil)) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: messages))
        var all = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RADIATA_") }
        // The tokens of these coordinators lie apart from those of the user who runs the tests.
        all["XDG_STATE_HOME"] = root.appending(path: ".build/e2e-state").path
        all.merge(environment) { _, new in new }
        process.environment = all
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        try process.run()
        return process
    }
}

/// A folder that goes away with its owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "radiata-e2e-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            FileHandle.standardError.write(Data("could not remove \(path): \(error)\n".utf8))
        }
    }

    @discardableResult
    func write(_ name: String, _ text: String, executable: Bool = false) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        if executable { try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file) }
        return file
    }
}
