import ConfigText
package import RunSpec
import SweepModel

extension SweepFile {
    /// For names that only a worker knows.
    private static let standIns = [
        "out": "/tmp/out", "name": "job", "seed": "1", "sweep": "sweep", "group": "group", "config": "config.toml",
        "master_port": "29500", "attempt": "1", "gpus": "0", "threads": "1",
    ]

    /// Every key of the first job's configuration file at the top, with what stands there in the end.
    ///
    /// - Returns: nil for a trainer without such a file.
    /// - Throws: `SweepFileError` for a file that cannot be changed so.
    package func firstConfiguration() throws(SweepFileError) -> [(key: String, value: ParameterValue)]? {
        guard let trainer = definition.trainer.command, let rule = trainer.config, let point = plan.configurations.first
        else { return nil }
        do {
            guard let source = try trainer.choosingConfig(point.parameters).config?.sources.first else { return nil }
            var document = try rule.document(of: source)
            let values = Self.standIns.merging(trainer.values ?? [:]) { $1 }
            for setting in try trainer.settings(given: point.parameters, values: values) {
                guard let path = ConfigPath(setting.path) else { continue }
                if setting.isDefault, document.value(at: path) != nil { continue }
                try document.set(path, setting.value)
            }
            return document.keys.sorted().compactMap { key in
                ConfigPath(key).flatMap { document.value(at: $0) }.map { (key: key, value: $0) }
            }
        } catch {
            throw SweepFileError(
                code: .invalid,
                faults: [SweepFault(file: bundle.fileName, mark: SourceMark(line: 1, column: 1), message: "\(error)")])
        }
    }
}
