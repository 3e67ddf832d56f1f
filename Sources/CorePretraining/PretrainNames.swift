import CoreData
import CoreDiffusion
import CoreTensor
import Foundation
import ImageFiles

/// A hundred names and what the base model draws for them: those it has seen most often, and others.
package struct PretrainNames {
    /// How the encoders find the drawings of one group of names.
    package struct Score: Codable, Equatable, Sendable {
        package let group: String
        package let count: Int
        /// Mean cosine of a drawing and its own name.
        package let textSimilarity: Double
        /// The same for the emoji themselves: what a perfect generator would reach.
        package let originals: Double
        /// Share of drawings whose own name is the nearest, and among the five nearest, of the hundred.
        package let nearest: Double
        package let amongFive: Double

        var text: String {
            let similarity = String(format: "%.3f (the emoji themselves %.3f)", textSimilarity, originals)
            let ranks = String(format: "own name nearest %.0f %%, among five %.0f %%", 100 * nearest, 100 * amongFive)
            return "\(group): text similarity \(similarity), \(ranks)"
        }
    }

    private static let groups = [(label: "everyday names", count: 60), (label: "any other names", count: 40)]

    /// Indices into the corpus' entries, by group.
    private let chosen: [(label: String, entries: [Int])]
    private let corpus: PretrainCorpus
    private let drawings: [RGBImage]

    init(corpus: PretrainCorpus, pipeline: DiffusionPipeline, settings: PretrainSettings) {
        self.corpus = corpus
        let everyday = Set(corpus.everyday)
        let others = corpus.entries.indices.filter { !everyday.contains($0) }
        chosen = zip(Self.groups, [corpus.everyday, others]).map { group, entries in
            let count = min(group.count, entries.count)
            return (group.label, (0..<count).map { entries[$0 * entries.count / count] })
        }
        drawings = chosen.flatMap(\.entries).enumerated().map { index, entry in
            PretrainSampling.draw(
                [corpus.entries[entry].caption], pipeline: pipeline, settings: settings, seed: UInt64(index))[0]
        }
    }

    private func captions(_ entries: [Int]) -> [String] { entries.map { corpus.entries[$0].caption } }

    func sheet() -> RGBImage {
        var first = 0
        let rows = chosen.map { label, entries in
            defer { first += entries.count }
            return ContactSheet.Row(
                label: label, images: Array(drawings[first..<first + entries.count]), captions: captions(entries))
        }
        return ContactSheet(title: "a hundred names", rows: rows, cellSize: 96, columns: 12).render()
    }

    func scores(_ encoders: PretrainEncoders) -> [Score] {
        let texts = encoders.textVectors(captions(chosen.flatMap(\.entries)))
        let pictures = encoders.imageVectors(drawings)
        let originals = encoders.imageVectors(chosen.flatMap(\.entries).map { corpus.samples[$0].image })
        var first = 0
        return chosen.map { label, entries in
            let range = first..<first + entries.count
            first = range.upperBound
            let ranks = range.map { index -> Int in
                let own = PretrainThresholds.dot(pictures[index], texts[index])
                return texts.filter { PretrainThresholds.dot(pictures[index], $0) > own }.count
            }
            func share(_ condition: (Int) -> Bool) -> Double {
                Double(ranks.filter(condition).count) / Double(range.count)
            }
            func mean(_ vectors: [[Float]]) -> Double {
                range.map { Double(PretrainThresholds.dot(vectors[$0], texts[$0])) }.reduce(0, +) / Double(range.count)
            }
            return Score(
                group: label, count: range.count, textSimilarity: mean(pictures), originals: mean(originals),
                nearest: share { $0 == 0 }, amongFive: share { $0 < 5 })
        }
    }
}
