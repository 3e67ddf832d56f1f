import RunSpec

/// Names that people read: what sets a job apart in its sweep, its seed, and the beginning of its id, which
/// makes the name its own wherever it lands. `dim8-lr0.0005-s1-3fa9c1`: letters, digits, `.`, `_` and `-`.
///
/// A job keeps the name under which it was first launched.
package struct JobNames {
    /// Of what sets jobs apart, in letters.
    private static let longest = 48

    private let plan: SweepPlan
    /// Parameters that differ between the plan's points.
    private let varying: [String]
    private let hasSeeds: Bool

    package init(_ plan: SweepPlan) {
        self.plan = plan
        let all = Set(plan.configurations.flatMap { $0.given.keys })
        let varying = all.filter { name in
            let first = plan.configurations.first?.given[name] ?? .null
            return plan.configurations.contains { $0.given[name] ?? .null != first }
        }
        // What is most telling first.
        let first = ["algorithm", "config"].filter(varying.contains)
        self.varying = first + varying.subtracting(first).sorted()
        hasSeeds = Set(plan.jobs.map(\.seed)).count > 1
    }

    /// The names of the plan's jobs, in its order.
    package func all() throws(SweepModelError) -> [String] {
        var names: [String] = []
        var seen: Set<String> = []
        // Of a sweep of many jobs each value is some word of many names.
        var known: [String: [ParameterValue: String]] = [:]
        for job in plan.jobs {
            let words = try words(of: job, &known)
            var name = words + job.id.text.prefix(6)
            if !seen.insert(name).inserted {
                name = words + job.id.short
                seen.insert(name)
            }
            names.append(name)
        }
        return names
    }

    private func words(
        of job: PlannedJob, _ known: inout [String: [ParameterValue: String]]
    ) throws(SweepModelError) -> String {
        let given = plan.configurations[job.configuration].given
        var text = ""
        for name in varying {
            guard let value = given[name], !value.isNull else { continue }
            let word: String
            if let one = known[name]?[value] {
                word = one
            } else {
                word = Self.word(name, try CommandTemplate.text(of: value))
                known[name, default: [:]][value] = word
            }
            if text.utf8.count + word.utf8.count < Self.longest { text += word + "-" }
        }
        return hasSeeds ? text + "s\(job.seed)-" : text
    }

    /// `dim8`, `lokr`, `conv_dim4`: of a path the last part, of a value that is a word the value alone, of a
    /// path in the file system the file's name.
    private static func word(_ name: String, _ value: String) -> String {
        let key = name.split(separator: ".").last.map(String.init) ?? name
        let file = value.split(separator: "/").last.map(String.init) ?? value
        let isWord = value.first?.isLetter == true && value != "true" && value != "false"
        return safe(isWord ? file : key + file)
    }

    private static func safe(_ text: String) -> String {
        String(text.prefix(24).map { $0.isASCII && ($0.isLetter || $0.isNumber || "._".contains($0)) ? $0 : "_" })
    }
}
