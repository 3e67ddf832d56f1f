import CoreAdapters
import CoreDiffusion
import CoreNets
import CoreTensor

/// Runs one network on tensors from a file and writes its outputs, in the reference libraries' names and
/// layouts, so that anyone can hold it against another implementation.
///
/// - Parameters:
///   - model: a pipeline's folder, one model's, or an original single file.
///   - component: a `ModelComponent`'s name.
///   - adapters: applied together, W + Σ strength · ΔW; only for the U-Net and the text encoder.
///   - inputs: a safetensors file.
///   - output: the safetensors file to write, in f32.
///   - warn: gets what was assumed about the adapters.
/// - Throws: `ModelError`, or what loading the model, the adapters and the tensors throws.
package func runModel(
    model: String, component: String, adapters: [(path: String, strength: Double)] = [], inputs: String,
    output: String, warn: @escaping (String) -> Void = { _ in }
) throws {
    let component = try ModelComponent(name: component)
    let inputs = try ModelInputs(path: inputs)
    let adaptable: [ModelComponent] = [.unet, .flux, .flux2, .sd3, .textEncoder, .textEncoder2]
    guard adapters.isEmpty || adaptable.contains(component) else {
        throw ModelError(
            code: .wrongAdapter,
            message: "\(component.rawValue) takes no adapter; wanted one of "
                + adaptable.map(\.rawValue).joined(separator: ", "))
    }
    let source = ModelSource(path: model, component: component)
    let attaching: Attaching = { unet, textEncoder in
        AdapterSet.attach(
            try adapters.map { adapter in
                let set = try AdapterSet.load(adapter.path, unet: unet, textEncoder: textEncoder)
                for warning in set.warnings { warn(warning) }
                return (set, Float(adapter.strength))
            })
    }
    let results = try withoutGradients {
        switch component {
        case .unet: try runUNet(try source.unet(), attaching, inputs)
        case .vaeEncode, .vaeDecode: try runAutoencoder(try source.autoencoder(), component, inputs)
        case .textEncoder: try runTextEncoder(try source.textEncoder(), attaching, inputs)
        case .textEncoder2: try runSecondTextEncoder(try source.secondTextEncoder(), attaching, inputs)
        case .clipImage, .clipText: try runCLIP(try source.clip(), component, inputs)
        case .flux: try runFlux(try source.flux(), attaching, inputs)
        case .flux2: try runFlux2(try source.flux2(), attaching, inputs)
        case .sd3: try runSD3(try source.sd3(), attaching, inputs)
        case .t5: try runT5(try source.t5(), inputs)
        case .dinov2: try runDinov2(try source.dinov2(), inputs)
        case .vgg19: try runVGG19(try source.vgg19(), inputs)
        }
    }
    var writer = SafetensorsWriter(metadata: ["format": "pt"])
    for (name, tensor) in results { writer.add(name, shape: tensor.shape, floats: tensor.values) }
    try writer.write(to: output)
}

typealias Results = [(name: String, tensor: Tensor)]

/// NHWC to the reference's NCHW.
func channelsFirst(_ image: Tensor) -> Tensor { permuted(image, [0, 3, 1, 2]) }

/// Makes a U-Net or a text encoder compute with the adapters.
typealias Attaching = (_ unet: (any Module)?, _ textEncoder: (any Module)?) throws -> Void

private func runUNet(
    _ unet: UNet2DConditionModel, _ attach: Attaching, _ inputs: ModelInputs
) throws -> Results {
    try attach(unet, nil)
    let configuration = unet.configuration
    let sample = try inputs.image("sample", channels: unet.inputs)
    let count = sample.shape[0]
    let context = try inputs.tensor("encoder_hidden_states", [count, nil, configuration.crossAttentionWidth[0]])
    var added: UNet2DConditionModel.Added?
    if let addition = configuration.addition {
        let text = try inputs.tensor("text_embeds", [count, addition.inputWidth - 6 * addition.timeWidth])
        let sizes = try inputs.tensor("time_ids", [count, 6]).values
        added = .init(text: text, sizes: (0..<count).map { Array(sizes[6 * $0..<6 * $0 + 6]) })
    }
    let output = unet(
        sample: sample, timesteps: try inputs.timesteps("timestep", samples: count), context: context, added: added)
    return [("sample", channelsFirst(output))]
}

