package import SweepModel

/// A sweep file read: what it says and what it expands to.
package struct SweepFile: Sendable {
    package let definition: SweepDefinition
    package let plan: SweepPlan
    /// The text and everything it refers to, ready to be posted.
    package let bundle: LaunchBundle
    /// Keys that the trainer's configuration file may have; empty where its profile does not say.
    package let configKeys: Set<String>

    /// Decodes and expands a sweep file.
    ///
    /// - Parameters:
    ///   - name: the file's name in messages.
    /// - Throws: `SweepFileError` with every fault; a syntax fault alone.
    package static func read(_ text: String, name: String, inputs: any SweepInputs) throws(SweepFileError) -> SweepFile
    {
        let recording = RecordingSweepInputs(inputs)
        let root = try YAMLReader.read(text, file: name)
        var decoder = SweepFileDecoder(file: name, inputs: recording)
        let definition = decoder.sweep(root)
        decoder.checkSettings(definition)
        var plan: SweepPlan?
        // Points are looked at even if something else is wrong: all faults at once.
        if !definition.groups.isEmpty {
            do {
                plan = try definition.plan()
            } catch {
                let here = error.faults.map { fault in
                    SweepFault(file: name, mark: fault.mark ?? root.mark, message: fault.message)
                }
                decoder.addExpansionFaults(here)
            }
        }
        guard decoder.faults.isEmpty, let plan else {
            throw SweepFileError(code: .invalid, faults: decoder.faults)
        }
        let recorded = recording.recorded
        let bundle = LaunchBundle(
            fileName: name, text: text, files: recorded.files, inputs: recorded.inputs)
        return SweepFile(definition: definition, plan: plan, bundle: bundle, configKeys: decoder.configKeys)
    }

    /// The same, from what a client posted: no file system is touched.
    package static func read(_ bundle: LaunchBundle) throws(SweepFileError) -> SweepFile {
        let file = try read(bundle.text, name: bundle.fileName, inputs: BundledSweepInputs(bundle))
        guard let priority = bundle.priority else { return file }
        var definition = file.definition
        definition.priority = priority
        return SweepFile(definition: definition, plan: file.plan, bundle: bundle, configKeys: file.configKeys)
    }
}
