import CoreTensor
import RunSpec

extension LoHaUpdate {
    /// A new adapter with ΔW = 0: `hada_w2_a` (or the scalar) is zero, the rest normal with lycoris-lora's
    /// deviations.
    static func create(_ geometry: LayerGeometry, _ layer: NewLayer) -> LoHaUpdate {
        let rank = layer.dim
        let tucker = layer.options.useTucker && geometry.taps > 1
        func half(_ index: Int, zero: Bool) -> Half {
            let a = AdapterTensor(
                "hada_w\(index)_a", fileShape: tucker ? [rank, geometry.outputs] : [geometry.outputs, rank],
                shape: tucker ? [rank, geometry.outputs] : [geometry.outputs, rank])
            let b = AdapterTensor(
                "hada_w\(index)_b", fileShape: [rank, tucker ? geometry.inputs : geometry.columns],
                shape: [rank, tucker ? geometry.inputs : geometry.columns], taps: tucker ? 1 : geometry.taps,
                inputs: geometry.inputs)
            let core =
                tucker
                ? AdapterTensor(
                    "hada_t\(index)", fileShape: [rank, rank, geometry.kernel, geometry.kernel],
                    shape: [rank, geometry.taps, rank], taps: geometry.taps, inputs: rank) : nil
            b.fillNormal(deviation: 1, stream: layer.stream(b.suffix))
            core?.fillNormal(deviation: 0.1, stream: layer.stream("hada_t\(index)"))
            if !zero { a.fillNormal(deviation: 0.1, stream: layer.stream(a.suffix)) }
            return Half(a: a, b: b, core: core)
        }
        let scalar = layer.makeScalar()
        return LoHaUpdate(
            first: half(1, zero: false), second: half(2, zero: scalar == nil), scalar: scalar,
            alpha: layer.savedAlpha, scale: layer.scale)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> LoHaUpdate {
        func half(_ index: Int, rank wanted: Int?) throws -> Half {
            let (nameA, nameB, nameT) = ("hada_w\(index)_a", "hada_w\(index)_b", "hada_t\(index)")
            let (shapeA, valuesA) = try keys.take(nameA)
            let (shapeB, valuesB) = try keys.take(nameB)
            let core = keys.takeIfPresent(nameT)
            let rank = wanted ?? shapeB.first ?? 0
            let memoryA = core == nil ? [geometry.outputs, rank] : [rank, geometry.outputs]
            let memoryB = [rank, core == nil ? geometry.columns : geometry.inputs]
            try keys.require(nameA, shapeA, sameAs: memoryA)
            try keys.require(nameB, shapeB, sameAs: memoryB)
            let tensorT = try core.map { shape, values in
                try keys.require(nameT, shape, sameAs: [rank, rank, geometry.kernel, geometry.kernel])
                return AdapterTensor(
                    nameT, fileShape: shape, shape: [rank, geometry.taps, rank], taps: geometry.taps, inputs: rank,
                    fileValues: values)
            }
            return Half(
                a: AdapterTensor(nameA, fileShape: shapeA, shape: memoryA, fileValues: valuesA),
                b: AdapterTensor(
                    nameB, fileShape: shapeB, shape: memoryB, taps: core == nil ? geometry.taps : 1,
                    inputs: geometry.inputs, fileValues: valuesB),
                core: tensorT)
        }
        let first = try half(1, rank: nil)
        let rank = first.b.tensor.shape[0]
        let second = try half(2, rank: rank)
        let alpha = keys.takeAlpha()
        return LoHaUpdate(first: first, second: second, alpha: alpha, scale: AlphaScale.scale(alpha: alpha, rank: rank))
    }
}
