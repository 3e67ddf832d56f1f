package import CoreNets
import CoreTensor
package import RunSpec

extension AdapterSet {
    /// A new adapter with ΔW = 0 for the layers that a training specification selects, its random tensors seeded by the
    /// specification and each layer's name.
    ///
    /// - Parameters:
    ///   - textEncoder: nil, or a text-encoder learning rate of 0, leaves it alone.
    ///   - secondTextEncoder: SDXL's, under the same rule.
    /// - Throws: `AdapterError` for options the algorithm does not have, or if no layer is selected.
    package static func create(
        unet: any Module, textEncoder: (any Module)?, secondTextEncoder: (any Module)? = nil, spec: TrainingSpec
    ) throws -> AdapterSet {
        try create(
            unet: unet, textEncoder: textEncoder, secondTextEncoder: secondTextEncoder, options: AdapterOptions(spec))
    }

    package static func create(
        unet: any Module, textEncoder: (any Module)?, secondTextEncoder: (any Module)? = nil, options: AdapterOptions
    ) throws -> AdapterSet {
        if options.dropout > 0, options.algorithm != .lora {
            throw AdapterError(
                .badOption, "dropout: \(options.algorithm.rawValue) has no rank activations; use rank_dropout")
        }
        var targets = LayerTarget.selected(by: options.layers.unet, in: unet, side: .unet)
        for encoder in [textEncoder, secondTextEncoder].compactMap(\.self) where options.trainsTextEncoder {
            targets += LayerTarget.selected(
                by: options.layers.textEncoder, in: encoder, side: .textEncoder, isPaired: secondTextEncoder != nil)
        }
        let positions = try checkedPositions(unet, options)
        let layers = try targets.compactMap { try newLayer($0, options, positions) }
        guard !layers.isEmpty else {
            throw AdapterError(.nothingSelected, "layers: the selection holds no layer of this network")
        }
        let control = AdapterControl(
            dropout: Float(options.dropout), rankDropout: Float(options.rankDropout),
            moduleDropout: Float(options.moduleDropout), seed: options.seed)
        return AdapterSet(
            layers: layers, metadata: metadata(of: options, isXL: LayerNames.isXL(unet)), control: control)
    }

    /// The U-Net's positions if any option is listed by them, with every list's length checked.
    private static func checkedPositions(_ unet: any Module, _ options: AdapterOptions) throws -> UNetPositions? {
        let lists = [
            ("block_dims", options.blockDims?.count), ("block_alphas", options.blockAlphas?.count),
            ("block_lr", options.blockRates?.count),
        ]
        guard lists.contains(where: { $0.1 != nil }) else { return nil }
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
        _ target: LayerTarget, _ options: AdapterOptions, _ positions: UNetPositions?
    ) throws -> AdapterLayer? {
        let name = target.fileName
        let position = target.side == .unet ? positions?.position(of: target.path) : nil
        guard options.includes(position: position) else { return nil }
        let rateFactor = position.flatMap { options.blockRates?[$0] } ?? 1
        if target.geometry.kind == .norm {
            guard options.trainNorm else { return nil }
            return AdapterLayer(
                target: target, name: name, content: .norm(.create(target.geometry)), rateFactor: rateFactor)
        }
        guard let layerOptions = options.layer(name, target.geometry, position: position) else { return nil }
        let update = try AdapterRegistry.create(options.algorithm, at: target.site(named: name), layerOptions)
        return AdapterLayer(
            target: target, name: name, content: .weight(options.algorithm, update), rateFactor: rateFactor)
    }

    /// What readers look for in a file's header (kohya's names).
    private static func metadata(of options: AdapterOptions, isXL: Bool) -> [String: String] {
        var arguments: [String] = ["\"algo\": \"\(options.algorithm.rawValue)\""]
        if let convDim = options.convDim { arguments.append("\"conv_dim\": \"\(convDim)\"") }
        if let convAlpha = options.convAlpha { arguments.append("\"conv_alpha\": \"\(convAlpha)\"") }
        if options.algorithm.isKronecker { arguments.append("\"factor\": \"\(options.factor)\"") }
        if options.trainNorm { arguments.append("\"train_norm\": \"True\"") }
        for (name, values) in [
            ("block_dims", options.blockDims?.map(Double.init)), ("block_alphas", options.blockAlphas),
            ("block_lr", options.blockRates),
        ] {
            guard let values else { continue }
            arguments.append("\"\(name)\": \"\(values.map { "\($0)" }.joined(separator: ","))\"")
        }
        return [
            "ss_v2": "False", "ss_base_model_version": isXL ? "sdxl_base_v1-0" : "sd_v1",
            "ss_network_module": "lycoris.kohya",
            "ss_network_dim": options.dim.map(String.init) ?? "Dynamic",
            "ss_network_alpha": options.alpha.map { "\($0)" } ?? "Dynamic",
            "ss_network_args": "{" + arguments.joined(separator: ", ") + "}",
        ]
    }
}

extension LayerTarget {
    func site(named name: String) -> AdapterRegistry.Site {
        let bias: Tensor?
        let weight: Tensor
        switch module {
        case let layer as Linear: (weight, bias) = (layer.weight.tensor, layer.bias?.tensor)
        case let layer as Conv2d: (weight, bias) = (layer.weight.tensor, layer.bias?.tensor)
        case let norm as GroupNorm: (weight, bias) = (norm.weight.tensor, norm.bias.tensor)
        case let norm as LayerNorm: (weight, bias) = (norm.weight.tensor, norm.bias.tensor)
        default: preconditionFailure("\(path) is no layer that adapters know")
        }
        return .init(
            name: name, geometry: geometry,
            weight: weight.widened().detached().reshaped([geometry.outputs, geometry.columns]), bias: bias?.detached())
    }
}
