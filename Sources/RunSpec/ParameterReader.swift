/// Typed access to resolved parameters. Defaults are those of the table.
struct ParameterReader {
    private let values: [String: ParameterValue]

    init(_ values: [String: ParameterValue]) { self.values = values }

    /// - Throws: `RunSpecError` if the parameter is missing or of another type.
    func required<T>(_ name: String, _ read: (ParameterValue) -> T?) throws(RunSpecError) -> T {
        guard let value = values[name] else {
            throw RunSpecError(
                code: .badParameter, message: "\(name) is missing from the resolved parameters", parameter: name)
        }
        guard let typed = read(value) else {
            throw RunSpecError(code: .badParameter, message: "\(name) is \(value), which does not fit", parameter: name)
        }
        return typed
    }

    func number(_ name: String) -> Double { value(name, \.number) }
    func integer(_ name: String) -> Int { value(name, \.integer) }
    func flag(_ name: String) -> Bool { value(name, \.flag) }
    func text(_ name: String) -> String { value(name, \.text) }
    func numbers(_ name: String) -> [Double] { value(name) { $0.list?.compactMap(\.number) } }
    func choice<Word: RawRepresentable<String>>(_ name: String) -> Word {
        value(name) { $0.text.flatMap(Word.init(rawValue:)) }
    }

    // Parameters whose absence means something.
    func optionalNumber(_ name: String) -> Double? { values[name]?.number }
    func optionalInteger(_ name: String) -> Int? { values[name]?.integer }
    func optionalText(_ name: String) -> String? { values[name]?.text }
    func optionalNumbers(_ name: String) -> [Double]? { values[name]?.list?.compactMap(\.number) }

    func optionalPixels(_ name: String) -> PixelSize? {
        if let side = optionalInteger(name) { return PixelSize(width: side, height: side) }
        guard let sides = values[name]?.list?.compactMap(\.integer), sides.count == 2 else { return nil }
        return PixelSize(width: sides[0], height: sides[1])
    }

    private func value<T>(_ name: String, _ read: (ParameterValue) -> T?) -> T {
        if let typed = values[name].flatMap(read) { return typed }
        guard case .value(let standard)? = ParameterTable[name]?.default, let typed = read(standard) else {
            preconditionFailure("the parameter table has no default of \(name)")
        }
        return typed
    }
}
