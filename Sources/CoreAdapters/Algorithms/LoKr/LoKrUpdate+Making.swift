import CoreTensor
import RunSpec

extension LoKrUpdate {
    /// A new adapter with ΔW = 0: w2, its b-factor, or the scalar is zero, the rest random.
    ///
    /// - Parameters:
    ///   - prefix: stands before the tensors' keys.
    ///   - shared: the scalar of a larger update that this is a part of.
    static func create(
        _ geometry: LayerGeometry, _ layer: NewLayer, prefix: String = "", shared: AdapterTensor? = nil
    ) -> LoKrUpdate {
        let (groups, width) = factorization(geometry.inputs, factor: layer.options.factor)
        var (outer, block) = factorization(geometry.outputs, factor: layer.options.factor)
        if layer.options.unbalancedFactorization { swap(&outer, &block) }
        let fullMatrix = layer.options.fullMatrix || layer.rank == nil
        let rank = layer.dim
        let scalar = shared ?? layer.makeScalar()
        let lowRankSmall = layer.options.decomposeBoth && !fullMatrix && 2 * rank < max(outer, groups)
        let lowRankLarge = !fullMatrix && 2 * rank < max(block, width)
        let small: Factor =
            lowRankSmall
            ? .lowRank(
                kaiming(prefix + "lokr_w1_a", [outer, rank], layer),
                kaiming(prefix + "lokr_w1_b", [rank, groups], layer))
            : .full(kaiming(prefix + "lokr_w1", [outer, groups], layer))
        let large =
            lowRankLarge
            ? newLowRankLarge(geometry, layer, prefix, block: block, width: width, zero: scalar == nil)
            : newFullLarge(geometry, layer, prefix, block: block, width: width, zero: scalar == nil)
        let bothFull = !lowRankSmall && !lowRankLarge
        // Without a low-rank factor readers know no rank, and alpha says nothing.
        return LoKrUpdate(
            small: small, large: large, taps: geometry.taps, scalar: scalar,
            alpha: bothFull ? Float(rank) : layer.savedAlpha, scale: bothFull ? 1 : layer.scale)
    }

    private static func kaiming(_ suffix: String, _ shape: [Int], _ layer: NewLayer) -> AdapterTensor {
        let tensor = AdapterTensor(suffix, fileShape: shape, shape: shape)
        tensor.fillKaiming(fan: shape[1], stream: layer.stream(suffix))
        return tensor
    }

    private static func newFullLarge(
        _ geometry: LayerGeometry, _ layer: NewLayer, _ prefix: String, block: Int, width: Int, zero: Bool
    ) -> Factor {
        let isConvolution = geometry.kind == .convolution
        let tensor = AdapterTensor(
            prefix + "lokr_w2",
            fileShape: isConvolution ? [block, width, geometry.kernel, geometry.kernel] : [block, width],
            shape: [block, geometry.taps * width], taps: geometry.taps, inputs: width)
        if !zero { tensor.fillKaiming(fan: geometry.taps * width, stream: layer.stream(prefix + "lokr_w2")) }
        return .full(tensor)
    }

    private static func newLowRankLarge(
        _ geometry: LayerGeometry, _ layer: NewLayer, _ prefix: String, block: Int, width: Int, zero: Bool
    ) -> Factor {
        let rank = layer.dim
        if layer.options.useTucker, geometry.taps > 1 {
            let core = AdapterTensor(
                prefix + "lokr_t2", fileShape: [rank, rank, geometry.kernel, geometry.kernel],
                shape: [rank, geometry.taps, rank], taps: geometry.taps, inputs: rank)
            core.fillKaiming(fan: rank * geometry.taps, stream: layer.stream(prefix + "lokr_t2"))
            let a = kaiming(prefix + "lokr_w2_a", [rank, block], layer)
            let b = AdapterTensor(prefix + "lokr_w2_b", fileShape: [rank, width], shape: [rank, width])
            if !zero { b.fillKaiming(fan: width, stream: layer.stream(prefix + "lokr_w2_b")) }
            return .tucker(a, b, core: core)
        }
        let a = kaiming(prefix + "lokr_w2_a", [block, rank], layer)
        let columns = geometry.taps * width
        let b = AdapterTensor(
            prefix + "lokr_w2_b", fileShape: [rank, columns], shape: [rank, columns], taps: geometry.taps, inputs: width
        )
        if !zero { b.fillKaiming(fan: columns, stream: layer.stream(prefix + "lokr_w2_b")) }
        return .lowRank(a, b)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys, prefix: String = "") throws -> LoKrUpdate {
        let small = try readSmall(keys, prefix)
        let (outer, groups) = (small.tensors[0].tensor.shape[0], small.tensors.last?.tensor.shape[1] ?? 1)
        guard geometry.outputs % outer == 0, geometry.inputs % groups == 0 else {
            throw AdapterError(
                .wrongShape,
                "\(keys.key(prefix + "lokr_w1")): found shape [\(outer), \(groups)], wanted divisors of the layer's "
                    + "[\(geometry.outputs), \(geometry.inputs)]")
        }
        let large = try readLarge(
            geometry, keys, prefix, block: geometry.outputs / outer, width: geometry.inputs / groups)
        let alpha = keys.takeAlpha()
        var rank = 0
        if case .lowRank(_, let b) = small { rank = b.tensor.shape[0] }
        switch large {
        case .full: break
        case .lowRank(_, let b), .tucker(_, let b, _): rank = b.tensor.shape[0]
        }
        return LoKrUpdate(
            small: small, large: large, taps: geometry.taps, alpha: alpha,
            scale: AlphaScale.scale(alpha: alpha, rank: rank))
    }

