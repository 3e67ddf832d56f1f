import GRDB
import Ports
package import SweepModel

extension Ledger {
    /// The content list of an input.
    ///
    /// - Parameter digest: the input's, as text.
    /// - Throws: `LedgerError` `notFound` for an unknown input, `unreadable` for one whose list cannot be
    ///   right.
    package func input(_ digest: String) async throws -> InputList {
        try await read { db in
            guard let row = try db.first("SELECT name, is_folder FROM input WHERE digest = ?", [digest]) else {
                throw LedgerError(.notFound, "no input \(digest) was launched here")
            }
            let files = try db.all(
                "SELECT path, sha256, bytes FROM input_file WHERE input = ? ORDER BY path", [digest]
            ).map { file in
                guard let content = ContentDigest(file["sha256"] as String) else {
                    throw LedgerError(.unreadable, "input \(digest) has an unreadable digest")
                }
                return TreeFile(path: file["path"], size: file["bytes"], sha256: content)
            }
            let isFolder: Bool = row["is_folder"]
            guard isFolder || files.count == 1 else {
                throw LedgerError(.unreadable, "input \(digest) is a file, but has \(files.count)")
            }
            return InputList(
                name: row["name"], tree: isFolder ? TreeDigest(folder: files) : TreeDigest(file: files[0]))
        }
    }
}
