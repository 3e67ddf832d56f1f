import Foundation
import TestSupport
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

    /// What the program sees: nothing of this user's settings, and a place of its own for the tokens of these
    /// coordinators.
    static var environment: [String: String] {
        var all = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RADIATA_") }
        all["XDG_STATE_HOME"] = root.appending(path: ".build/e2e-state").path
        return all
    }

    /// The whole answer of a plain request, without any token.
    static func get(_ path: String, port: Int) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        try #require(send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    /// Runs to the end; output goes through files, so that no pipe can fill up.
    ///
    /// - Parameter input: a file that it reads; nil for nothing.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], in folder: String? = nil, input: String? = nil
    ) throws -> Ended {
        let scratch = try TemporaryFolder()
        let process = try start(
            arguments, output: scratch.path + "/out", messages: scratch.path + "/err", environment: environment,
            in: folder, input: input)
        process.waitUntilExit()
        return Ended(
            status: process.terminationStatus,
            output: try String(contentsOfFile: scratch.path + "/out", encoding: .utf8),
            messages: try String(contentsOfFile: scratch.path + "/err", encoding: .utf8))
    }

    static func start(
        _ arguments: [String], output: String, messages: String, environment: [String: String] = [:],
        in folder: String? = nil, input: String? = nil, program: String? = nil
    ) throws -> Process {
        try #require(FileManager.default.createFile(atPath: output, contents: nil))
        return try start(
            arguments, output: try FileHandle(forWritingTo: URL(filePath: output)), messages: messages,
            environment: environment, in: folder, input: input, program: program)
    }

    static func start(
        _ arguments: [String], output: FileHandle, messages: String, environment: [String: String] = [:],
        in folder: String? = nil, input: String? = nil, program: String? = nil
    ) throws -> Process {
        let path = program ?? path
        try #require(FileManager.default.isExecutableFile(atPath: path), "\(path) is not built; run 'make build'")
        try #require(FileManager.default.createFile(atPath: messages, contents: nil))
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = try input.map { try FileHandle(forReadingFrom: URL(filePath: $0)) } ?? .nullDevice
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: URL(filePath: messages))
        process.environment = Self.environment.merging(environment) { _, new in new }
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        try process.run()
        return process
    }
}
