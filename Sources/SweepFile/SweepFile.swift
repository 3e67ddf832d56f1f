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
        let found = try decode(text, name: name, inputs: recording) { definition throws(ExpansionFaults) in
            try definition.plan()
        }
        let recorded = recording.recorded
        let bundle = LaunchBundle(
            fileName: name, text: text, files: recorded.files, inputs: recorded.inputs)
        return SweepFile(
            definition: found.definition, plan: found.expanded, bundle: bundle, configKeys: found.configKeys)
    }

    private static func decode<Expanded>(
        _ text: String, name: String, inputs: any SweepInputs,
        expand: (SweepDefinition) throws(ExpansionFaults) -> Expanded
    ) throws(SweepFileError) -> (definition: SweepDefinition, expanded: Expanded, configKeys: Set<String>) {
        let root = try YAMLReader.read(text, file: name)
        var decoder = SweepFileDecoder(file: name, inputs: inputs)
        let definition = decoder.sweep(root)
        decoder.checkSettings(definition)
        var expanded: Expanded?
        // Points are looked at even if something else is wrong: all faults at once.
        if !definition.groups.isEmpty {
            do {
                expanded = try expand(definition)
            } catch {
                let here = error.faults.map { fault in
                    SweepFault(file: name, mark: fault.mark ?? root.mark, message: fault.message)
                }
                decoder.addExpansionFaults(here)
            }
        }
        guard decoder.faults.isEmpty, let expanded else {
            throw SweepFileError(code: .invalid, faults: decoder.faults)
        }
        return (definition, expanded, decoder.configKeys)
    }

    /// What a client posted, without the ids of its jobs (``SweepOutline``).
    ///
    /// - Throws: `SweepFileError` with every fault.
    package static func outline(
        _ bundle: LaunchBundle
    ) throws(SweepFileError) -> (definition: SweepDefinition, outline: SweepOutline) {
        let found = try decode(
            bundle.text, name: bundle.fileName, inputs: BundledSweepInputs(bundle)
        ) { definition throws(ExpansionFaults) in try definition.outline() }
        var definition = found.definition
        if let priority = bundle.priority { definition.priority = priority }
        return (definition, found.expanded)
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
