import CoreTensor
import Testing

/// Large results that backward passes make again instead of keeping them.
struct RecomputedTests {
    enum Made: CaseIterable { case groupNorm, layerNorm, modulated, geglu, gelu }

    private func tensor(_ shape: [Int], _ purpose: String, trains: Bool = true) -> Tensor {
        var random = RandomStream(seed: 21, purpose: purpose)
        let tensor = Tensor(uninitialized: shape)
        random.fillNormal(tensor)
        tensor.requiresGradient = trains
        return tensor
    }

    private func make(_ kind: Made, of x: Tensor) -> Tensor {
        let width = x.shape[3]
        let (scale, shift) = (tensor([width], "scale"), tensor([width], "shift"))
        return switch kind {
        case .groupNorm: groupNorm(x, groups: 4, weight: scale, bias: shift, epsilon: 1e-5, activation: .silu)
        case .layerNorm: layerNorm(x, weight: scale, bias: shift, epsilon: 1e-5)
        case .modulated:
            modulatedLayerNorm(
                x, scale: tensor([x.shape[0], width], "scale"), shift: tensor([x.shape[0], width], "shift"),
                epsilon: 1e-6)
        case .geglu: geglu(x)
        case .gelu: geluTanh(x)
        }
    }

    /// What was overwritten after its use can only have been made again.
    @Test("whoever reads them backward gets the same numbers, to the bit", arguments: Made.allCases)
    func sameGradients(kind: Made) throws {
        let x = tensor([2, 20, 55, kind == .geglu ? 512 : 256], "x")
        let made = make(kind, of: x)
        let (width, values) = (made.shape[3], made.values)
        #expect(made.count > 1 << 19)
        let plain = tensor([4, width], "plain")
        let low = (up: tensor([4, 2], "up"), down: tensor([2, width], "down"))
        let frozen = tensor([4, width], "frozen", trains: false)
        let filter = tensor([4, 3, 3, width], "filter")
        let seed = tensor([2, 20, 55, 4], "seed", trains: false)
        func total(_ y: Tensor) -> Tensor {
            let products = add(linear(y, weight: plain), linear(y, weight: frozen, up: low.up, down: low.down))
            return add(products, conv2d(y, weight: filter, padding: Padding(1)))
        }
        let trained = [plain, low.up, low.down, filter]
        func gradients() throws -> [[UInt32]] {
            defer { for leaf in trained { leaf.gradient = nil } }
            return try trained.map { try #require($0.gradient).values.map(\.bitPattern) }
        }
        total(Tensor(values, made.shape)).backward(seed: seed)
        let wanted = try gradients()
        let result = total(made)
        made.withMutableBuffer { $0.update(repeating: 0) }
        result.backward(seed: seed)
        #expect(try gradients() == wanted)
        #expect(x.gradient != nil)
    }
}
