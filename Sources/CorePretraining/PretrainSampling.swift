import CoreData
import CoreDiffusion
import CoreTensor
import ImageFiles

/// Pictures from the model in training, for sheets and thresholds.
enum PretrainSampling {
    static func draw(
        _ prompts: [String], pipeline: DiffusionPipeline, settings: PretrainSettings, seed: UInt64
    ) -> [RGBImage] {
        withoutGradients {
            let side = settings.imageSide / pipeline.vae.configuration.reduction
            let noise = Tensor(uninitialized: [prompts.count, side, side, 4])
            var stream = RandomStream(seed: seed, purpose: "pretrain sample")
            stream.fillNormal(noise)
            let latents = sampler(pipeline, settings, side: side).sample(
                unet: pipeline.unet, latents: noise, conditional: pipeline.condition(prompts),
                unconditional: pipeline.condition(Array(repeating: "", count: prompts.count)),
                guidance: Float(settings.guidance))
            let pixels = pipeline.vae.decode(pipeline.vae.unscaled(latents))
            return prompts.indices.map { RGBImage(pixels, batch: $0) }
        }
    }

    private static func sampler(
        _ pipeline: DiffusionPipeline, _ settings: PretrainSettings, side: Int
    ) -> any Sampler {
        guard let flow = pipeline.flow else {
            return DDIMSampler(schedule: pipeline.schedule, steps: settings.samplerSteps)
        }
        let tokens = (side / pipeline.unet.latentStep) * (side / pipeline.unet.latentStep)
        return FlowEulerSampler(
            levels: flow.schedule.levels(
                steps: settings.samplerSteps, evenly: flow.family == .flux, tokens: tokens))
    }

    /// What a person looks at to rate the model: names, attributes, renderings.
    static let sheetRows: [(label: String, prompts: [String])] = [
        (
            "faces and animals",
            [
                "grinning face", "smiling face with sunglasses", "crying face", "dog face", "bear face", "frog face",
                "octopus",
                "fish", "butterfly", "owl",
            ]
        ),
        (
            "things",
            [
                "red heart", "pizza", "red apple", "hamburger", "rocket", "bicycle", "car", "house", "sunflower",
                "umbrella",
            ]
        ),
        (
            "attributes",
            PromptTemplates.alter("red heart").prefix(4) + PromptTemplates.alter("dog face").suffix(4)
                + ["pizza and red apple", "rocket on a black background"]
        ),
        ("renderings", PromptTemplates.style("grinning face") + PromptTemplates.style("red apple")),
        (
            "held out: the class words",
            ["cat", "moon", "icon of printer", "veko cat", "zami moon", "quro icon of camera"]
        ),
    ]

    static func sheet(title: String, pipeline: DiffusionPipeline, settings: PretrainSettings) -> RGBImage {
        let rows = sheetRows.enumerated().map { index, row in
            ContactSheet.Row(
                label: row.label,
                images: draw(row.prompts, pipeline: pipeline, settings: settings, seed: UInt64(index + 1)),
                captions: row.prompts)
        }
        return ContactSheet(title: title, rows: rows, cellSize: 128, columns: 10).render()
    }
}
