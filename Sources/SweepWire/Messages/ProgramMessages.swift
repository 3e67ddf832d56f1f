import Glibc

/// The program that the coordinator runs, as workers take it.
package struct ProgramResponse: Codable, Equatable, WireResponse {
    /// For people: number and commit.
    package var version: String
    /// System and processor that it is for: `Linux x86_64`.
    package var platform: String
    /// SHA-256 of the program itself: two programs of one digest are one build.
    package var sha256: String
    /// The program, what it needs beside it, and the libraries it came with.
    package var files: [ProgramFile]

    package init(version: String, platform: String, sha256: String, files: [ProgramFile]) {
        self.version = version
        self.platform = platform
        self.sha256 = sha256
        self.files = files
    }

    /// What `uname -sm` says here.
    package static func platform() -> String {
        var names = utsname()
        guard uname(&names) == 0 else { return "" }
        func text<Field>(_ field: Field) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        return "\(text(names.sysname)) \(text(names.machine))"
    }
}

package struct ProgramFile: Codable, Equatable, Sendable {
    /// Name of the program's own file.
    package static let program = "radiata"

    /// `radiata`, `radiata-query`, or a library: `lib/NAME`.
    package var path: String
    package var sha256: String
    package var bytes: Int64

    package init(path: String, sha256: String, bytes: Int64) {
        self.path = path
        self.sha256 = sha256
        self.bytes = bytes
    }

    /// Whether the path is one that a program may have.
    package var isSafe: Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = parts.last ?? ""
        let isPlain =
            !name.isEmpty && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "/") }
        return isPlain && (parts.count == 1 || (parts.count == 2 && parts[0] == "lib"))
    }
}

extension ProgramResponse {
    package static var content: WireContent {
        let file = WireSchema.object(["path": .text, "sha256": .sha256, "bytes": .integer(0)])
        return .json(
            .object(["version": .text, "platform": .text, "sha256": .sha256, "files": .array(file)]))
    }
}
