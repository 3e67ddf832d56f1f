import Dispatch
import Foundation
import Synchronization

/// Another program of this machine, run to its end.
enum ProgramRun {
    struct Ended {
        let status: Int32
        let output: String
        /// Trimmed.
        let messages: String
    }

    struct NotFound: Error { let program: String }

    /// - Parameters:
    ///   - program: a path, or a name that is looked for as the shell does.
    ///   - input: for its standard input, which is closed then.
    ///   - file: for its standard input instead, as it is.
    /// - Throws: `NotFound`, or what Foundation throws.
    static func run(
        _ program: String, _ arguments: [String], input: String = "", file: FileHandle? = nil
    ) throws -> Ended {
        guard let path = path(of: program) else { throw NotFound(program: program) }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        let (output, messages) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = messages
        let feed = file == nil ? Pipe() : nil
        process.standardInput = file ?? feed
        try process.run()
        let said = Mutex(Data())
        let reader = DispatchQueue(label: "messages")
        reader.async {
            let data = (try? messages.fileHandleForReading.readToEnd()) ?? Data()  // no words then
            said.withLock { $0 = data }
        }
        if let feed {
            do {
                try feed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
                try feed.fileHandleForWriting.close()
            } catch {
                // It ended without reading everything: its status says why.
            }
        }
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        reader.sync {}
        let text = String(decoding: said.withLock { $0 }, as: UTF8.self)
        return Ended(
            status: process.terminationStatus, output: String(decoding: data, as: UTF8.self),
            messages: text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    static func path(of program: String) -> String? {
        if program.contains("/") { return FileManager.default.isExecutableFile(atPath: program) ? program : nil }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
