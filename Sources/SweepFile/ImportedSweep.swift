import RunSpec
import SweepModel

/// Writes the sweep file of a trainer's configuration file that works.
package struct ImportedSweep {
    private let config: TrainerConfig
    private let profile: String
    /// As the sweep file shall name the configuration file.
    private let reference: String
    private let values: [(name: String, text: String)]
    private let axes: [(name: String, values: String)]
    private let paths: [(path: String, absolute: String)]

    /// - Parameters:
    ///   - profile: nil for the trainer's own.
    ///   - values: texts for names of the profile, as `script`.
    ///   - axes: a name and its values between commas; with some, they make a grid.
    ///   - paths: what is set absolutely.
    package init(
        _ config: TrainerConfig, profile: String?, reference: String, values: [(name: String, text: String)],
        axes: [(name: String, values: String)], paths: [(path: String, absolute: String)]
    ) {
        self.config = config
        self.profile = profile ?? config.trainer.rawValue
        self.reference = reference
        self.values = values
        self.axes = axes.map { (config.fullName($0.name), $0.values) }
        self.paths = paths
    }

    /// - Parameter name: the sweep's.
    package func text(name: String) -> String {
        var lines = [
            "# Made of \(reference), a file of \(config.trainer.title). That file stays as it is: each job gets a",
            "# copy with its own values. 'radiata plan' shows the jobs, 'radiata check' what may not be meant.",
            "name: \(name)", "trainer:", "  profile: \(profile)", "  config: \(Self.quoted(reference))",
        ]
        lines += valueLines
        if !paths.isEmpty {
            lines.append(
                "  # A job runs in a folder of its own: what the file names from its place is written in full.")
            lines.append("  set:")
            lines += paths.map { "    \(Self.quoted($0.path)): \(Self.quoted($0.absolute))" }
        }
        lines.append(
            config.seed == nil
                ? "seeds: [42]" : "seeds: [\(config.seed ?? 42)]   # the file's; more of them show how far luck goes")
        lines.append("groups:")
        lines += axes.isEmpty ? openGroups : chosenGroups
        return lines.joined(separator: "\n") + "\n"
    }

    private var valueLines: [String] {
        var lines = ["  values:"]
        lines += values.map { "    \($0.name): \(Self.quoted($0.text))" }
        for (name, text) in config.trainer.places where !values.contains(where: { $0.name == name }) {
            lines.append(
                "    \(name): \(text)   # where it lies on the workers"
                    + (config.trainer == .kohya ? "; sdxl_… for SDXL" : ""))
        }
        for (name, text) in config.trainer.programs where !values.contains(where: { $0.name == name }) {
            lines.append("    # \(name): \(text)   # if it is not in the PATH")
        }
        return lines.count == 1 ? [] : lines
    }

    /// The file as it is, and axes that only wait for their '#' to go.
    private var openGroups: [String] {
        var lines = ["  - name: as-it-is", "    baseline: {}"]
        let suggestions = config.suggestions
        guard !suggestions.isEmpty else { return lines }
        lines.append("  # One of each: take away the '#' of this group and of the axes that you want.")
        lines.append("  # - name: grid")
        lines.append("  #   grid:")
        for (name, now, values) in suggestions {
            let list = values.map(Self.text).joined(separator: ", ")
            lines.append("  #     \(name): [\(list)]   # now \(Self.text(now))")
        }
        return lines
    }

    private var chosenGroups: [String] {
        ["  - name: grid", "    grid:"] + axes.map { "      \($0.name): [\($0.values)]" }
    }

    private static func text(_ value: ParameterValue) -> String {
        if let text = value.text { return quoted(text) }
        return value.description
    }

    /// Text that is plain in YAML as it is, or in quotes.
    static func quoted(_ text: String) -> String {
        let isPlain =
            text.first?.isLetter == true || text.first == "/"
            ? text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789_./-".unicodeScalars.contains($0))
            }
            : false
        let words = ["true", "false", "null", "yes", "no", "on", "off"]
        if isPlain, !words.contains(text.lowercased()) { return text }
        // Only numbers are refused.
        return (try? CanonicalJSON.text(.text(text))) ?? "\"\""
    }
}

/// A sweep of configuration files as they are: each is a job.
package struct QueuedSweep {
    private let configs: [TrainerConfig]
    private let profile: String
    private let values: [(name: String, text: String)]
    private let paths: (TrainerConfig) -> [(path: String, absolute: String)]

    /// - Parameters:
    ///   - configs: of one trainer.
    ///   - paths: what of a file is set absolutely.
    package init(
        _ configs: [TrainerConfig], profile: String, values: [(name: String, text: String)],
        paths: @escaping (TrainerConfig) -> [(path: String, absolute: String)]
    ) {
        self.configs = configs
        self.profile = profile
        self.values = values
        self.paths = paths
    }

    package func text(name: String) -> String {
        var names: [String] = []
        for config in configs {
            var own = config.name
            var number = 2
            while names.contains(own) {
                own = "\(config.name)-\(number)"
                number += 1
            }
            names.append(own)
        }
        var lines = ["name: \(name)", "trainer:", "  profile: \(profile)", "  config:", "    from:"]
        for (name, config) in zip(names, configs) {
            lines.append("      \(ImportedSweep.quoted(name)): \(ImportedSweep.quoted(config.path))")
        }
        if !values.isEmpty {
            lines.append("  values:")
            lines += values.map { "    \($0.name): \(ImportedSweep.quoted($0.text))" }
        }
        lines += ["groups:", "  - name: queue", "    list:"]
        for (name, config) in zip(names, configs) {
            var point = ["config: \(ImportedSweep.quoted(name))", "seed: \(config.seed ?? 42)"]
            // A parameter at its own path: other files of the queue may have another value there.
            point += paths(config).map { "\(ImportedSweep.quoted($0.path)): \(ImportedSweep.quoted($0.absolute))" }
            lines.append("      - { \(point.joined(separator: ", ")) }")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
