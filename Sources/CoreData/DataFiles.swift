import Glibc
import RunSpec

/// Files of data sets, by the bytes of their names. It sees what the digest of the folder sees
/// (`InputPath.isLeftOut`), so that a set is the same where it lies and where it was shipped to.
enum DataFiles {
    /// Names in a folder; without hidden ones, litter, and links that lead nowhere.
    static func names(in path: String, what: String) throws -> [String] {
        guard let folder = opendir(LocalPath.terminated(path)) else {
            throw DataError(
                code: .missing, message: "\(shown(path)): this \(what) cannot be read; check the path")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { LocalPath.text($0.prefix { $0 != 0 }) }
            guard !InputPath.isLeftOut(name), kind("\(path)/\(name)") != nil else { continue }
            names.append(name)
        }
        // Names that only their normalisation tells apart are equal as text.
        return names.sorted { $0 == $1 ? $0.utf8.lexicographicallyPrecedes($1.utf8) : $0 < $1 }
    }

    static func isFolder(_ path: String) -> Bool { kind(path) == S_IFDIR }

    static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(LocalPath.terminated(path), &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    static func exists(_ path: String) -> Bool { kind(path) != nil }

    static func read(_ path: String) throws -> [UInt8] {
        func fault() -> DataError {
            DataError(
                code: .missing, message: "\(shown(path)): cannot be read (\(String(cString: strerror(errno))))")
        }
        guard kind(path) == S_IFREG else {
            throw DataError(code: .malformed, message: "\(shown(path)): not a regular file; replace or remove it")
        }
        let file = open(LocalPath.terminated(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw fault() }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw fault() }
        let size = Int(status.st_size)
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            while filled < size {
                let count = Glibc.read(file, buffer.baseAddress?.advanced(by: filled), size - filled)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw fault() }
                if count == 0 { break }
                filled += count
            }
        }
    }

    /// UTF-8 with or without a byte-order mark.
    static func text(_ path: String) throws -> (text: String, hadMark: Bool) {
        let bytes = try read(path)
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        guard let text = String(validating: bytes.dropFirst(hasMark ? 3 : 0), as: UTF8.self) else {
            throw DataError(
                code: .malformed, message: "\(shown(path)): cannot be read as UTF-8 text; save it as UTF-8")
        }
        return (text, hasMark)
    }

    /// The path as people and JSON see it.
    static func shown(_ path: String) -> String { InputPath.text(LocalPath.bytes(path)) }

    /// What follows the last dot, in lower case.
    static func ending(_ name: String) -> String {
        name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]).lowercased() } ?? ""
    }

    static func stem(_ name: String) -> String { name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name }

    private static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return stat(LocalPath.terminated(path), &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
