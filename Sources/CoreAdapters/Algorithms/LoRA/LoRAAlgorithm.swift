import CoreTensor
import RunSpec

/// LoRA, and LoCon for convolutions: ΔW = α / r · up · down.
struct LoRAAlgorithm: LoRAFiles {
    let algorithm = Algorithm.lora

    func create(at site: LayerSite, _ layer: NewLayer) throws -> any LayerUpdate {
        switch layer.options.loraStart {
        case nil: LoRAUpdate.create(site.geometry, layer)
        case .orthogonal: try OrthogonalStartUpdate(site.geometry, layer)
        }
    }

    let nameInPEFT: String? = "LORA"
    let networkModule = "networks.lora"
    let extraction: LayerExtraction? = { change in
        try .lora(change.name, delta: change.delta, shape: change.shape, rule: change.rule)
    }
}

/// What holds of every algorithm whose files are LoRA's.
protocol LoRAFiles: AdapterAlgorithm {}

extension LoRAFiles {
    var form: LayerForm {
        LayerForm(
            own: ["lora_up.weight", "lora_down.weight", "lora_mid.weight", "lora_up.bias"],
            needed: [[["lora_up.weight"]], [["lora_down.weight"]]], hasMagnitudes: true, hasScalar: true,
            mark: "lora_up.weight")
    }

    func read(at site: LayerSite, _ keys: LayerKeys) throws -> any LayerUpdate {
        try LoRAUpdate.read(site.geometry, keys)
    }

    func rank(of layer: StoredLayer) -> Int? { layer.tensors["lora_down.weight"]?.shape.first }

    func factors(of layer: StoredLayer) throws -> UpdateFactors {
        let (up, down) = (try layer.tensor("lora_up.weight"), try layer.tensor("lora_down.weight"))
        guard let core = layer.tensors["lora_mid.weight"] else {
            try layer.require("lora_up.weight", up.shape, [up.matrix.rows, down.shape.first ?? 0])
            return .scaled(.product(up.matrix, down.matrix), layer.scale)
        }
        try layer.require("lora_up.weight", up.shape, [up.matrix.rows, core.shape.first ?? 0])
        return .scaled(.product(up.matrix, try layer.lowered("lora_mid.weight", core, down)), layer.scale)
    }

    func scalarTargets(in layer: StoredLayer) -> [String] { ["lora_up.weight"] }

    func resized(_ layer: StoredLayer, _ resize: LayerResize) throws -> StoredLayer {
        let (up, down) = (try layer.tensor("lora_up.weight"), try layer.tensor("lora_down.weight"))
        let core = layer.tensors["lora_mid.weight"]
        let kernel =
            core.map { Array($0.shape.suffix(2)) } ?? (down.shape.count == 4 ? Array(down.shape.suffix(2)) : [])
        let rule = resize.rule(isWide: kernel.reduce(1, *) > 1)
        if case .fixed(layer.rank) = rule { return layer }
        let taps = kernel.reduce(1, *)
        let lower =
            try core.map { core in
                // Checks the shapes.
                _ = try layer.ownFactors()
                return TuckerCore.lowered(core.matrix, inner: down.matrix, taps: taps)
            } ?? down.matrix
        guard lower.rows == up.matrix.columns else {
            throw AdapterError(
                .wrongShape,
                "\(layer.key("lora_up.weight")): found shape \(up.shape), wanted [\(up.matrix.rows), \(lower.rows)]")
        }
        guard let values = up.matrix.singularValues(ofProductWith: lower) else {
            throw LayerResize.notDecomposed(layer)
        }
        let (newUp, newDown) = LayerResize.fitted(values, rule, limit: layer.rank ?? 1)
        let inputs = down.shape.count > 1 ? down.shape[1] : 1
        var result = StoredLayer.lora(
            layer.name, up: newUp, down: newDown, shape: [up.shape[0], inputs] + kernel,
            alpha: layer.alpha == nil ? nil : LayerResize.alpha(layer, rank: newUp.columns))
        if layer.alpha == nil { result.alpha = nil }
        for kept in ["dora_scale", "diff", "diff_b", "lora_up.bias"] { result.tensors[kept] = layer.tensors[kept] }
        return result
    }
}
