import ArgumentParser
import Foundation
import SweepFile
import SweepModel

/// Sweep files of other tools, which are read as if they were ours.
struct ForeignOptions: ParsableArguments {
    enum Tool: String, CaseIterable, ExpressibleByArgument { case wandb }

    @Option(help: "The file is a sweep file of another tool: wandb.")
    var from: Tool?

    @Option(help: "Runs of a random search of W&B, as for its agent; run_cap of the file if left out.")
    var count: Int?

    /// The text of our own sweep file.
    ///
    /// - Throws: `CommandFailure` with exit code 2 and every fault.
    func converted(_ bytes: [UInt8], _ path: String, report: (String) -> Void) throws -> [UInt8] {
        guard from != nil else {
            if count != nil { throw CommandFailure(.usage, "--count belongs to --from wandb") }
            return bytes
        }
        if let count, count < 1 { throw CommandFailure(.usage, "--count \(count): wanted at least 1") }
        let whole = Paths.expanded(path)
        let file = URL(filePath: whole)
        do {
            let sweep = try WandbSweep(
                try SweepText.decode(bytes, file: path), file: path,
                WandbSweep.Surroundings(
                    folder: file.deletingLastPathComponent().path, name: file.deletingPathExtension().lastPathComponent,
                    count: count, environment: ProcessInfo.processInfo.environment
                ) { FileManager.default.fileExists(atPath: $0) })
            for note in sweep.notes { report("note: \(note)") }
            return Array(sweep.text.utf8)
        } catch {
            let count = error.faults.count
            throw CommandFailure(
                .usage, "\(path) is refused, \(count) fault\(count == 1 ? "" : "s"):\n\(error.description)")
        }
    }
}
