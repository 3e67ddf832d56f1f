import CoreData
import CoreDiffusion
import CoreTensor
import Foundation
import ImageFiles

/// Whether the embedded base model and its encoders are good enough for sweeps to mean something.
package struct PretrainThresholds {
    /// One measured property.
    package struct Threshold: Codable, Equatable, Sendable {
        package let name: String
        package let value: Double
        /// `>= 0.95` and the like, as text.
        package let wanted: String
        package let passed: Bool
    }

    let pipeline: DiffusionPipeline
    let encoders: PretrainEncoders
    /// What the encoders were trained on, apart from what is held back for the thresholds.
    let corpus: PretrainCorpus
    /// What the generator was trained on.
    let trained: PretrainCorpus
    let settings: PretrainSettings

    func run(progress: (String) -> Void) throws -> [Threshold] {
        var thresholds = [latentDeviation()]
        let vectors = corpus.concepts.map { concept in encoders.imageVectors(concept.samples.map(\.image)) }
        let others = encoders.imageVectors(keptSamples(200).map(\.image))
        for (index, concept) in corpus.concepts.enumerated() {
            thresholds.append(separation(concept.name, index: index, vectors: vectors, others: others))
            thresholds.append(ceiling(concept.name, samples: concept.samples, vectors: vectors[index]))
        }
        for (index, concept) in corpus.concepts.enumerated() {
            thresholds.append(swaps(concept, vectors: vectors[index]))
        }
        thresholds.append(heldOut(vectors.flatMap { $0 }))
        thresholds.append(retrieval())
        progress("thresholds of the encoders done; drawing pictures for those of the generator")
        thresholds += generatorThresholds()
        return thresholds
    }

    /// Scaled latents of training pictures have deviation 1.
    private func latentDeviation() -> Threshold {
        let images = stride(from: 0, to: corpus.plain.count, by: 5).map { corpus.samples[$0].image }
        let deviation =
            PretrainAutoencoder.statistics(pipeline.vae, images).deviation
            * pipeline.vae.configuration.scalingFactor
        return Threshold(
            name: "latents' deviation", value: deviation, wanted: "0.95...1.05",
            passed: (0.95...1.05).contains(deviation))
    }

    /// Same-concept pairs are nearer than pairs with anything else, on pictures the encoders never trained
    /// on.
    private func separation(_ name: String, index: Int, vectors: [[[Float]]], others: [[Float]]) -> Threshold {
        let kept = vectors[index].enumerated().filter { PretrainEncoders.isHeldBack(conceptItem: $0.offset) }
            .map(\.element)
        let foreign =
            others
            + vectors.enumerated().filter { $0.offset != index }.flatMap { $0.element.enumerated() }
            .filter { PretrainEncoders.isHeldBack(conceptItem: $0.offset) }.map(\.element)
        var same: [Float] = []
        for first in kept.indices {
            for second in kept.indices where second > first { same.append(Self.dot(kept[first], kept[second])) }
        }
        let different = kept.flatMap { one in foreign.map { Self.dot(one, $0) } }
        let area = Self.areaUnderCurve(positive: same, negative: different)
        return Threshold(name: "encoder separates \(name), AUC", value: area, wanted: ">= 0.95", passed: area >= 0.95)
    }

    /// A picture and its passage through the autoencoder look alike to the encoders.
    private func ceiling(_ name: String, samples: [PretrainCorpus.Sample], vectors: [[Float]]) -> Threshold {
        let passed = encoders.imageVectors(samples.map { PretrainAutoencoder.roundTrip(pipeline.vae, $0.image) })
        let cosines = zip(vectors, passed).map { Double(Self.dot($0, $1)) }
        let mean = cosines.reduce(0, +) / Double(cosines.count)
        return Threshold(
            name: "autoencoder keeps \(name), cosine", value: mean, wanted: ">= 0.95", passed: mean >= 0.95)
    }

    /// Similarity to the concept falls with every quarter of its pictures that gives way to the base model's
    /// drawings of the class word: otherwise a sweep's ranking by similarity would mean nothing.
    private func swaps(_ concept: PretrainCorpus.Concept, vectors: [[Float]]) -> Threshold {
        let indexed = vectors.enumerated()
        let reference = indexed.filter { !PretrainEncoders.isHeldBack(conceptItem: $0.offset) }.map(\.element)
        let kept = indexed.filter { PretrainEncoders.isHeldBack(conceptItem: $0.offset) }.map(\.element)
        let drawn = encoders.imageVectors(kept.indices.map { draw(concept.className, seed: $0) })
        let similarities = (0...4).map { quarters -> Double in
            let swapped = kept.count * quarters / 4
            let pictures = Array(drawn.prefix(swapped)) + kept.dropFirst(swapped)
            let cosines = pictures.flatMap { one in reference.map { Double(Self.dot(one, $0)) } }
            return cosines.reduce(0, +) / Double(cosines.count)
        }
        let smallestFall = zip(similarities, similarities.dropFirst()).map { $0 - $1 }.min() ?? 0
        return Threshold(
            name: "smallest fall of similarity as a quarter of \(concept.name) is swapped", value: smallestFall,
            wanted: "> 0", passed: smallestFall > 0)
    }

    /// No training picture is a twin of a held-out one.
    private func heldOut(_ held: [[Float]]) -> Threshold {
        let training = encoders.imageVectors(trained.plain.map { trained.samples[$0].image })
        let nearest = training.map { one in held.map { Self.dot(one, $0) }.max() ?? 0 }.max() ?? 0
        return Threshold(
            name: "nearest training picture to a held-out one, cosine", value: Double(nearest), wanted: "<= 0.9",
            passed: nearest <= 0.9)
    }

    /// Among 100 captions the right one is in the first five, for pictures never trained on.
    private func retrieval() -> Threshold {
        let kept = keptSamples(100)
        let images = encoders.imageVectors(kept.map(\.image))
        let texts = encoders.textVectors(kept.map(\.caption))
        let hits = images.enumerated().filter { index, image in
            let own = Self.dot(image, texts[index])
            return texts.filter { Self.dot(image, $0) > own }.count < 5
        }.count
        let share = Double(hits) / Double(kept.count)
        return Threshold(name: "caption among the first 5 of 100", value: share, wanted: ">= 0.5", passed: share >= 0.5)
    }

    /// For attribute and style prompts the drawn picture fits its own caption better than another's.
    private func generatorThresholds() -> [Threshold] {
        let subjects = ["red heart", "grinning face", "pizza", "red apple", "dog face", "sunflower"]
        return [("attribute", PromptTemplates.alter), ("style", PromptTemplates.style)].map { name, prompts in
            let captions = subjects.flatMap(prompts)
            let images = captions.enumerated().map { index, caption in draw(caption, seed: index) }
            let pictures = encoders.imageVectors(images)
            let texts = encoders.textVectors(captions)
            var own: [Float] = []
            var foreign: [Float] = []
            for (row, picture) in pictures.enumerated() {
                for (column, text) in texts.enumerated() where row == column || captions[row] != captions[column] {
                    let similarity = Self.dot(picture, text)
                    if row == column { own.append(similarity) } else { foreign.append(similarity) }
                }
            }
            let area = Self.areaUnderCurve(positive: own, negative: foreign)
            return Threshold(
                name: "\(name) prompts are followed, AUC", value: area, wanted: ">= 0.8", passed: area >= 0.8)
        }
    }

    func draw(_ prompt: String, seed: Int) -> RGBImage {
        PretrainSampling.draw([prompt], pipeline: pipeline, settings: settings, seed: UInt64(seed))[0]
    }

    private func keptSamples(_ count: Int) -> [PretrainCorpus.Sample] {
        let kept = corpus.composed.filter(PretrainEncoders.isHeldBack(sample:))
        let stride = max(1, kept.count / count)
        return (0..<min(count, kept.count)).map { corpus.samples[kept[$0 * stride]] }
    }

    static func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    /// The chance that a positive ranks above a negative, ties counting half.
    static func areaUnderCurve(positive: [Float], negative: [Float]) -> Double {
        guard !positive.isEmpty, !negative.isEmpty else { return 0 }
        let sorted = negative.sorted()
        var wins = 0.0
        for value in positive {
            let below = sorted.partitioningIndex { $0 >= value }
            let upTo = sorted.partitioningIndex { $0 > value }
            wins += Double(below) + Double(upTo - below) / 2
        }
        return wins / Double(positive.count * sorted.count)
    }
}

extension Array where Element == Float {
    /// The first index whose element satisfies a predicate that is false, then true; binary search.
    fileprivate func partitioningIndex(_ belongsAbove: (Float) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if belongsAbove(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
