import CoreDiffusion
package import CoreNets
import CoreTensor
package import RunSpec

extension AdapterSet {
    /// A new adapter with ΔW = 0 for the layers that a training specification selects, its random tensors
    /// seeded by the specification and each layer's name.
    ///
    /// - Parameters:
    ///   - textEncoder: nil, or a text-encoder learning rate of 0, leaves it alone.
    ///   - secondTextEncoder: SDXL's, under the same rule.
    /// - Throws: `AdapterError` for options the algorithm does not have, or if no layer is selected.
    package static func create(
        unet: any Module, textEncoder: (any Module)?, secondTextEncoder: (any Module)? = nil, spec: TrainingSpec
    ) throws -> AdapterSet {
        let isFrozen = spec.optimiser.textEncoderLearningRate == 0
        return try create(
            unet: unet, textEncoder: isFrozen ? nil : textEncoder,
            secondTextEncoder: isFrozen ? nil : secondTextEncoder, adapter: spec.adapter,
            seed: UInt64(bitPattern: Int64(spec.seed)))
    }

    /// A new adapter with ΔW = 0 for the layers that its description selects.
    ///
    /// - Parameters:
    ///   - textEncoder: nil leaves it alone; so does nil of SDXL's second one.
    ///   - seed: of the random tensors and the dropouts, with each layer's name.
    /// - Throws: `AdapterError` for options the algorithm does not have, or if no layer is selected.
    package static func create(
        unet: any Module, textEncoder: (any Module)?, secondTextEncoder: (any Module)? = nil, adapter: AdapterSpec,
        seed: UInt64 = 0
    ) throws -> AdapterSet {
        if adapter.dropout.activations > 0, !adapter.algorithm.has("dropout") {
            throw AdapterError(
                .badOption, "dropout: \(adapter.algorithm.rawValue) has no rank activations; use rank_dropout")
        }
        var targets = LayerTarget.selected(by: adapter.layers.unet, in: unet, side: .unet)
        for encoder in [textEncoder, secondTextEncoder].compactMap(\.self) {
            targets += LayerTarget.selected(
                by: adapter.layers.textEncoder, in: encoder, side: .textEncoder, isPaired: secondTextEncoder != nil)
        }
        // What reads an edit's source is in no base file.
        let selected = Set(targets.map { ObjectIdentifier($0.module) })
        targets =
            LayerTarget.all(in: unet, side: .unet).filter {
                $0.isGrown && !selected.contains(ObjectIdentifier($0.module))
            } + targets
        let rankByTime = try Self.rankByTime(adapter, unet)
        let positions = try checkedPositions(unet, adapter)
        let layers = try targets.compactMap { try newLayer($0, adapter, positions, seed: seed) }
        guard !layers.isEmpty else {
            throw AdapterError(.nothingSelected, "layers: the selection holds no layer of this network")
        }
        let control = AdapterControl(dropout: adapter.dropout, seed: seed)
        control.rankByTime = rankByTime
        var metadata = metadata(of: adapter, family: family(of: unet))
        metadata[TimestepRank.key] = rankByTime?.rule.text
        return AdapterSet(layers: layers, metadata: metadata, control: control)
    }

    /// T-LoRA's rule with the network's times, where the options ask for it.
    private static func rankByTime(
        _ adapter: AdapterSpec, _ unet: any Module
    ) throws -> (rule: TimestepRank, times: DenoisingTimes)? {
        let options = adapter.options
        let given = [
            ("min_rank", options.minRank != nil), ("rank_power", options.rankPower != nil),
            ("lora_start", options.loraStart != nil),
        ].filter(\.1).map(\.0)
        for name in given {
            guard adapter.algorithm.has(name), !options.dora else {
                let owner = options.dora ? "DoRA" : adapter.algorithm.rawValue
                throw AdapterError(.badOption, "\(name): \(owner) has no such ranks; lora has")
            }
        }
        // Dropout would take other ranks from what is trained than from what is taken off.
        let hindrances = [
            ("use_tucker", options.useTucker), ("use_scalar", options.useScalar),
            ("scale_weight_norms", adapter.scaleWeightNorms > 0), ("dropout", adapter.dropout.activations > 0),
        ].filter(\.1).map(\.0)
        guard options.loraStart == nil || hindrances.isEmpty else {
            throw AdapterError(.badOption, "lora_start: does not go with \(hindrances.listed()); leave one of them out")
        }
        guard options.rankPower == nil || options.minRank != nil else {
            throw AdapterError(.badOption, "rank_power: the exponent of a growing rank; wanted min_rank too")
        }
        guard let rule = TimestepRank(options) else { return nil }
        guard let network = unet as? any Denoiser else {
            throw AdapterError(.badOption, "min_rank: \(unet.className) tells adapters no timesteps")
        }
        return (rule: rule, times: network.denoisingTimes)
    }

