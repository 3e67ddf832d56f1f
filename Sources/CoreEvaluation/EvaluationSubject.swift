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

    /// For each image the picture that it is an edit of, what the edit should make, and the same after the
    /// VAE's round trip; nil where the concept is no edit.
    var edits: [Edit]? {
        let (targets, roundTrips) =
            plan.type == .holdout
            ? (reference.heldOut, reference.heldOutRoundTrip) : (reference.images, reference.roundTrip)
        let edits = plan.prompts.compactMap { prompt -> Edit? in
            guard let place = prompt.picture, let source = reference.source(of: prompt, plan.type) else { return nil }
            return Edit(source: source, target: targets[place], roundTrip: roundTrips[place])
        }
        return edits.count == plan.prompts.count && !edits.isEmpty ? edits : nil
    }

    struct Edit {
        let source: RGBImage
        let target: RGBImage
        let roundTrip: RGBImage
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
