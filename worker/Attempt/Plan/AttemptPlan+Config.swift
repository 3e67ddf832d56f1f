import ConfigText
import RunSpec
import SweepModel
import SweepWire

/// The configuration file of a trainer that has one: what is set in it, and what it says.
extension AttemptPlan {
    /// The configuration file with everything set in it, and where it is written.
    static func config(
        _ trainer: CommandTrainer, _ given: [String: ParameterValue], _ values: [String: String],
        _ place: AttemptPlace
    ) throws -> (path: String, document: ConfigDocument)? {
        guard let rule = trainer.config, let source = rule.sources.first else { return nil }
        let path = try target(rule.targetPath, values, place)
        var values = values
        values["config"] = path
        guard let format = ConfigFormat(ofFile: source.from) else {
            throw WorkerError(.badJob, "config '\(source.from)' is none of .toml, .yaml, .yml, .json")
        }
        do {
            var document = try ConfigDocument(
                source.content, format: format, isFlat: rule.isFlat, pairs: Set(rule.pairs))
            for setting in try trainer.settings(given: given, values: values) {
                guard let path = ConfigPath(setting.path) else { throw ConfigFault("'\(setting.path)' is no path") }
                if setting.isDefault, document.value(at: path) != nil { continue }
                try document.set(path, setting.value)
            }
            return (path, document)
        } catch let fault as ConfigFault {
            throw WorkerError(.badJob, "config '\(source.from)': \(fault)")
        }
    }

    /// The configuration file with the numbers that count anew in each attempt: less what is done already.
    ///
    /// - Throws: ``WorkerError`` where nothing is left of one.
    static func remaining(
        _ document: ConfigDocument, _ trainer: CommandTrainer, _ resume: StoredCheckpoint?
    ) throws -> ConfigDocument {
        guard let resume else { return document }
        var document = document
        for item in trainer.remainder ?? [] {
            guard let path = ConfigPath(item.path), let whole = document.value(at: path)?.number else { continue }
            let done = item.counter == .step ? resume.step : resume.epoch
            guard whole > Double(done) else {
                throw WorkerError(
                    .badJob,
                    "\(item.path) is \(Int(whole)), and the training state is at \(item.counter.rawValue) \(done): "
                        + "nothing is left to train")
            }
            do {
                try document.set(path, .number(whole - Double(done)))
            } catch {
                throw WorkerError(.badJob, "remainder: \(error)")
            }
        }
        return document
    }

    /// A number, or one of the configuration file.
    static func target(of text: String, _ document: ConfigDocument?) -> Double? {
        if let number = Double(text) { return number }
        guard let path = ConfigPath(text), let value = document?.value(at: path) else { return nil }
        return value.number ?? value.text.flatMap(Double.init)
    }
}
