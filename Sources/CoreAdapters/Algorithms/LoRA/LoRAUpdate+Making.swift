import CoreTensor
import RunSpec

extension LoRAUpdate {
    /// A new adapter with ΔW = 0: `up` (or the scalar) is zero, the rest random.
    static func create(_ geometry: LayerGeometry, _ layer: NewLayer) -> LoRAUpdate {
        let rank = layer.dim
        let tucker = layer.options.useTucker && geometry.taps > 1
        let isConvolution = geometry.kind == .convolution
        let side = geometry.kernel
        let upper = AdapterTensor(
            "lora_up.weight", fileShape: isConvolution ? [geometry.outputs, rank, 1, 1] : [geometry.outputs, rank],
            shape: [geometry.outputs, rank])
        let lower: AdapterTensor
        var mid: AdapterTensor?
        if tucker {
            lower = AdapterTensor(
                "lora_down.weight", fileShape: [rank, geometry.inputs, 1, 1], shape: [rank, geometry.inputs])
            let core = AdapterTensor(
                "lora_mid.weight", fileShape: [rank, rank, side, side], shape: [rank, geometry.taps, rank],
                taps: geometry.taps, inputs: rank)
            core.fillKaiming(fan: rank * geometry.taps, stream: layer.stream(core.suffix))
            mid = core
        } else {
            lower = AdapterTensor(
                "lora_down.weight",
                fileShape: isConvolution ? [rank, geometry.inputs, side, side] : [rank, geometry.inputs],
                shape: [rank, geometry.columns], taps: geometry.taps, inputs: geometry.inputs)
        }
        lower.fillKaiming(fan: lower.tensor.shape[1], stream: layer.stream(lower.suffix))
        let scalar = layer.makeScalar()
        if scalar != nil { upper.fillKaiming(fan: rank, stream: layer.stream(upper.suffix)) }
        return LoRAUpdate(
            up: upper, down: lower, mid: mid, scalar: scalar, alpha: layer.savedAlpha, scale: layer.scale)
    }

    /// - Throws: `AdapterError` if the shapes do not fit the layer.
    static func read(_ geometry: LayerGeometry, _ keys: LayerKeys) throws -> LoRAUpdate {
        let (upShape, upValues) = try keys.take("lora_up.weight")
        let (downShape, downValues) = try keys.take("lora_down.weight")
        let rank = downShape.first ?? 0
        let core = keys.takeIfPresent("lora_mid.weight")
        let taps = core == nil ? geometry.taps : 1
        try keys.require("lora_up.weight", upShape, sameAs: [geometry.outputs, rank])
        try keys.require(
            "lora_down.weight", downShape,
            sameAs: taps == 1 ? [rank, geometry.inputs] : [rank, geometry.inputs, geometry.kernel, geometry.kernel])
        let mid = try core.map { shape, values in
            try keys.require("lora_mid.weight", shape, sameAs: [rank, rank, geometry.kernel, geometry.kernel])
            return AdapterTensor(
                "lora_mid.weight", fileShape: shape, shape: [rank, geometry.taps, rank], taps: geometry.taps,
                inputs: rank, fileValues: values)
        }
        let alpha = keys.takeAlpha()
        return LoRAUpdate(
            up: AdapterTensor(
                "lora_up.weight", fileShape: upShape, shape: [geometry.outputs, rank], fileValues: upValues),
            down: AdapterTensor(
                "lora_down.weight", fileShape: downShape, shape: [rank, taps * geometry.inputs], taps: taps,
                inputs: geometry.inputs, fileValues: downValues),
            mid: mid, alpha: alpha, scale: AlphaScale.scale(alpha: alpha, rank: rank))
    }
}
