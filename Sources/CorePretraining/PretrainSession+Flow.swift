import CoreData
import CoreDiffusion
import CoreNets
import CoreTensor
import Foundation

extension PretrainSession {
    /// A rectified flow's transformer with its two text encoders, beside the autoencoder of a base that is
    /// there.
    func trainFlow() throws {
        guard let start, let flow = settings.flow else {
            throw PretrainError(
                code: .missingStage,
                message: "the stage flow wants --from, a base whose autoencoder, encoders and words it takes")
        }
        let vae = try DiffusionPipeline.loadAutoencoder(try finished("vae"))
        let allowed = try allowedCorpus()
        let words = "\(options.out)/tokenizer_2"
        let pieces = PretrainWordPieces.pieces(captions: corpus.tokenizerCaptions, reserved: TriggerTokens.all)
        try PretrainWordPieces.write(pieces, length: flow.textLength, to: words)
        let text = CLIPTextModel(configuration: settings.text(tokenizer))
        try start.load(text)
        let sizes = settings.transformer(flow, latentChannels: vae.configuration.latentChannels)
        let transformer = FluxTransformer2DModel(configuration: sizes)
        let long = T5EncoderModel(configuration: settings.longText(flow, words: pieces.count))
        PretrainFlow.initialise(transformer, long, seed: settings.seed)
        progress(
            "flow: \(transformer.parameterCount) parameters, T5 \(long.parameterCount), text encoder "
                + "\(text.parameterCount)")
        let pipeline = try DiffusionPipeline(
            flow: transformer, vae: vae, textEncoder: text, tokenizer: tokenizer,
            t5: T5Text(
                model: long, tokenizer: T5Tokenizer(directory: words).limited(to: pieces.count),
                length: flow.textLength), schedule: FlowSchedule(shift: flow.shift))
        let network = PretrainFlow(
            pipeline: pipeline,
            batches: PretrainBatches(
                corpus: allowed, latents: PretrainLatents(vae, corpus: allowed), settings: settings),
            schedule: FlowSchedule(shift: flow.shift))
        let loop = loop(
            "flow", [("transformer", transformer), ("long", long), ("text", text)], flow.training,
            averageDecay: settings.averageDecay)
        try loop.run(saveEvery: options.saveEvery) {
            network.loss(step: $0, count: flow.training.batch)
        } saved: { step in
            try show(pipeline, trained: allowed, step: step)
        }
        try publish(pipeline, trained: allowed, thresholds: [])
    }
}
