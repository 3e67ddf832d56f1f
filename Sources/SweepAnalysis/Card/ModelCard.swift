import Foundation
package import RunSpec

/// What stands beside an adapter that is taken home: what it is, where it comes from, how good it is and how
/// sure that is, and how to use it. A README in the form that Hugging Face reads (YAML front matter).
package struct ModelCard: Equatable, Sendable {
    /// A base or a data set: its place on the machine that launched, and its content.
    package struct Origin: Equatable, Sendable {
        package var path: String
        package var digest: String

        package init(path: String, digest: String) {
            self.path = path
            self.digest = digest
        }

        /// The last part of the path.
        var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    }

    /// A word that calls a concept, and what the base knows nearest to it.
    package struct Trigger: Equatable, Sendable {
        /// Empty for none.
        package var word: String
        package var className: String

        package init(word: String, className: String) {
            self.word = word
            self.className = className
        }

        package var prompt: String { [word, className].filter { !$0.isEmpty }.joined(separator: " ") }
    }

    /// What the adapter was trained from instead of the bare base.
    package struct Lineage: Equatable, Sendable {
        /// A sentence.
        package var text: String

        package init(text: String) { self.text = text }
    }

    package var name: String
    package var sweep: String
    package var job: String
    package var checkpoint: String
    package var epoch: Int
    package var step: Int
    package var seed: Int
    /// What the sweep file set.
    package var given: [String: ParameterValue]
    /// With everything filled in.
    package var parameters: [String: ParameterValue]
    package var base: Origin?
    package var data: Origin?
    package var triggers: [Trigger] = []
    /// Names of files beside the card and their SHA-256.
    package var files: [(name: String, sha256: String)] = []
    /// A picture beside the card; nil for none.
    package var sheet: String?
    /// The sweep's answer; nil where nothing was measured.
    package var answer: SweepAnswer?
    /// What this very job measured at this checkpoint.
    package var results: [SweepResult] = []
    package var lineage: Lineage?
    /// Whether readers of plain LoRA files take it.
    package var isPlainLoRA = false
    /// Trained by the program's own core, so that its parameters have a known meaning.
    package var isCore = true
    package var program = ""

    package init(
        name: String, sweep: String, job: String, checkpoint: String, epoch: Int, step: Int, seed: Int,
        given: [String: ParameterValue], parameters: [String: ParameterValue]
    ) {
        self.name = name
        self.sweep = sweep
        self.job = job
        self.checkpoint = checkpoint
        self.epoch = epoch
        self.step = step
        self.seed = seed
        self.given = given
        self.parameters = parameters
    }

    package static func == (a: Self, b: Self) -> Bool { a.markdown() == b.markdown() }

    /// The row of the answer that the adapter's job belongs to.
    package var row: SweepAnswer.Row? { answer?.rows.first { $0.jobs.contains(job) } }

    var algorithm: String? { parameters["algorithm"]?.text }
    var place: String { epoch > 0 ? "epoch \(epoch), step \(step)" : "step \(step)" }

    package func markdown() -> String {
        var parts = [frontMatter, "# \(name)", introduction]
        if let sheet { parts.append("![Images of this adapter](\(Self.link(sheet)))") }
        parts += [triggerSection, standing, measures, settings, use, provenance].compactMap { $0 }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private var frontMatter: String {
        var lines = ["---"]
        if let base { lines.append("base_model: \(Self.quoted(base.name))") }
        lines.append("pipeline_tag: text-to-image")
        if isPlainLoRA { lines.append("library_name: diffusers") }
        if let prompt = triggers.first?.prompt, !prompt.isEmpty {
            lines.append("instance_prompt: \(Self.quoted(prompt))")
        }
        lines.append("tags:")
        lines += (["radiata", "text-to-image"] + [algorithm].compactMap { $0 }).map { "  - \(Self.quoted($0))" }
        return (lines + ["---"]).joined(separator: "\n")
    }

    private var introduction: String {
        let kind = algorithm.map { "\(Self.article($0)) \($0) adapter" } ?? "An adapter"
        let base = base.map { " for the base model `\($0.name)`" } ?? ""
        let data = data.map { ", trained on `\($0.name)`" } ?? ""
        return "\(kind)\(base)\(data): checkpoint `\(checkpoint)` (\(place)) of job `\(job.prefix(12))`, seed \(seed), "
            + "of the sweep `\(sweep)`." + (lineage.map { " " + $0.text } ?? "")
    }

    private var triggerSection: String? {
        let called = triggers.filter { !$0.prompt.isEmpty }
        guard !called.isEmpty else { return nil }
        let lines = called.map { trigger in
            trigger.word.isEmpty
                ? "- no trigger word; the concept is called \(Self.code(trigger.className))"
                : "- \(Self.code(trigger.word)), before the class word: \(Self.code(trigger.prompt))"
        }
        return "## Trigger words\n\n" + lines.joined(separator: "\n")
    }

    /// A name with a line end or a fence in it would be read as text of the card.
    static func code(_ text: String) -> String {
        "`" + text.replacing("`", with: "'").replacing("\n", with: " ") + "`"
    }

    static func link(_ name: String) -> String {
        name.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? name
    }

    /// As JSON, which YAML reads.
    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case _ where scalar.value < 0x20: String(format: "\\u%04x", scalar.value)
            default: String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }

    private static func article(_ word: String) -> String {
        word.first.map { "aeiou".contains($0) } == true ? "An" : "A"
    }
}
