import CoreEvaluation
import CoreTensor
import Foundation
import Testing

@Suite("Metrics against numpy and scipy")
struct MetricTests {
    private struct Reference: Decodable {
        struct Case: Decodable {
            let generated, reference, texts: [[Float]]
            let imageSimilarity, squaredCentroidDistance, textSimilarity, vendi: Double
        }
        struct Pair: Decodable {
            let name: String
            let images, pictures: [[Float]]
            let own: [Int]
            let pairedFidelity, nearest, meanSimilarity: [Double]
            let ownPictureRetrieval, copying: [Double]?
            let bound: Double
            let threshold: Double?
        }
        struct Style: Decodable {
            let a, b: [[[Float]]]
            let distance: Double
        }
        struct Symmetric: Decodable {
            let matrix: [[Double]]
            let eigenvalues: [Double]
        }
        let cases: [Case]
        let pairs: [Pair]
        let style: Style
        let symmetric: Symmetric
    }

    private let reference: Reference

    init() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let bytes = try Data(contentsOf: folder.appendingPathComponent("Fixtures/metrics.json"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        reference = try decoder.decode(Reference.self, from: bytes)
    }

    private func rows(_ matrix: [[Float]]) -> FeatureRows {
        FeatureRows(normalizing: matrix.flatMap { $0 }, count: matrix.count)
    }

    @Test("similarity, centroid distance, text similarity and Vendi score")
    func features() {
        for each in reference.cases {
            let (generated, real) = (rows(each.generated), rows(each.reference))
            #expect(abs(FeatureMetrics.imageSimilarity(generated, real) - each.imageSimilarity) < 1e-6)
            let distance = FeatureMetrics.squaredCentroidDistance(generated, real)
            #expect(abs(distance - each.squaredCentroidDistance) < 1e-6)
            #expect(abs(FeatureMetrics.textSimilarity(generated, rows(each.texts)) - each.textSimilarity) < 1e-6)
            #expect(abs(FeatureMetrics.vendi(generated) - each.vendi) < 1e-5 * each.vendi)
        }
    }

    @Test("paired fidelity, own picture, nearest picture, copying and the bound, image by image")
    func pairs() {
        func same(_ found: [Double], _ wanted: [Double], _ name: String) {
            #expect(found.count == wanted.count, "\(name)")
            for (a, b) in zip(found, wanted) { #expect(abs(a - b) < 1e-5, "\(name): \(a), wanted \(b)") }
        }
        for each in reference.pairs {
            let (images, pictures) = (rows(each.images), rows(each.pictures))
            let fidelity = PictureMetrics.pairedFidelity(images, pictures, own: each.own)
            same(fidelity, each.pairedFidelity, each.name)
            let retrieval = PictureMetrics.ownPictureRetrieval(images, pictures, own: each.own)
            #expect(retrieval == each.ownPictureRetrieval, "\(each.name)")
            same(PictureMetrics.nearestSimilarity(images, pictures), each.nearest, each.name)
            let means = PictureMetrics.meanSimilarity(images, pictures)
            same(means, each.meanSimilarity, each.name)
            let mean = FeatureMetrics.imageSimilarity(images, pictures)
            same([means.reduce(0, +) / Double(means.count)], [mean], each.name)
            let threshold = PictureMetrics.copyingThreshold(pictures)
            #expect((threshold == nil) == (each.threshold == nil), "\(each.name)")
            if let threshold, let wanted = each.threshold {
                same([threshold], [wanted], each.name)
                #expect(
                    PictureMetrics.copying(images, pictures, threshold: threshold) == each.copying, "\(each.name)")
            }
            let bound = PictureMetrics.similarityBound(pictures)
            same([bound], [each.bound], each.name)
            #expect(mean <= bound + 1e-6, "\(each.name)")
        }
    }

    @Test("one value for each image of the text similarity, whose mean is the metric")
    func texts() {
        for each in reference.cases {
            let (images, texts) = (rows(each.generated), rows(each.texts))
            let values = FeatureMetrics.textSimilarities(images, texts)
            #expect(values.count == images.count)
            #expect(abs(values.reduce(0, +) / Double(values.count) - each.textSimilarity) < 1e-6)
        }
    }

    @Test("the two formulas of the centroid distance agree")
    func identity() {
        for each in reference.cases {
            let (a, b) = (rows(each.generated), rows(each.reference))
            let squares = [a, b].map { rows in rows.centroid.reduce(0) { $0 + $1 * $1 } }
            let second = squares[0] + squares[1] - 2 * FeatureMetrics.imageSimilarity(a, b)
            #expect(abs(FeatureMetrics.squaredCentroidDistance(a, b) - second) < 1e-9)
        }
    }

    @Test("Vendi is 1 for copies and n for orthogonal images")
    func vendiLimits() {
        #expect(abs(FeatureMetrics.vendi(rows(Array(repeating: [1, 2, 3], count: 5))) - 1) < 1e-6)
        #expect(abs(FeatureMetrics.vendi(rows([[1, 0, 0], [0, 2, 0], [0, 0, 3]])) - 3) < 1e-6)
        #expect(abs(FeatureMetrics.vendi(rows([[0.5, 1]])) - 1) < 1e-6)
    }

    @Test("eigenvalues of a symmetric matrix")
    func eigenvalues() {
        let size = reference.symmetric.matrix.count
        let found = SymmetricEigenvalues.of(reference.symmetric.matrix.flatMap { $0 }, size: size)
        for (a, b) in zip(found, reference.symmetric.eigenvalues) { #expect(abs(a - b) < 1e-12) }
    }

    @Test("style distance of Gram matrices")
    func style() {
        func grams(_ layers: [[[Float]]]) -> StyleGrams {
            var grams = StyleGrams()
            for layer in layers { grams.add(Tensor(layer.flatMap { $0 }, [1, layer.count, 1, layer[0].count])) }
            return grams
        }
        let distance = grams(reference.style.a).squaredDistance(to: grams(reference.style.b))
        #expect(abs(distance - reference.style.distance) < 1e-5 * reference.style.distance)
        #expect(grams(reference.style.a).squaredDistance(to: grams(reference.style.a)) == 0)
    }
}
