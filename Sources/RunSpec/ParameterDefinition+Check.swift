extension ParameterDefinition {
    /// The value with aliases folded, if it is one this parameter may hold.
    ///
    /// - Throws: `RunSpecError` that names the parameter, what was found and what is accepted.
    package func checked(_ value: ParameterValue) throws(RunSpecError) -> ParameterValue {
        switch kind {
        case .number:
            return .number(try number(value))
        case .integer:
            return .number(Double(try integer(value)))
        case .flag:
            guard value.flag != nil else { throw refused("is \(found(value)); wanted true or false") }
            return value
        case .text:
            guard value.text != nil else { throw refused("is \(found(value)); wanted text") }
            return value
        case .choice(let words):
            return .text(try choice(value, words))
        case .list(let count):
            return .list(try numbers(value, count: count))
        case .layers:
            return try LayerSelection(value).parameterValue
        case .resolution:
            return try resolution(value)
        }
    }

    private func number(_ value: ParameterValue) throws(RunSpecError) -> Double {
        guard let number = value.number else { throw refused("is \(found(value)); wanted a number") }
        guard number.isFinite else { throw refused("is \(number); wanted a finite number") }
        if number == number.rounded(), abs(number) > ParameterValue.largestInteger {
            throw refused("is \(number), beyond 2^53, where neighbouring integers cannot be told apart")
        }
        if let range, !range.contains(number) { throw refused("is \(value); wanted \(range.wanted)") }
        return number
    }

    private func integer(_ value: ParameterValue) throws(RunSpecError) -> Int {
        guard value.number != nil else { throw refused("is \(found(value)); wanted an integer") }
        let number = try number(value)
        guard let integer = ParameterValue.number(number).integer else {
            throw refused("is \(number); wanted an integer")
        }
        return integer
    }

    private func choice(_ value: ParameterValue, _ words: [String]) throws(RunSpecError) -> String {
        guard let text = value.text else {
            throw refused("is \(found(value)); wanted one of \(words.joined(separator: ", "))")
        }
        let folded = aliases[text] ?? text
        guard words.contains(folded) else {
            let hint = nearest(to: text, among: words + aliases.keys.sorted()).map { " (did you mean '\($0)'?)" } ?? ""
            throw refused("is '\(text)'\(hint); accepted: \(words.joined(separator: ", "))")
        }
        return folded
    }

    private func numbers(_ value: ParameterValue, count: Int?) throws(RunSpecError) -> [ParameterValue] {
        let wanted = count.map { "a list of \($0) numbers" } ?? "a list of numbers"
        guard let items = value.list else { throw refused("is \(found(value)); wanted \(wanted)") }
        if let count, items.count != count { throw refused("has \(items.count) entries; wanted \(wanted)") }
        guard !items.isEmpty else { throw refused("is an empty list; wanted \(wanted)") }
        return try items.map { item throws(RunSpecError) in .number(try number(item)) }
    }

    private func resolution(_ value: ParameterValue) throws(RunSpecError) -> ParameterValue {
        guard let sides = value.list else { return .number(Double(try integer(value))) }
        guard sides.count == 2 else { throw refused("has \(sides.count) entries; wanted one side or [width, height]") }
        let pixels = try sides.map { side throws(RunSpecError) in ParameterValue.number(Double(try integer(side))) }
        // A square has one identity, however it is written.
        return pixels[0] == pixels[1] ? pixels[0] : .list(pixels)
    }

    private func found(_ value: ParameterValue) -> String {
        switch value {
        case .number, .flag: "\(value)"
        case .text(let text): "the text '\(text)'"
        default: value.kindName
        }
    }

    private func refused(_ message: String) -> RunSpecError {
        RunSpecError(code: .badParameter, message: "\(name) \(message)", parameter: name)
    }
}
