/// Whether the best checkpoint of a sweep learned its concept, held against what the base draws and what is
/// possible.
package struct ConceptVerdict: Equatable, Sendable {
    /// The checkpoint with the smallest centroid distance on trigger prompts.
    package var best: RankedConfiguration
    package var distance: Double
    package var similarity: Double
    package var floorDistance: Double
    package var floorSimilarity: Double
    package var ceilingSimilarity: Double

    /// Distance as a share of the base model's.
    package var distanceShare: Double { distance / floorDistance }
    /// How much of the way from the base model to the ceiling the similarity went; nil where the base is at
    /// the ceiling already (images of the concept that differ among themselves may be less alike than one
    /// that has something of all).
    package var similarityShare: Double? {
        let way = ceilingSimilarity - floorSimilarity
        return way > 0 ? (similarity - floorSimilarity) / way : nil
    }

    /// At most so much of the base's distance may remain.
    package static let largestDistanceShare = 0.6
    /// At least so much of the way in similarity must be gone.
    package static let smallestSimilarityShare = 0.5

    package var isClearlyCloser: Bool {
        let wanted =
            floorSimilarity + max(0, Self.smallestSimilarityShare * (ceilingSimilarity - floorSimilarity))
        return distanceShare <= Self.largestDistanceShare && similarity >= wanted
    }
}

extension SweepResultSet {
    /// nil as long as distances and similarities on trigger prompts are missing, or the base's are.
    package func verdict() -> ConceptVerdict? {
        guard let best = ranking(by: "squared_centroid_distance", prompts: "trigger").first,
            let similarity = ranking(by: "image_similarity", prompts: "trigger", checkpoints: .all)
                .first(where: { $0.configuration == best.configuration && $0.step == best.step })?.mean,
            let floorDistance = average("base_squared_centroid_distance", "trigger"),
            let floorSimilarity = average("base_image_similarity", "trigger"),
            let ceilingSimilarity = average("ceiling_image_similarity", "trigger")
        else { return nil }
        return ConceptVerdict(
            best: best, distance: best.mean, similarity: similarity, floorDistance: floorDistance,
            floorSimilarity: floorSimilarity, ceilingSimilarity: ceilingSimilarity)
    }
}