private func runAutoencoder(
    _ vae: AutoencoderKL, _ component: ModelComponent, _ inputs: ModelInputs
) throws -> Results {
    let configuration = vae.configuration
    if component == .vaeDecode {
        let latents = try inputs.image("latents", channels: configuration.latentChannels)
        return [("pixels", channelsFirst(vae.decode(latents)))]
    }
    let pixels = try inputs.image(
        "pixels", channels: configuration.inChannels, smallest: configuration.reduction)
    let (mean, logvar) = vae.encode(pixels)
    return [("mean", channelsFirst(mean)), ("logvar", channelsFirst(logvar))]
}

private func runTextEncoder(
    _ model: CLIPTextModel, _ attach: Attaching, _ inputs: ModelInputs
) throws -> Results {
    try attach(nil, model)
    let states = model(ids: try ids(for: model, inputs))
    return [("last_hidden_state", states.hidden), ("pooled", states.pooled)]
}

private func runSecondTextEncoder(
    _ model: CLIPTextModel, _ attach: Attaching, _ inputs: ModelInputs
) throws -> Results {
    guard model.hasProjection else {
        throw ModelError(
            code: .wrongModel, message: "text-encoder-2: the model has no text_projection.weight, so no text_embeds")
    }
    try attach(nil, model)
    let states = model.penultimate(ids: try ids(for: model, inputs))
    return [("hidden", states.hidden), ("text_embeds", states.embedding)]
}

private func ids(for model: CLIPTextModel, _ inputs: ModelInputs) throws -> [[Int32]] {
    let configuration = model.configuration
    return try inputs.ids("input_ids", vocabulary: configuration.vocabularySize, longest: configuration.positions)
}

private func runDinov2(_ model: Dinov2Model, _ inputs: ModelInputs) throws -> Results {
    let pixels = try inputs.image(
        "pixel_values", channels: model.configuration.channels, smallest: model.configuration.patchSize)
    return [("cls", model(pixels))]
}

private func runVGG19(_ model: VGG19Style, _ inputs: ModelInputs) throws -> Results {
    let pixels = try inputs.image("pixel_values", channels: 3, smallest: model.smallestSide)
    let count = pixels.shape[0]
    // One picture at a time: the activations of the first layers are large.
    var grams: [[Tensor]] = []
    for sample in 0..<count {
        model(slice(pixels, batch: sample..<sample + 1)) { layer in
            if grams.count <= sample { grams.append([]) }
            let channels = layer.shape[3]
            let flat = layer.reshaped([layer.count / channels, channels])
            let gram = scaled(matmul(flat, flat, transposeA: true), by: 1 / Float(layer.count))
            grams[sample].append(gram.reshaped([1, channels, channels]))
        }
    }
    return (0..<5).map { layer in ("gram.\(layer)", concatenateBatch(grams.map { $0[layer] })) }
}

private func runCLIP(_ model: CLIPModel, _ component: ModelComponent, _ inputs: ModelInputs) throws -> Results {
    if component == .clipText {
        let text = model.configuration.text
        let ids = try inputs.ids("input_ids", vocabulary: text.vocabularySize, longest: text.positions)
        return [("text_embeds", model.textEmbeddings(ids: ids))]
    }
    let vision = model.configuration.vision
    let pixels = try inputs.image("pixel_values", channels: vision.channels, size: vision.imageSize)
    return [("image_embeds", model.imageEmbeddings(pixels))]
}
