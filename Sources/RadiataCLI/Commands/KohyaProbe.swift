import Foundation
import RunSpec
import SweepFile
import SweepModel

/// Asks sd-scripts itself what it thinks of a sweep's settings: keys of its TOML files are taken without a
/// word, options of its command line are not. With `--output_config` it writes what it understood, and ends.
struct KohyaProbe {
    let sweep: SweepFile

    /// What it says of the first job; nil where the trainer is another, or is not installed here.
    ///
    /// - Throws: `CommandFailure` where the settings cannot be made; `CocoaError` where nothing can be run.
    func findings() throws -> [String]? {
        guard let trainer = sweep.definition.trainer.command, trainer.name == "kohya",
            let script = trainer.values?["script"], FileManager.default.fileExists(atPath: script),
            let options = try options()
        else { return nil }
        let folder = FileManager.default.temporaryDirectory.appending(path: "radiata-probe-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            do {
                try FileManager.default.removeItem(at: folder)
            } catch {
                Console.note("warning: \(folder.path) stays: \(error)")
            }
        }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            [Self.python(trainer), script] + options
            + ["--config_file", folder.appending(path: "config.toml").path, "--output_config"]
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus != 0 else { return [] }
        let lines = text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        // argparse says in its last line what is wrong.
        let last = lines.last { $0.contains("error:") } ?? lines.last { !$0.isEmpty } ?? "nothing"
        return ["\(script), asked with the settings of the first job, says: \(last)"]
    }

    /// Every key of the file as an option, with the first job's values.
    private func options() throws -> [String]? {
        do {
            return try sweep.firstConfiguration()?.flatMap { try Self.option($0.key, $0.value) }
        } catch let error as SweepFileError {
            throw CommandFailure(.usage, error.description)
        }
    }

    /// `--key value`; a list is several values, a flag stands where it is true.
    private static func option(_ key: String, _ value: ParameterValue) throws -> [String] {
        switch value {
        case .null: return []
        case .flag(let isSet): return isSet ? ["--\(key)"] : []
        case .list(let items): return try ["--\(key)"] + items.map { try CommandTemplate.text(of: $0) }
        default: return ["--\(key)", try CommandTemplate.text(of: value)]
        }
    }

    /// The one of the environment that `accelerate` belongs to.
    private static func python(_ trainer: CommandTrainer) -> String {
        guard let accelerate = trainer.values?["accelerate"], accelerate.hasPrefix("/"),
            let slash = accelerate.lastIndex(of: "/")
        else { return "python3" }
        return accelerate[..<slash] + "/python"
    }
}
