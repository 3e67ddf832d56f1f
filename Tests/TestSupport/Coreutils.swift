import Foundation

/// What the programs of coreutils say of a file: an oracle that is not this code.
package enum Coreutils {
    /// The program could not be asked, or refused.
    package struct Failed: Error { package let message: String }

    /// SHA-256 of a file's content, 64 hexadecimal digits, by `sha256sum`.
    ///
    /// - Throws: ``Failed``, or Foundation's error where the program cannot be started.
    package static func sha256(_ path: String) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/sha256sum")
        process.arguments = [path]
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(message: "sha256sum refused \(path)") }
        return String(text.prefix { $0 != " " })
    }
}
