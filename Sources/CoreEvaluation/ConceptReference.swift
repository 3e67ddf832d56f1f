import CoreData
import ImageFiles

/// A concept's own images, and the best that any model with this VAE can reach with them.
struct ConceptReference {
    let concept: Concept
    /// Name of the concept in evaluations; unique among the concepts of a job.
    let name: String
    let images: [RGBImage]
    let features: FeatureRows
    /// Features of the images after the VAE's round trip: the ceiling.
    let roundTrip: FeatureRows

    init(_ data: ConceptDataSet, index: Int, side: Int, encoders: ImageEncoders) throws {
        concept = data.concepts[index]
        let sharesClass = data.concepts.filter { $0.className == data.concepts[index].className }.count > 1
        name = sharesClass || concept.className.isEmpty ? concept.name : concept.className
        images = try data.images(of: index).map { try ConceptDataSet.square($0, resolution: side) }
        features = encoders.features(images)
        roundTrip = encoders.features(images.map(encoders.roundTrip))
    }
}
