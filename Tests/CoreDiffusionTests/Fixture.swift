import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation

/// The reference dumps beside this file; `Fixtures/generate.py` makes them.
struct Fixture {
    let folder: String
    let file: SafetensorsFile

    init(_ name: String) throws {
        folder = Fixture.path(name)
        file = try SafetensorsFile(path: folder + "/cases.safetensors")
    }

    static func path(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/" + name
    }

    func tensor(_ name: String) throws -> Tensor { try file.tensor(name) }

    /// An image tensor, from the reference's NCHW to NHWC.
    func image(_ name: String) throws -> Tensor { permuted(try file.tensor(name), [0, 2, 3, 1]) }

    /// Rows of ids.
    func ids(_ name: String) throws -> [[Int32]] {
        let shape = file.info(name)?.shape ?? []
        let all = try file.integers(name).map { Int32($0) }
        return (0..<shape[0]).map { Array(all[$0 * shape[1]..<($0 + 1) * shape[1]]) }
    }
}

/// The largest difference, as a share of the reference's largest value; infinite if shapes differ.
func distance(_ found: Tensor, _ wanted: Tensor) -> Float {
    guard found.shape == wanted.shape else { return .infinity }
    let pairs = zip(found.values, wanted.values)
    let difference = pairs.reduce(Float(0)) { max($0, ($1.0 - $1.1).isNaN ? .infinity : abs($1.0 - $1.1)) }
    let largest = wanted.values.reduce(Float(0)) { max($0, abs($1)) }
    return largest > 0 ? difference / largest : difference
}

/// What honest f32 arithmetic in another order stays well below.
let parity: Float = 5e-6

/// The reference's list of paths and classes against the module tree's; `name` says what the reference calls
/// a class.
func modules(of root: any Module, dropping prefix: String = "", name: (String) -> String = { $0 }) -> [String] {
    var lines: [String] = []
    root.visit { path, module in
        let short = path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
        lines.append("\(short) \(name(module.className))")
    }
    return lines
}

func referenceModules(_ folder: String) throws -> [String] {
    try String(contentsOfFile: Fixture.path(folder) + "/modules.txt", encoding: .utf8)
        .split(separator: "\n").map(String.init)
}
