import ImageFiles
import RunSpec

/// One concept under one prompt type: what is drawn, and what the base draws instead.
struct EvaluationSubject {
    let reference: ConceptReference
    let plan: PromptPlan
    let baseImages: [RGBImage]

    /// The concept's pictures that its prompts are about.
    var pictures: [RGBImage] { plan.type == .holdout ? reference.heldOut : reference.images }

    func drawing(_ images: [RGBImage]) -> Evaluation.Drawing {
        Evaluation.Drawing(
            class: reference.name, prompts: plan.type, images: images, own: ownPictures,
            texts: plan.prompts.map(\.measuredText), seeds: plan.prompts.map(\.seed), baseImages: baseImages,
            references: pictures)
    }

    /// For each image the picture whose caption it is drawn from; empty for prompts that are no captions.
    var ownPictures: [RGBImage] { plan.prompts.compactMap { $0.picture.map { pictures[$0] } } }

    /// The same as rows of `ConceptFeatures.all`; nil for prompts that are no captions.
    func ownRows(trained: Int) -> [Int]? {
        let first = plan.type == .holdout ? trained : 0
        let own = plan.prompts.compactMap { $0.picture.map { first + $0 } }
        return own.count == plan.prompts.count ? own : nil
    }
}
