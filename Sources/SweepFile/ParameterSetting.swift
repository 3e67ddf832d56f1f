package import RunSpec
import SweepModel

/// `lr=2e-4`: a parameter with its value on a command line, read as a sweep file would read it.
package struct ParameterSetting: Equatable, Sendable {
    package let name: String
    package let value: ParameterValue

    /// - Throws: `SweepFileError` for a text without `=`, a name that cannot be one, or a value that is no
    ///   YAML or beyond what can be told apart.
    package init(_ text: String) throws(SweepFileError) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw Self.fault("'\(text)' is no setting; wanted NAME=VALUE, such as lr=2e-4")
        }
        name = String(text[..<equals])
        guard CommandTemplate("{\(name)}").names == [name] else {
            throw Self.fault("'\(name)' is no name of a parameter; it has letters, digits and '_', a letter first")
        }
        let source = String(text[text.index(after: equals)...])
        guard !source.isEmpty else { throw Self.fault("\(name) has no value; null takes a setting away") }
        value = try Self.plain(try YAMLReader.read(source, file: name), name)
    }

    private static func plain(_ node: YAMLNode, _ name: String) throws(SweepFileError) -> ParameterValue {
        switch node.content {
        case .scalar(.null, _): return .null
        case .scalar(.flag(let flag), _): return .flag(flag)
        case .scalar(.text(let text), _): return .text(text)
        case .scalar(.number(let number), let source):
            guard number.isFinite, number != number.rounded() || abs(number) <= ParameterValue.largestInteger else {
                throw fault("\(name) is \(source); wanted a finite number below 2^53")
            }
            return .number(number)
        case .sequence(let items):
            var list: [ParameterValue] = []
            for item in items { list.append(try plain(item, name)) }
            return .list(list)
        case .mapping(let entries):
            var map: [String: ParameterValue] = [:]
            for entry in entries { map[entry.key] = try plain(entry.value, name) }
            return .map(map)
        }
    }

    private static func fault(_ message: String) -> SweepFileError {
        SweepFileError(
            code: .syntax, faults: [SweepFault(file: "--set", mark: SourceMark(line: 1, column: 1), message: message)])
    }
}
