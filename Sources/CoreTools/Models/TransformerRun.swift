import CoreDiffusion
import CoreNets
import CoreTensor

/// Flux.1 on tensors named as the arguments of diffusers' forward.
func runFlux(_ model: FluxTransformer2DModel, _ attach: Attaching, _ inputs: ModelInputs) throws -> Results {
    try attach(model, nil)
    let configuration = model.configuration
    let tokens = try inputs.tensor("hidden_states", [nil, nil, configuration.inChannels])
    let count = tokens.shape[0]
    let context = try inputs.tensor("encoder_hidden_states", [count, nil, configuration.contextWidth])
    let pooled = try inputs.tensor("pooled_projections", [count, configuration.pooledWidth])
    let output = model(
        tokens, context: context, pooled: pooled, times: try inputs.timesteps("timestep", samples: count),
        guidance: configuration.guidance ? try inputs.timesteps("guidance", samples: count) : nil,
        textIDs: try inputs.places("txt_ids", count: context.shape[1], axes: configuration.axes.count),
        imageIDs: try inputs.places("img_ids", count: tokens.shape[1], axes: configuration.axes.count))
    return [("sample", output)]
}

/// Flux.2 on tensors named as the arguments of diffusers' forward.
func runFlux2(_ model: Flux2Transformer2DModel, _ attach: Attaching, _ inputs: ModelInputs) throws -> Results {
    try attach(model, nil)
    let configuration = model.configuration
    let tokens = try inputs.tensor("hidden_states", [nil, nil, configuration.inChannels])
    let count = tokens.shape[0]
    let context = try inputs.tensor("encoder_hidden_states", [count, nil, configuration.contextWidth])
    let output = model(
        tokens, context: context, times: try inputs.timesteps("timestep", samples: count),
        guidance: configuration.guidance ? try inputs.timesteps("guidance", samples: count) : nil,
        textIDs: try inputs.places("txt_ids", count: context.shape[1], axes: configuration.axes.count),
        imageIDs: try inputs.places("img_ids", count: tokens.shape[1], axes: configuration.axes.count))
    return [("sample", output)]
}

/// Stable Diffusion 3 on tensors named as the arguments of diffusers' forward.
func runSD3(_ model: SD3Transformer2DModel, _ attach: Attaching, _ inputs: ModelInputs) throws -> Results {
    try attach(model, nil)
    let configuration = model.configuration
    let latents = try inputs.image(
        "hidden_states", channels: configuration.inChannels, smallest: configuration.patchSize,
        largest: configuration.placesSide * configuration.patchSize + configuration.patchSize - 1)
    let count = latents.shape[0]
    let output = model(
        latents, context: try inputs.tensor("encoder_hidden_states", [count, nil, configuration.contextWidth]),
        pooled: try inputs.tensor("pooled_projections", [count, configuration.pooledWidth]),
        times: try inputs.timesteps("timestep", samples: count))
    return [("sample", channelsFirst(output))]
}

/// T5's encoder on token ids.
func runT5(_ model: T5EncoderModel, _ inputs: ModelInputs) throws -> Results {
    let ids = try inputs.ids("input_ids", vocabulary: model.configuration.vocabularySize, longest: 65536)
    return [("last_hidden_state", model(ids))]
}
