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