    private static func readSmall(_ keys: LayerKeys, _ prefix: String) throws -> Factor {
        func matrix(_ suffix: String, columns: Int?) throws -> AdapterTensor {
            let (shape, values) = try keys.take(suffix)
            let flat = Array(shape.prefix(2))
            guard flat.count == 2, values.count == flat[0] * flat[1], !flat.contains(0), columns ?? flat[1] == flat[1]
            else {
                throw AdapterError(.wrongShape, "\(keys.key(suffix)): found shape \(shape), wanted a matrix")
            }
            return AdapterTensor(suffix, fileShape: shape, shape: flat, fileValues: values)
        }
        if keys.has(prefix + "lokr_w1") { return .full(try matrix(prefix + "lokr_w1", columns: nil)) }
        let b = try matrix(prefix + "lokr_w1_b", columns: nil)
        return .lowRank(try matrix(prefix + "lokr_w1_a", columns: b.tensor.shape[0]), b)
    }

    private static func readLarge(
        _ geometry: LayerGeometry, _ keys: LayerKeys, _ prefix: String, block: Int, width: Int
    ) throws -> Factor {
        if let (shape, values) = keys.takeIfPresent(prefix + "lokr_w2") {
            let wanted =
                geometry.taps > 1 ? [block, width, geometry.kernel, geometry.kernel] : [block, width]
            try keys.require(prefix + "lokr_w2", shape, sameAs: wanted)
            return .full(
                AdapterTensor(
                    prefix + "lokr_w2", fileShape: shape, shape: [block, geometry.taps * width], taps: geometry.taps,
                    inputs: width, fileValues: values))
        }
        let (shapeA, valuesA) = try keys.take(prefix + "lokr_w2_a")
        let (shapeB, valuesB) = try keys.take(prefix + "lokr_w2_b")
        let rank = shapeB.first ?? 0
        if let (shapeT, valuesT) = keys.takeIfPresent(prefix + "lokr_t2") {
            try keys.require(prefix + "lokr_w2_a", shapeA, sameAs: [rank, block])
            try keys.require(prefix + "lokr_w2_b", shapeB, sameAs: [rank, width])
            try keys.require(prefix + "lokr_t2", shapeT, sameAs: [rank, rank, geometry.kernel, geometry.kernel])
            return .tucker(
                AdapterTensor(prefix + "lokr_w2_a", fileShape: shapeA, shape: [rank, block], fileValues: valuesA),
                AdapterTensor(prefix + "lokr_w2_b", fileShape: shapeB, shape: [rank, width], fileValues: valuesB),
                core: AdapterTensor(
                    prefix + "lokr_t2", fileShape: shapeT, shape: [rank, geometry.taps, rank], taps: geometry.taps,
                    inputs: rank, fileValues: valuesT))
        }
        try keys.require(prefix + "lokr_w2_a", shapeA, sameAs: [block, rank])
        try keys.require(prefix + "lokr_w2_b", shapeB, sameAs: [rank, geometry.taps * width])
        return .lowRank(
            AdapterTensor(prefix + "lokr_w2_a", fileShape: shapeA, shape: [block, rank], fileValues: valuesA),
            AdapterTensor(
                prefix + "lokr_w2_b", fileShape: shapeB, shape: [rank, geometry.taps * width], taps: geometry.taps,
                inputs: width, fileValues: valuesB))
    }
}
