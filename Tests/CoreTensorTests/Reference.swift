import CoreTensor
import Testing

/// The cases that `Fixtures/generate.py` dumped from torch in f64.
struct Reference: CustomTestStringConvertible, Sendable {
    let name: String
    let arguments: [String: String]
    private let file: SafetensorsFile

    static func load() throws -> [Reference] {
        let file = try SafetensorsFile(path: fixture("operations.safetensors"))
        return file.metadata.sorted { $0.key < $1.key }.map { name, text in
            let pairs = text.split(separator: ";").map { $0.split(separator: "=").map(String.init) }
            return Reference(
                name: name, arguments: Dictionary(uniqueKeysWithValues: pairs.map { ($0[0], $0[1]) }), file: file)
        }
    }

    static func fixture(_ name: String) -> String {
        #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures/" + name
    }

    var testDescription: String { name }

    /// The operation's name: what stands before the first dot.
    var operation: String { String(name.prefix { $0 != "." }) }
    var output: Tensor { get throws { try file.tensor("\(name)/out") } }
    var seed: Tensor { get throws { try file.tensor("\(name)/seed") } }

    func integer(_ key: String) -> Int { Int(arguments[key] ?? "0")! }
    func integers(_ key: String) -> [Int] { arguments[key]!.split(separator: ",").map { Int($0)! } }
    func float(_ key: String) -> Float { Float(arguments[key]!)! }
    func floats(_ key: String) -> [Float] { arguments[key]!.split(separator: ",").map { Float($0)! } }

    func input(_ key: String) throws -> Tensor? {
        guard file.info("\(name)/in/\(key)") != nil else { return nil }
        let tensor = try file.tensor("\(name)/in/\(key)")
        tensor.requiresGradient = file.info("\(name)/grad/\(key)") != nil
        return tensor
    }

    func gradient(_ key: String) throws -> Tensor? {
        file.info("\(name)/grad/\(key)") == nil ? nil : try file.tensor("\(name)/grad/\(key)")
    }
}

/// Largest difference over the largest wanted value; a wanted 0 (attention to a single key) counts as 0.1.
func deviation(_ found: Tensor, _ wanted: Tensor) -> Float {
    guard found.shape == wanted.shape else { return .infinity }
    let (a, b) = (found.values, wanted.values)
    let scale = max(b.map(abs).max() ?? 1, 0.1)
    return zip(a, b).map { $0.isNaN ? Float.infinity : abs($0 - $1) }.max().map { $0 / scale } ?? 0
}
