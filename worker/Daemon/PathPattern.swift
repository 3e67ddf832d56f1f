import Glibc

/// Which files match a glob, by the C library's rules.
enum PathPattern {
    /// Sorted paths of files and folders; links are not followed out of `root`.
    static func matches(_ pattern: String, below root: String) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, GLOB_NOSORT, nil, &result) == 0 else { return [] }
        var paths: [String] = []
        for index in 0..<Int(result.gl_pathc) {
            guard let text = result.gl_pathv[index] else { continue }
            let path = String(cString: text)
            guard let real = realpath(path, nil) else { continue }
            defer { free(real) }
            if String(cString: real).hasPrefix(root + "/") { paths.append(path) }
        }
        return paths.sorted()
    }
}
