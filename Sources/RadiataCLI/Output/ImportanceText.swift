import SweepAnalysis

/// For people: sentences, then tables.
struct ImportanceText {
    let found: [Importance]
    let statements: [PaperStatement]

    init(_ found: [Importance], _ statements: [PaperStatement]) {
        self.found = found
        self.statements = statements
    }

    var text: String {
        var parts = found.filter { !$0.isEmpty || $0.treesMissing != nil }.map { importance in
            let table = ImportanceTable([importance]).forPeople
            return ([importance.criterion.title] + importance.words + (table.isEmpty ? [] : ["", table]))
                .joined(separator: "\n")
        }
        if parts.isEmpty { parts = ["Nothing can be said yet: too little was measured, or nothing was varied."] }
        if !statements.isEmpty {
            let told = statements.map { statement in
                let head = "\(statement.number). \(statement.claim) \(statement.verdict.rawValue.uppercased())."
                return ([head] + statement.parts.map { "   - \($0.text)" } + statement.notes.map { "   \($0)" })
                    .joined(separator: "\n")
            }
            parts.append((["The LyCORIS paper's findings", statements.summary] + told).joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n")
    }
}

/// One row a feature, an effect of a grid, or a single change.
struct ImportanceTable {
    let found: [Importance]

    init(_ found: [Importance]) { self.found = found }

    private struct Row {
        var measure: String
        var kind: String
        var name: String
        var value: Double
        var low: Double?
        var high: Double?
        var share: Double?
    }

    private var rows: [Row] {
        found.flatMap { importance -> [Row] in
            let measure = importance.criterion.name
            let features = (importance.trees?.features ?? []).map {
                Row(measure: measure, kind: "shap", name: $0.name, value: $0.size)
            }
            let grids = importance.grids.flatMap { grid in
                grid.design.effects.sorted { $0.deviation > $1.deviation }.map { effect in
                    Row(
                        measure: measure, kind: "grid",
                        name: (grid.algorithm.map { "\($0): " } ?? "") + grid.name(effect),
                        value: effect.deviation, low: effect.low, high: effect.high, share: effect.share)
                }
            }
            let changes = importance.effects.map { effect in
                Row(
                    measure: measure, kind: "change",
                    name: (effect.group.isEmpty ? "" : "\(effect.group): ") + effect.change,
                    value: effect.effect.value, low: effect.effect.low, high: effect.effect.high)
            }
            return features + grids + changes
        }
    }

    func rendered(as format: OutputFormat) throws -> String {
        var table = TextTable(columns: ["measure", "kind", "name", "value", "low", "high", "share"])
        func cell(_ value: Double?) -> TextTable.Cell { value.map { .number($0) } ?? .none }
        table.rows = rows.map { row in
            [
                .text(row.measure), .text(row.kind), .text(row.name), .number(row.value), cell(row.low), cell(row.high),
                cell(row.share),
            ]
        }
        return try table.rendered(as: format)
    }

    /// Without the measure; the kinds in words.
    var forPeople: String {
        let kinds = ["shap": "mean |Shapley|", "grid": "grid, deviation", "change": "single change"]
        var table = TextTable(columns: ["what", "of", "value", "90 % interval", "share"])
        table.rows = rows.map { row in
            let interval = row.low.flatMap { low in
                row.high.map { "\(NumberWords.text(low)) to \(NumberWords.text($0))" }
            }
            return [
                .text(kinds[row.kind] ?? row.kind), .text(row.name), .text(NumberWords.text(row.value)),
                .text(interval ?? ""), .text(row.share.map(NumberWords.percent) ?? ""),
            ]
        }
        guard !table.rows.isEmpty else { return "" }
        // Only JSON can be refused.
        return (try? table.rendered(as: .table)) ?? ""
    }
}
