import CoreTensor
import Testing

/// Every differentiable operation against torch's autograd in f64.
struct OperationTests {
    @Test("outputs and gradients of every operation match torch", arguments: try Reference.load())
    func matchesTorch(reference: Reference) throws {
        var inputs: [String: Tensor] = [:]
        func input(_ key: String) throws -> Tensor {
            if let known = inputs[key] { return known }
            let tensor = try #require(try reference.input(key), "input \(key)")
            inputs[key] = tensor
            return tensor
        }
        func optional(_ key: String) throws -> Tensor? { try reference.input(key) == nil ? nil : try input(key) }

        let output = try Self.apply(reference, input, optional)
        #expect(deviation(output, try reference.output) < 1e-5)
        output.backward(seed: try reference.seed)
        for (key, tensor) in inputs {
            guard let wanted = try reference.gradient(key) else {
                #expect(tensor.gradient == nil, "a gradient for the frozen \(key)")
                continue
            }
            let found = try #require(tensor.gradient, "no gradient for \(key)")
            #expect(deviation(found, wanted) < 1e-5, "gradient of \(key)")
        }
    }

    private static func apply(
        _ r: Reference, _ input: (String) throws -> Tensor, _ optional: (String) throws -> Tensor?
    ) throws -> Tensor {
        switch r.operation {
        case "matmul":
            return matmul(
                try input("a"), try input("b"), transposeA: r.integer("a") == 1, transposeB: r.integer("b") == 1)
        case "linear":
            return linear(
                try input("x"), weight: try input("weight"), bias: try optional("bias"),
                adding: try optional("residual"))
        case "conv2d":
            let padding = Padding(
                top: r.integer("top"), left: r.integer("left"), bottom: r.integer("bottom"), right: r.integer("right"))
            return conv2d(
                try input("x"), weight: try input("weight"), bias: try optional("bias"), stride: r.integer("stride"),
                padding: padding)
        case "groupNorm":
            return groupNorm(
                try input("x"), groups: r.integer("groups"), weight: try input("weight"), bias: try input("bias"),
                epsilon: 1e-5, activation: r.integer("silu") == 1 ? .silu : .none)
        case "layerNorm":
            return layerNorm(try input("x"), weight: try input("weight"), bias: try input("bias"), epsilon: 1e-5)
        case "attention":
            return attention(
                query: try input("query"), key: try input("key"), value: try input("value"),
                heads: r.integer("heads"), causal: r.integer("causal") == 1)
        default: return try applySmall(r, input)
        }
    }

    private static func applySmall(_ r: Reference, _ input: (String) throws -> Tensor) throws -> Tensor {
        switch r.operation {
        case "normalizeRows": return normalizeRows(try input("x"))
        case "silu": return silu(try input("x"))
        case "gelu": return gelu(try input("x"))
        case "quickGelu": return quickGelu(try input("x"))
        case "relu": return relu(try input("x"))
        case "square": return square(try input("x"))
        case "absolute": return absolute(try input("x"))
        case "exponential": return exponential(try input("x"))
        case "clamp": return clamp(try input("x"), r.float("low"), r.float("high"))
        case "geglu": return geglu(try input("x"))
        case "add": return add(try input("a"), try input("b"))
        case "subtract": return subtract(try input("a"), try input("b"))
        case "multiply": return multiply(try input("a"), try input("b"))
        case "scaled": return scaled(try input("x"), by: r.float("factor"))
        case "adding": return adding(try input("x"), constant: r.float("constant"))
        case "addChannels": return addChannels(try input("x"), try input("b"))
        case "addBias": return addBias(try input("x"), try input("b"))
        case "scaleChannels": return scaleChannels(try input("x"), try input("s"))
        case "scaleSamples": return scaleSamples(try input("x"), r.floats("s"))
        default: return try applyShapeOrLoss(r, input)
        }
    }

    private static func applyShapeOrLoss(_ r: Reference, _ input: (String) throws -> Tensor) throws -> Tensor {
        switch r.operation {
        case "embedding": return embedding(r.integers("ids").map(Int32.init), table: try input("table"))
        case "rows": return rows(try input("x"), r.integers("indices"))
        case "upsampleNearest":
            return upsampleNearest(try input("x"), height: r.integer("height"), width: r.integer("width"))
        case "concatenate": return concatenate(try input("a"), try input("b"))
        case "concatenateBatch": return concatenateBatch([try input("a"), try input("b")])
        case "slice":
            let range = r.integer("from")..<r.integer("to")
            return r.name == "slice.batch"
                ? slice(try input("x"), batch: range) : slice(try input("x"), channels: range)
        case "permuted": return permuted(try input("x"), r.integers("axes"))
        case "reshaped": return square(try input("x")).reshaped(r.integers("shape"))
        case "sum": return sum(try input("x"))
        case "mean": return mean(try input("x"))
        case "meanSquaredError":
            let weights = r.arguments["weights"] == nil ? nil : r.floats("weights")
            return meanSquaredError(try input("a"), try input("b"), sampleWeights: weights)
        case "meanAbsoluteError": return meanAbsoluteError(try input("a"), try input("b"))
        case "softmaxCrossEntropy": return softmaxCrossEntropy(try input("x"), labels: r.integers("labels"))
        default:
            Issue.record("no test for \(r.operation)")
            return try input("x")
        }
    }
}
