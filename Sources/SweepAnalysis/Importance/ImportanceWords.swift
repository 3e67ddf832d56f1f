import RunSpec

/// What mattered, as sentences.
extension Importance {
    package var words: [String] {
        var words: [String] = []
        if let trees { words += Self.sentences(trees, criterion) }
        if let treesMissing { words.append(treesMissing) }
        for grid in grids { words.append(Self.sentence(grid, criterion)) }
        if !effects.isEmpty { words.append(Self.sentence(effects, criterion)) }
        if let note, !isEmpty { words.append(note) }
        return words
    }

    private static func sentences(_ trees: TreeImportance, _ criterion: Criterion) -> [String] {
        let rows = trees.total == trees.rows.count ? "\(trees.total)" : "\(trees.rows.count) of \(trees.total)"
        let values = "\(rows) value\(trees.total == 1 ? "" : "s") of \(trees.configurations) configurations"
        let fit =
            "Boosted trees over \(values) explain \(NumberWords.percent(trees.inSample)) of the variance of "
            + "\(criterion.title) that they were trained on"
        guard let cross = trees.crossValidated else {
            return [
                "\(fit). There are too few configurations to hold some of them out, so the plot explains nothing beyond "
                    + "these values."
            ]
        }
        let held =
            cross > 0
            ? "\(NumberWords.percent(cross)) in configurations that they had not seen"
            : "nothing in configurations that they had not seen (R² \(NumberWords.text(cross)))"
        switch trees.worth {
        case .nothing: return ["\(fit), and \(held): this plot explains nothing about other configurations."]
        case .little: return ["\(fit), and \(held): the plot explains little.", leaders(trees)]
        case .much: return ["\(fit), and \(held).", leaders(trees)]
        }
    }

    private static func leaders(_ trees: TreeImportance) -> String {
        let parts = trees.features.prefix(3).map { feature in
            "\(feature.name) (\(NumberWords.text(feature.size))\(direction(feature)))"
        }
        return "What moves it most, by mean size of the Shapley values: \(NumberWords.list(parts))."
    }

    private static let clearDirection = 0.5

    private static func direction(_ feature: TreeImportance.Feature) -> String {
        if let names = feature.names {
            let order = names.indices.sorted { (feature.means[$0], names[$1]) > (feature.means[$1], names[$0]) }
            guard let first = order.first, let last = order.last, first != last else { return "" }
            return ", highest for \(names[first]), lowest for \(names[last])"
        }
        guard let direction = feature.direction, abs(direction) >= clearDirection else {
            return ", not in one direction"
        }
        return direction > 0 ? ", up with it" : ", down with it"
    }

    private static func sentence(_ grid: GridImportance, _ criterion: Criterion) -> String {
        let design = grid.design
        let names = grid.factors.map(\.name).joined(separator: " × ")
        let whose = grid.algorithm.map { " of \($0)" } ?? ""
        let empty = design.emptyCells > 0 ? ", \(NumberWords.count(design.emptyCells)) of them empty," : ""
        let told = design.effects.sorted { $0.share > $1.share }.filter { $0.share >= 0.01 }.prefix(5).map { effect in
            "\(grid.name(effect)) \(NumberWords.percent(effect.share))"
        }
        let rest = design.rest >= 0.01 ? ", three factors and more together \(NumberWords.percent(design.rest))" : ""
        let noise =
            design.noise == nil
            ? " With one seed a cell it holds noise too, and has no intervals." : ""
        guard !told.isEmpty || !rest.isEmpty else {
            return "Nothing in the grid \(names)\(whose) moves \(criterion.title) beyond what seeds do.\(noise)"
        }
        return
            "In the grid \(names)\(whose) with \(design.cells) cells\(empty) the variance of \(criterion.title) comes from "
            + "\(NumberWords.list(Array(told)))\(rest).\(noise)"
    }

    private static func sentence(_ effects: [AxisEffect], _ criterion: Criterion) -> String {
        let clear = effects.filter { $0.effect.sign != 0 }.sorted { abs($0.effect.value) > abs($1.effect.value) }
        guard effects.contains(where: { $0.effect.low != nil }) else {
            return
                "Single changes are compared with their baseline, all else equal; with one seed there are no intervals."
        }
        guard !clear.isEmpty else {
            return "None of \(effects.count) single changes moves \(criterion.title) beyond its interval."
        }
        let told = clear.prefix(3).map { effect in
            let group = effect.group.isEmpty ? "" : "\(effect.group): "
            let sign = effect.effect.value < 0 ? "−" : "+"
            return "\(group)\(effect.change) (\(sign)"
                + "\(NumberWords.text(abs(effect.effect.value), plusMinus: effect.effect.halfWidth)))"
        }
        return "Of \(effects.count) single changes, all else equal, \(clear.count) move\(clear.count == 1 ? "s" : "") "
            + "\(criterion.title) beyond \(clear.count == 1 ? "its" : "their") interval; the largest: "
            + told.joined(separator: "; ") + "."
    }
}
