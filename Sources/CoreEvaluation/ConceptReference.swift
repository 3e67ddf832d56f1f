import CoreData
import CoreDiffusion
import ImageFiles

/// A concept's own pictures, and the best that any model with this VAE can make of them.
struct ConceptReference {
    let concept: Concept
    /// Name of the concept in evaluations; unique among the concepts of a job.
    let name: String
    /// What was trained on, and what was held out.
    let images: [RGBImage]
    let heldOut: [RGBImage]
    /// The same after the VAE's round trip.
    let roundTrip: [RGBImage]
    let heldOutRoundTrip: [RGBImage]

    init(_ data: ConceptDataSet, index: Int, side: Int, autoencoder: AutoencoderKL) throws {
        concept = data.concepts[index]
        let sharesClass = data.concepts.filter { $0.className == data.concepts[index].className }.count > 1
        name = sharesClass || concept.className.isEmpty ? concept.name : concept.className
        images = try data.images(of: index).map { try ConceptDataSet.square($0, resolution: side) }
        heldOut = try data.heldOut(of: index).map { try ConceptDataSet.square($0, resolution: side) }
        roundTrip = images.map(autoencoder.roundTrip)
        heldOutRoundTrip = heldOut.map(autoencoder.roundTrip)
    }
}
