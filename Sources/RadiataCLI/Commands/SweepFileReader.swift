import CoreData
import Foundation
import Ports
import SweepFile
import SweepModel
import Synchronization

/// Reads sweep files from disk; inputs are found, digested and looked at as the file names them.
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

        /// The folder has changed since.
        func forget(_ path: String) { trees.withLock { $0[path] = nil } }

        subscript(path: String) -> TreeDigest? { trees.withLock { $0[path] } }
    }

    let digest: Inputs
    /// Whose file it is; ours if left out.
    var foreign: ForeignOptions?
    /// Gets what was found of the data, a line at a time.
    var report: (String) -> Void = Console.note

    /// - Throws: `CommandFailure` with exit code 2 and every fault of the file, or of the data it names.
    func read(_ path: String) throws -> SweepFile {
        var bytes: [UInt8]
        do {
            bytes = try DiskFiles().read(path, limit: SweepText.largestFile)
        } catch let error as PortsError {
            throw CommandFailure(.usage, "\(path): \(error.message)")
        }
        if let foreign { bytes = try foreign.converted(bytes, path, report: report) }
        let first = try expand(bytes, path, generations: nil)
        guard first.definition.trainer.isCore || first.definition.evaluation != nil else { return first }
        if first.plan.edits(by: first.definition.trainer) {
            try lookAtEdits(first, path)
            return first
        }
        let sweep: SweepFile
        var data = try DataInspection(first.definition)
        if data.completeConcepts() {
            for place in [first.definition.data?.path, first.definition.regData?.path] { place.map(digest.forget) }
            data = try DataInspection(first.definition)
        }
        let inspected = data
        sweep = try expand(bytes, path) { kind, _ in inspected.generations(kind) }
        for warning in data.warnings { report("warning: \(warning)") }
        DataSummary(data, sweep).lines.forEach(report)
        return sweep
    }

    /// The pictures of a sweep that edits, before anything runs.
    private func lookAtEdits(_ sweep: SweepFile, _ path: String) throws {
        guard let data = sweep.definition.data?.path else { return }
        do {
            let folder = try EditFolder(path: data)
            for warning in try folder.lookAtImages() { report("warning: \(warning)") }
            let drawn = folder.entries.count { $0.image == nil }
            report(
                "\(folder.entries.count) pictures to edit"
                    + (drawn > 0 ? ", \(drawn) of them drawn by the base" : ""))
        } catch {
            throw CommandFailure(.usage, "\(path): the pictures cannot be edited (bad-config): \(error.message)")
        }
    }

    /// A text that was made here; `name` stands for its file.
    func read(text: String, name: String) throws -> SweepFile { try expand(Array(text.utf8), name, generations: nil) }

    private func expand(
        _ bytes: [UInt8], _ path: String, generations: ((InputKind, String) throws -> InputGenerations?)?
    ) throws -> SweepFile {
        let inputs = LocalSweepInputs(
            sweepFile: path, workingDirectory: FileManager.default.currentDirectoryPath, digest: digest.digest,
            generations: generations)
        do {
            return try SweepFile.read(try SweepText.decode(bytes, file: path), name: path, inputs: inputs)
        } catch {
            let count = error.faults.count
            throw CommandFailure(
                .usage, "\(path) is refused, \(count) fault\(count == 1 ? "" : "s"):\n\(error.description)")
        }
    }
}
