import CoreTensor

/// LAION's aesthetic predictor, version 2: a few linear layers, without anything between them, on the unit
/// image vector of OpenAI's CLIP ViT-L/14. Says 1 to 10.
///
/// The file holds `layers.N.weight` and `layers.N.bias` in the order of N.
///
/// - SeeAlso: github.com/christophschuhmann/improved-aesthetic-predictor
package struct AestheticHead: Sendable {
    /// The width of the vectors it takes.
    package let inputs: Int
    private let layers: [(weight: [Float], bias: [Float])]

    /// - Parameter path: a safetensors file, or a folder with one.
    /// - Throws: `DiffusionError` for a file that is none, `TensorError` for a broken one.
    package init(path: String) throws {
        let files = try WeightFiles.open(path)
        func fault(_ what: String) -> DiffusionError {
            DiffusionError(code: .unreadable, message: "\(path): \(what); wanted layers.N.weight and layers.N.bias")
        }
        var found: [(index: Int, weight: [Float], bias: [Float], inputs: Int)] = []
        for file in files {
            for name in file.names {
                let parts = name.split(separator: ".")
                guard parts.count >= 3, parts[parts.count - 3] == "layers", parts[parts.count - 1] == "weight",
                    let index = Int(parts[parts.count - 2])
                else { continue }
                let stem = name.dropLast("weight".count)
                guard let shape = file.info(name)?.shape, shape.count == 2,
                    file.info(stem + "bias")?.shape == [shape[0]]
                else { throw fault("\(name) is no matrix with a bias") }
                found.append((index, try file.floats(name), try file.floats(stem + "bias"), shape[1]))
            }
        }
        found.sort { $0.index < $1.index }
        guard let first = found.first, let last = found.last else { throw fault("no layers") }
        guard last.bias.count == 1, zip(found, found.dropFirst()).allSatisfy({ $0.bias.count == $1.inputs }) else {
            throw fault("the layers do not follow each other to one number")
        }
        inputs = first.inputs
        layers = found.map { ($0.weight, $0.bias) }
    }

    /// - Parameter vector: of length 1, `inputs` wide.
    package func callAsFunction(_ vector: some Collection<Float>) -> Double {
        precondition(vector.count == inputs, "a vector of \(vector.count), wanted \(inputs)")
        var x = vector.map(Double.init)
        for (weight, bias) in layers {
            x = bias.indices.map { row in
                x.indices.reduce(Double(bias[row])) { $0 + Double(weight[row * x.count + $1]) * x[$1] }
            }
        }
        return x[0]
    }
}
