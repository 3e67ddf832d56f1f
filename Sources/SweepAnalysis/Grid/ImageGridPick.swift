import Foundation
package import RunSpec

/// Values of an axis, as they are asked for: one, or all from one number to another.
package enum ImageGridPick: Equatable, Sendable {
    case value(String)
    case range(low: Double, high: Double, step: Double?)

    /// Reads `a,b,c`, `0.4..1.2`, `1..9/2`, and lists of these.
    ///
    /// - Throws: `RunSpecError` with the part that cannot be read.
    static func list(_ text: String, of kind: ImageGridAxis.Kind) throws(RunSpecError) -> [ImageGridPick] {
        var picks: [ImageGridPick] = []
        for part in parts(text) {
            let value = part.trimmingCharacters(in: .whitespaces)
            guard !value.isEmpty else {
                throw ImageGridAxis.refusal("\(kind.name)=\(text): a value is empty; write \(kind.name)=a,b,c")
            }
            picks.append(try pick(value, of: kind))
        }
        return picks
    }

    /// Split at the commas that stand in no list: `betas=[0.9, 0.99],[0.9, 0.999]` has two parts.
    private static func parts(_ text: String) -> [String] {
        var (parts, depth) = ([""], 0)
        for character in text {
            if character == "[" { depth += 1 }
            if character == "]" { depth -= 1 }
            if character == ",", depth <= 0 { parts.append("") } else { parts[parts.count - 1].append(character) }
        }
        return parts
    }

    private static func pick(_ value: String, of kind: ImageGridAxis.Kind) throws(RunSpecError) -> ImageGridPick {
        func refused(_ wanted: String) -> RunSpecError { ImageGridAxis.refusal("\(kind.name)=\(value): \(wanted)") }
        switch kind {
        case .prompt, .adapter, .blocks: return .value(value)
        case .parameter, .epoch, .step, .strength, .seed: break
        }
        if let range = try range(value, refused) {
            if case .parameter = kind, case .range(_, _, .some) = range {
                throw refused("a range of a parameter takes the values that occur; leave the step out")
            }
            if kind == .seed, case .range(let low, _, _) = range, low < 0 { throw refused("seeds are 0 or more") }
            return range
        }
        if case .parameter = kind { return .value(value) }
        guard let number = Double(value), number.isFinite else {
            throw refused("wanted a number, or a range such as \(kind.isWhole ? "1..9/2" : "0.4..1.2/0.2")")
        }
        if kind.isWhole, number != number.rounded() || number < 0 || number > 1e15 {
            throw refused("wanted a whole number, 0 or more")
        }
        return .value(kind.isWhole ? "\(Int(number))" : value)
    }

    /// nil for what is no range of numbers.
    private static func range(
        _ value: String, _ refused: (String) -> RunSpecError
    ) throws(RunSpecError) -> ImageGridPick? {
        guard let dots = value.firstRange(of: ".."), let low = Double(value[..<dots.lowerBound]) else { return nil }
        let rest = value[dots.upperBound...].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let high = Double(rest[0]), low.isFinite, high.isFinite else { return nil }
        guard low <= high else { throw refused("a range goes upwards; write \(rest[0])..\(value[..<dots.lowerBound])") }
        guard rest.count == 2 else { return .range(low: low, high: high, step: nil) }
        guard let step = Double(rest[1]), step > 0, step.isFinite else {
            throw refused("the step '\(rest[1])' is no number above 0")
        }
        return .range(low: low, high: high, step: step)
    }

    /// Most values of one axis.
    static let mostValues = 1000

    /// The values of an axis that is not bound to what occurs.
    ///
    /// Without a step a range gives about five, its ends among them.
    /// - Throws: `RunSpecError` for more than a thousand.
    package static func values(_ picks: [ImageGridPick], of kind: ImageGridAxis.Kind) throws(RunSpecError) -> [String] {
        var values: [String] = []
        for pick in picks {
            switch pick {
            case .value(let value): values.append(value)
            case .range(let low, let high, let step): values += try numbers(low, high, step, kind)
            }
        }
        var seen: Set<String> = []
        return values.filter { seen.insert($0).inserted }
    }

    private static func numbers(
        _ low: Double, _ high: Double, _ step: Double?, _ kind: ImageGridAxis.Kind
    ) throws(RunSpecError) -> [String] {
        if kind.isWhole, low != low.rounded() || high != high.rounded() || step.map({ $0 != $0.rounded() }) == true {
            throw ImageGridAxis.refusal("\(kind.name)=\(plain(low))..\(plain(high)): wanted whole numbers")
        }
        let step = step ?? usualStep(low, high, isWhole: kind.isWhole)
        guard step > 0 else { return [plain(low)] }
        // A step of 0.1 is not a tenth: the last one may lie a little above the end.
        let count = ((high - low) / step + 1e-9).rounded(.down) + 1
        guard count <= Double(mostValues) else {
            throw ImageGridAxis.refusal(
                "\(kind.name)=\(plain(low))..\(plain(high))/\(plain(step)): \(plain(count)) values, at most "
                    + "\(mostValues); take a larger step")
        }
        return (0..<Int(count)).map { plain(low + Double($0) * step) }
    }

    /// Of the steps 1, 2, 2.5 and 5 times a power of ten that reach the end, the one that gives the number of
    /// values nearest to five; a quarter of the range where there is none.
    private static func usualStep(_ low: Double, _ high: Double, isWhole: Bool) -> Double {
        let span = high - low
        guard span > 0 else { return 0 }
        var best: (step: Double, away: Double)?
        for exponent in -6...15 {
            for digit in [1.0, 2, 2.5, 5] {
                let step = digit * pow(10, Double(exponent))
                let count = span / step
                guard (count - count.rounded()).magnitude < 1e-6 * max(1, count), count.rounded() >= 1 else { continue }
                if isWhole, step != step.rounded() { continue }
                let away = (count.rounded() - 4).magnitude
                if away < best?.away ?? .infinity { best = (step, away) }
            }
        }
        if let best, best.away <= 5 { return best.step }
        return isWhole ? max(1, (span / 4).rounded()) : span / 4
    }

    /// Without the digits that sums of decimal fractions grow.
    private static func plain(_ value: Double) -> String {
        if value == value.rounded(), value.magnitude < 1e15 { return "\(Int(value))" }
        return "\(Double(String(format: "%.12g", value)) ?? value)"
    }

    /// Those of the values that occur which are asked for, in the order in which they are asked for.
    ///
    /// - Throws: `RunSpecError` for a value that does not occur, with those that do.
    package static func selected(
        _ picks: [ImageGridPick], from occurring: [String], of kind: ImageGridAxis.Kind
    ) throws(RunSpecError) -> [String] {
        var selected: [String] = []
        for pick in picks {
            let found: [String]
            switch pick {
            case .value(let value):
                found = occurring.filter { isSame($0, value) }
            case .range(let low, let high, let step):
                found = occurring.filter { text in
                    guard let number = Double(text), number >= low - 1e-12, number <= high + 1e-12 else { return false }
                    guard let step else { return true }
                    let steps = (number - low) / step
                    return (steps - steps.rounded()).magnitude < 1e-6
                }
            }
            guard !found.isEmpty else {
                throw ImageGridAxis.refusal(
                    "\(kind.name)=\(pick.text): there is none; \(kind.name) is \(occurring.listed(none: "nowhere"))")
            }
            selected += found
        }
        var seen: Set<String> = []
        return selected.filter { seen.insert($0).inserted }
    }

    private var text: String {
        switch self {
        case .value(let value): value
        case .range(let low, let high, let step):
            Self.plain(low) + ".." + Self.plain(high) + (step.map { "/" + Self.plain($0) } ?? "")
        }
    }

    /// Numbers are compared as numbers: 1e-4 is 0.0001.
    private static func isSame(_ a: String, _ b: String) -> Bool {
        if a == b { return true }
        guard let x = Double(a), let y = Double(b) else { return false }
        return (x - y).magnitude <= 1e-9 * max(x.magnitude, y.magnitude)
    }

    /// In natural order: numbers by value, then text.
    package static func ordered(_ values: some Sequence<String>) -> [String] {
        Set(values).sorted { a, b in
            switch (Double(a), Double(b)) {
            case (let x?, let y?): (x, a) < (y, b)
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): a < b
            }
        }
    }
}
