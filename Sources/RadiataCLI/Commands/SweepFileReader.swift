import Foundation
import Ports
import SweepFile
import SweepModel
import Synchronization

/// Reads sweep files from disk; inputs are found and digested as the file names them.
struct SweepFileReader {
    /// Content lists of the inputs met, by absolute path.
    final class Inputs: Sendable {
        private let trees = Mutex<[String: TreeDigest]>([:])

        static var lookedUp: Inputs { Inputs() }

        func digest(_ path: String) throws -> ContentDigest {
            if let known = trees.withLock({ $0[path] }) { return known.digest }
            let tree = try TreeDigest.compute(path)
            trees.withLock { $0[path] = tree }
            return tree.digest
        }

        subscript(path: String) -> TreeDigest? { trees.withLock { $0[path] } }
    }

    let digest: Inputs

    /// - Throws: `CommandFailure` with exit code 2 and every fault of the file.
    func read(_ path: String) throws -> SweepFile {
        let text: String
        do {
            text = try DiskFiles().readText(path, limit: 1 << 20)
        } catch let error as PortsError {
            throw CommandFailure(.usage, "\(path): \(error.message)")
        }
        let inputs = LocalSweepInputs(
            sweepFile: path, workingDirectory: FileManager.default.currentDirectoryPath, digest: digest.digest)
        do {
            return try SweepFile.read(text, name: path, inputs: inputs)
        } catch {
            let count = error.faults.count
            throw CommandFailure(
                .usage, "\(path) is refused, \(count) fault\(count == 1 ? "" : "s"):\n\(error.description)")
        }
    }
}