    /// The U-Net's positions if any option is listed by them, with every list's length checked.
    private static func checkedPositions(_ unet: any Module, _ adapter: AdapterSpec) throws -> UNetPositions? {
        let lists = [
            ("block_dims", adapter.size.blockDims?.count), ("block_alphas", adapter.size.blockAlphas?.count),
            ("block_lr", adapter.blockLearningRates?.count),
        ]
        guard let used = lists.first(where: { $0.1 != nil }) else { return nil }
        guard !LayerNames.isTransformer(unet) else {
            throw AdapterError(
                .badOption, "\(used.0): counts the positions of a U-Net, and \(unet.className) has none; remove it")
        }
        let positions = UNetPositions(unet)
        for case (let name, .some(let count)) in lists where count != positions.count {
            throw AdapterError(
                .badOption,
                "\(name): found \(count) values, wanted \(positions.count), one for each position of this U-Net: "
                    + positions.summary)
        }
        return positions
    }

    private static func newLayer(
        _ target: LayerTarget, _ adapter: AdapterSpec, _ positions: UNetPositions?, seed: UInt64
    ) throws -> AdapterLayer? {
        let name = target.fileName
        if target.isGrown {
            let site = target.site(named: name)
            let whole = FullUpdate.create(target.geometry, weight: site.weight, bias: site.bias)
            return AdapterLayer(target: target, name: name, content: .weight(.full, whole))
        }
        let position = target.side == .unet ? positions?.position(of: target.path) : nil
        guard adapter.includes(position: position) else { return nil }
        let blockLearningRate = position.flatMap { adapter.blockLearningRates?[$0] } ?? 1
        if target.geometry.kind == .norm {
            guard adapter.trainNorm else { return nil }
            return AdapterLayer(
                target: target, name: name, content: .norm(.create(target.geometry)),
                blockLearningRate: blockLearningRate)
        }
        guard let layer = adapter.layer(name, target.geometry, position: position, seed: seed) else { return nil }
        let update = try AdapterRegistry.create(adapter.algorithm, at: target.site(named: name), layer)
        return AdapterLayer(
            target: target, name: name, content: .weight(adapter.algorithm, update),
            blockLearningRate: blockLearningRate)
    }

    /// What readers look for in a file's header (kohya's names).
    private static func family(of unet: any Module) -> String {
        switch unet.className {
        case "FluxTransformer2DModel": "flux1"
        case "Flux2Transformer2DModel": "flux2"
        case "SD3Transformer2DModel": "sd3"
        default: LayerNames.isXL(unet) ? "sdxl_base_v1-0" : "sd_v1"
        }
    }

    private static func metadata(of adapter: AdapterSpec, family: String) -> [String: String] {
        var arguments: [String] = ["\"algo\": \"\(adapter.algorithm.rawValue)\""]
        if let convDim = adapter.size.convDim { arguments.append("\"conv_dim\": \"\(convDim)\"") }
        if let convAlpha = adapter.size.convAlpha { arguments.append("\"conv_alpha\": \"\(convAlpha)\"") }
        if adapter.algorithm.has("factor") { arguments.append("\"factor\": \"\(adapter.options.factor)\"") }
        if adapter.trainNorm { arguments.append("\"train_norm\": \"True\"") }
        for (name, values) in [
            ("block_dims", adapter.size.blockDims?.map(Double.init)), ("block_alphas", adapter.size.blockAlphas),
            ("block_lr", adapter.blockLearningRates),
        ] {
            guard let values else { continue }
            arguments.append("\"\(name)\": \"\(values.map { "\($0)" }.joined(separator: ","))\"")
        }
        return [
            "ss_v2": "False", "ss_base_model_version": family,
            "ss_network_module": "lycoris.kohya",
            "ss_network_dim": adapter.size.dim.map(String.init) ?? "Dynamic",
            "ss_network_alpha": adapter.size.alpha.map { "\($0)" } ?? "Dynamic",
            "ss_network_args": "{" + arguments.joined(separator: ", ") + "}",
        ]
    }
}

extension LayerTarget {
    /// See `Conv2d.isGrown`.
    var isGrown: Bool { (module as? Conv2d)?.isGrown == true }

    func site(named name: String) -> LayerSite {
        let bias: Tensor?
        let weight: Tensor
        switch module {
        case let layer as Linear: (weight, bias) = (layer.weight.tensor, layer.bias?.tensor)
        case let layer as Conv2d: (weight, bias) = (layer.weight.tensor, layer.bias?.tensor)
        case let norm as GroupNorm: (weight, bias) = (norm.weight.tensor, norm.bias.tensor)
        case let norm as LayerNorm: (weight, bias) = (norm.weight.tensor, norm.bias.tensor)
        default: preconditionFailure("\(path) is no layer that adapters know")
        }
        return LayerSite(
            name: name, geometry: geometry, kept: weight, bias: bias?.detached())
    }
}
