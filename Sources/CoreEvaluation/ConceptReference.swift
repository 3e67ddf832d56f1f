import CoreData
import CoreDiffusion
import ImageFiles
import RunSpec

/// The pictures of a concept or of a sub-class, and the best that any model with this VAE can make of them.
struct ConceptReference {
    let concept: Concept
    /// In results; unique among those of a job.
    let name: String
    /// What was trained on, and what was held out.
    let images: [RGBImage]
    let heldOut: [RGBImage]
    /// The same after the VAE's round trip.
    let roundTrip: [RGBImage]
    let heldOutRoundTrip: [RGBImage]
    /// The same pictures as their files have them, in the same order.
    let originals: [TrainingImage]
    let heldOutOriginals: [TrainingImage]
    /// What they are edits of, in the same order; nil for pictures that are no edits.
    let sources: [RGBImage?]
    let heldOutSources: [RGBImage?]

    /// - Parameters:
    ///   - size: of the images that are drawn. Edits have it, whatever its shape: they are laid on what they
    ///     should be. Of other pictures the largest square in it is shown.
    ///   - roundTrip: pictures after the VAE's round trip.
    init(
        _ data: ConceptDataSet, part: EvaluationOutline.Part, size: PixelSize,
        roundTrip: ([RGBImage]) throws -> [RGBImage]
    ) throws {
        concept = data.concepts[part.concept]
        name = part.name
        let (trained, heldOut) = (data.images(of: part.concept), data.heldOut(of: part.concept))
        originals = part.trained.map { trained[$0] }
        heldOutOriginals = part.heldOut.map { heldOut[$0] }
        images = try originals.map { try ConceptDataSet.target($0, size: size) }
        self.heldOut = try heldOutOriginals.map { try ConceptDataSet.target($0, size: size) }
        sources = try originals.map { try ConceptDataSet.source($0, fitting: size) }
        heldOutSources = try heldOutOriginals.map { try ConceptDataSet.source($0, fitting: size) }
        self.roundTrip = try roundTrip(images)
        heldOutRoundTrip = try roundTrip(self.heldOut)
    }

    /// What a prompt's image is an edit of; nil for a prompt that is no instruction.
    func source(of prompt: EvaluationPrompt, _ type: PromptType) -> RGBImage? {
        prompt.picture.flatMap { (type == .holdout ? heldOutSources : sources)[$0] }
    }

    /// What an encoder is shown of the pictures that were trained on. The base's own pair sees the squares
    /// that the base could draw; a named encoder prepares the whole pictures as its reference does.
    func pictures(for encoder: FeatureEncoder) -> Pictures {
        encoder.role == nil ? Pictures(images) : Self.whole(originals)
    }

    /// The same of those that were held out.
    func heldOutPictures(for encoder: FeatureEncoder) -> Pictures {
        encoder.role == nil ? Pictures(heldOut) : Self.whole(heldOutOriginals)
    }

    private static func whole(_ images: [TrainingImage]) -> Pictures {
        Pictures(count: images.count) { try ConceptDataSet.whole(images[$0]) }
    }

    /// The pictures that were trained on, as their files have them.
    var wholePictures: Pictures { Self.whole(originals) }
}
