import Figures
import Foundation
import RunSpec
import SweepModel

/// How a varied parameter becomes an axis.
struct ParameterAxis {
    let name: String
    let axis: Axis
    private let places: [String: Double]
    private let isNumeric: Bool

    /// From here on equal ratios are the better picture.
    private static let largestRatio = 4.0
    private static let mostMarks = 10
    private static let mostNames = 12

    /// - Returns: nil where it is text of too many kinds to have a row each.
    init?(_ name: String, of jobs: [JobSummary]) {
        self.name = name
        let values = jobs.compactMap { $0.parameters[name] }.filter { $0 != .null }
        let numbers = values.compactMap(\.number).filter(\.isFinite)
        isNumeric = !numbers.isEmpty && numbers.count == values.count && values.count == jobs.count
        if isNumeric {
            let distinct = Set(numbers).sorted()
            let isWide = distinct[0] > 0 && (distinct.last ?? 0) / distinct[0] >= Self.largestRatio
            axis = Axis(
                name, kind: isWide ? .logarithmic : .linear,
                marks: distinct.count <= Self.mostMarks ? distinct : [])
            places = [:]
            return
        }
        let names = Set(jobs.map { Self.text($0.parameters[name]) }).sorted { a, b in
            switch (Double(a), Double(b)) {
            case (let x?, let y?): x < y
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): a < b
            }
        }
        guard names.count <= Self.mostNames else { return nil }
        axis = Axis(name, kind: .categories(names))
        places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($0.element, Double($0.offset)) })
    }

    func place(_ parameters: [String: ParameterValue]) -> Double? {
        isNumeric ? parameters[name]?.number : places[Self.text(parameters[name])]
    }

    private static func text(_ value: ParameterValue?) -> String {
        guard let value, value != .null else { return "none" }
        return VariedParameters.text(value)
    }

    static func all(_ context: ReportContext) -> [ParameterAxis] {
        let jobs = context.report.results.jobs
        return VariedParameters(jobs).names.compactMap { ParameterAxis($0, of: jobs) }
    }
}

/// Each measure of the rule against each parameter that was varied.
struct ParametersSection: ReportSection {
    private static let mostParameters = 8
    private static let mostMeasures = 6
    private static let mostPoints = 400

    func html(_ context: ReportContext) -> String {
        let axes = Array(ParameterAxis.all(context).prefix(Self.mostParameters))
        let own = context.criteria
        let measures = own.isEmpty ? Array(context.numbers.measures.prefix(2)) : Array(own.prefix(Self.mostMeasures))
        guard !axes.isEmpty else { return "" }
        let groups = measures.enumerated().compactMap { index, measure -> String? in
            let figures = axes.compactMap { plot(measure, $0, context) }
            guard !figures.isEmpty else { return nil }
            return "<details\(index == 0 ? " open" : "")><summary>\(HTML.escaped(context.axisTitle(measure)))</summary>"
                + "\(HTML.tiles(figures))</details>"
        }
        guard !groups.isEmpty else { return "" }
        return HTML.section(
            "Each measure against each parameter", id: "parameters",
            [
                HTML.quiet(
                    "A mark is one job at the checkpoint that competes; bars are means. Other parameters vary too, so a "
                        + "difference here is a lead and no proof."),
                context.legend(over: Array(context.numbers.configurations.indices)),
            ] + groups)
    }

    private func plot(_ measure: Measure, _ axis: ParameterAxis, _ context: ReportContext) -> StripPlot? {
        let numbers = context.numbers
        var points: [StripPlot.Point] = []
        for (index, configuration) in numbers.configurations.enumerated() {
            guard let place = numbers.chosen(measure, of: index), let at = axis.place(configuration.parameters) else {
                continue
            }
            for value in place.values {
                points.append(
                    StripPlot.Point(
                        parameter: at, value: value.value, style: context.style(index), text: configuration.label))
            }
        }
        guard Set(points.map(\.parameter)).count > 1 else { return nil }
        let every = (points.count + Self.mostPoints - 1) / Self.mostPoints
        let kept = every > 1 ? points.enumerated().filter { $0.offset % every == 0 }.map(\.element) : points
        return StripPlot(
            title: "\(context.title(measure)) by \(axis.name)", parameter: axis.axis,
            value: Axis(context.axisTitle(measure)), points: kept, references: context.references(measure))
    }
}

/// All parameters and measures of every configuration as one line.
struct ParallelSection: ReportSection {
    private static let mostParameters = 6
    private static let mostMeasures = 3
    private static let mostLines = 300

    func html(_ context: ReportContext) -> String {
        let numbers = context.numbers
        let axes = Array(ParameterAxis.all(context).prefix(Self.mostParameters))
        let measures = Array(context.criteria.prefix(Self.mostMeasures))
        let ranked = numbers.configurations.indices.filter { numbers.configurations[$0].row != nil }
        guard axes.count + measures.count > 2, !measures.isEmpty, ranked.count > 1 else { return "" }
        let every = (ranked.count + Self.mostLines - 1) / Self.mostLines
        let lines = ranked.filter { $0 % max(1, every) == 0 }.map { index in
            let configuration = numbers.configurations[index]
            return ParallelCoordinates.Line(
                values: axes.map { $0.place(configuration.parameters) }
                    + measures.map { numbers.chosen($0, of: index)?.mean },
                goodness: 1 - Double(index) / Double(max(1, ranked.count - 1)),
                text: "\(index + 1). \(configuration.label)", isBest: index == context.best)
        }
        let figure = ParallelCoordinates(
            title: "Parameters and measures of every configuration",
            axes: axes.map(\.axis)
                + measures.map { Axis(context.title($0) + (context.lowerIsBetter($0) ? " ↓" : " ↑")) },
            lines: lines)
        return HTML.section(
            "Parallel coordinates", id: "parallel",
            [
                HTML.quiet(
                    "A line is one configuration, at the checkpoint that competes. The stronger its colour, the better its "
                        + "rank\(context.best == nil ? "." : "; the best one is red.")"), figure.html(.page),
            ])
    }
}
