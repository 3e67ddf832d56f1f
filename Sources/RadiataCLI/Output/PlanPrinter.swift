import RunSpec
package import SweepModel

/// Prints an expanded sweep row by row: a million of them take seconds, and no more memory than the plan
/// itself.
package struct PlanPrinter {
    private let plan: SweepPlan
    /// Jobs in the order of their configurations; those of configuration `c` are `jobs[starts[c]..<starts[c +
    /// 1]]`.
    private let jobs: [Int32]
    private let starts: [Int32]
    /// Gets each piece of text, line ends included.
    private let write: (String) -> Void

    /// Rows that are looked at to decide how wide the last column is ruled.
    private static let measuredRows = 1000

    package init(_ plan: SweepPlan, write: @escaping (String) -> Void) {
        self.plan = plan
        self.write = write
        // Counted, not searched: as many steps as there are jobs.
        var starts = [Int32](repeating: 0, count: plan.configurations.count + 1)
        for job in plan.jobs { starts[job.configuration + 1] += 1 }
        for index in 1..<max(1, starts.count) { starts[index] += starts[index - 1] }
        var next = starts
        var jobs = [Int32](repeating: 0, count: plan.jobs.count)
        for (index, job) in plan.jobs.enumerated() {
            jobs[Int(next[job.configuration])] = Int32(index)
            next[job.configuration] += 1
        }
        self.starts = starts
        self.jobs = jobs
    }

    // MARK: For people: one row a configuration

    package func table() {
        var summary = ParameterSummary()
        let count = plan.configurations.count
        let numbers = max(1, String(count).count)
        let groups = max(5, plan.configurations.map(\.group.count).max() ?? 0)
        let seeds = max(5, plan.configurations.indices.map { seedsText($0).count }.max() ?? 0)
        let measured = plan.configurations.prefix(Self.measuredRows).map { summary.text($0.given).count }
        let parameters = max(10, measured.max() ?? 0)
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        write(
            "\(String(repeating: " ", count: numbers - 1))#  \(padded("group", groups))  \(padded("seeds", seeds))  parameters\n"
        )
        write(
            [numbers, groups, seeds, parameters].map { String(repeating: "─", count: $0) }.joined(separator: "  ")
                + "\n")
        for (index, configuration) in plan.configurations.enumerated() {
            let number = String(index + 1)
            var line = String(repeating: " ", count: numbers - number.count) + number
            line += "  \(padded(configuration.group, groups))  \(padded(seedsText(index), seeds))  "
            line += summary.text(configuration.given)
            write(line + "\n")
        }
    }

    private func seedsText(_ configuration: Int) -> String {
        let range = Int(starts[configuration])..<Int(starts[configuration + 1])
        if range.count == 1 { return String(plan.jobs[Int(jobs[range.lowerBound])].seed) }
        return range.map { String(plan.jobs[Int(jobs[$0])].seed) }.joined(separator: " ")
    }

    // MARK: For spreadsheets: one row a job, with a column for every parameter

    package func csv() {
        var known: Set<String> = []
        for configuration in plan.configurations { known.formUnion(configuration.given.keys) }
        let names = known.sorted()
        write(CSVText.line(["id", "group", "seed"] + names))
        for job in plan.jobs {
            let configuration = plan.configurations[job.configuration]
            let values = names.map { configuration.given[$0].map { TextTable.Cell($0).csv } ?? .none }
            write(
                CSVText.line(
                    [.text(job.id.text), .text(configuration.group), .integer(Int64(job.seed))] + values))
        }
    }

    // MARK: For scripts: one object

    /// - Parameter more: further members of the object as name and JSON, sorted by name and after "jobs".
    package func json(more: [(name: String, json: String)] = []) throws {
        write("{\n  \"checkpoints\" : \(plan.checkpointCount),\n")
        write("  \"configurations\" : \(plan.configurations.count),\n  \"jobs\" : [")
        for (index, job) in plan.jobs.enumerated() {
            let configuration = plan.configurations[job.configuration]
            var text = index == 0 ? "\n    {\n" : ",\n    {\n"
            text += "      \"group\" : \(try Self.json(.text(configuration.group))),\n"
            text += "      \"id\" : \"\(job.id.text)\",\n      \"parameters\" : {"
            for (place, name) in configuration.given.keys.sorted().enumerated() {
                text += place == 0 ? "\n" : ",\n"
                text += "        \(try Self.json(.text(name))) : \(try Self.json(configuration.given[name] ?? .null))"
            }
            text += configuration.given.isEmpty ? "},\n" : "\n      },\n"
            if job.provisional { text += "      \"provisional\" : true,\n" }
            write(text + "      \"seed\" : \(job.seed)\n    }")
        }
        write(plan.jobs.isEmpty ? "]" : "\n  ]")
        let members =
            more + [(name: "sweep", json: try Self.json(.text(plan.name.text))), (name: "version", json: "1")]
        for member in members { write(",\n  \(try Self.json(.text(member.name))) : \(member.json)") }
        write("\n}\n")
    }

    private static func json(_ value: ParameterValue) throws -> String { try CanonicalJSON.text(value) }
}

/// Parameters of many configurations on one line each: algorithm first, then by name. Neighbours have the
/// same names as a rule, which are then sorted once.
struct ParameterSummary {
    private var names: [String] = []

    mutating func text(_ parameters: [String: ParameterValue]) -> String {
        if names.count != parameters.count || !names.allSatisfy({ parameters[$0] != nil }) {
            names = parameters.keys.filter { $0 != "algorithm" }.sorted()
            if parameters["algorithm"] != nil { names.insert("algorithm", at: 0) }
        }
        var text = ""
        for name in names {
            guard let value = parameters[name] else { continue }
            if !text.isEmpty { text += " " }
            if name != "algorithm" {
                text += name
                text += "="
            }
            text += value.plain
        }
        return text
    }
}
