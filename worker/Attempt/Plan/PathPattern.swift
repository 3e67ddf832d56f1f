import Glibc

/// Which files match a glob, by the C library's rules.
package enum PathPattern {
    /// Matches in the order of their bytes: files, folders, and links wherever they lead.
    package static func matches(_ pattern: String) -> [BytePath] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, GLOB_NOSORT, nil, &result) == 0 else { return [] }
        var paths: [BytePath] = []
        for index in 0..<Int(result.gl_pathc) {
            if let text = result.gl_pathv[index] { paths.append(BytePath(text)) }
        }
        return paths.sorted()
    }

    /// What tells a match apart from others: its components from the first that the pattern leaves open, as
    /// one name. Files of two folders may be called alike.
    package static func ownName(of path: BytePath, in pattern: String) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        let parts = path.bytes.split(separator: slash)
        let patterns = pattern.utf8.split(separator: slash)
        guard parts.count == patterns.count, let open = patterns.firstIndex(where: isOpen) else { return path.name }
        return Array(parts[open...].joined(separator: [UInt8(ascii: "_")]))
    }

    /// Whether a component of a pattern has a wildcard.
    private static func isOpen(_ component: some Sequence<UInt8>) -> Bool {
        var isEscaped = false
        for byte in component {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if "*?[".utf8.contains(byte) {
                return true
            }
        }
        return false
    }

    /// Text that stands for itself inside a pattern.
    package static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            if "\\*?[".unicodeScalars.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
