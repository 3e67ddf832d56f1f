import Foundation

/// Finds what ships with the program: in the working directory, beside the program, or above its build
/// folder.
enum ShippedFiles {
    static func path(_ relative: String) throws -> String {
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var folder = URL(filePath: program).deletingLastPathComponent()
        var tried = [relative]
        if FileManager.default.fileExists(atPath: relative) { return relative }
        for _ in 0..<5 {
            let candidate = folder.appending(path: relative).path
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
            tried.append(candidate)
            folder = folder.deletingLastPathComponent()
        }
        throw CommandFailure(
            .notFound,
            "\(relative) is not here, nor beside the program; run this in the project's folder, or name the file")
    }
}
