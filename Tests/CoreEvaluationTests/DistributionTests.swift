import CoreEvaluation
import Foundation
import ImageFiles
import Testing

/// Against scikit-learn's kernels, vendi-score, POT, scikit-image and torch; see
/// Fixtures/make_distributions.py.
@Suite("Metrics of sets, changes and pixels")
struct DistributionTests {
    private struct Reference: Decodable {
        struct Case: Decodable {
            let name: String
            let a, b, directions: [[Float]]
            let kid: Double?
            let cmmd, slicedWasserstein: Double
            let vendi: [String: Double]
        }
        struct Changes: Decodable {
            let images, bases, pictures, origins, texts, originTexts: [[Float]]
            let direction: [Double?]
            let leakage: [Double]
        }
        struct Pair: Decodable {
            let name: String
            let psnr, ssim: Double?
            let ssimUniform, saturation: Double
        }
        let cases: [Case]
        let changes: Changes
        let pairs: [Pair]
    }

    private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    private let reference: Reference

    init() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        reference = try decoder.decode(
            Reference.self, from: Data(contentsOf: folder.appending(path: "distributions.json")))
    }

    private func rows(_ matrix: [[Float]]) -> FeatureRows {
        FeatureRows(normalizing: matrix.flatMap { $0 }, count: matrix.count)
    }

    private func isNear(_ found: Double, _ wanted: Double) -> Bool { abs(found - wanted) < 1e-5 * max(1, abs(wanted)) }

    @Test("KID is the unbiased estimate with the cubic kernel on the vectors as they are")
    func kid() {
        for each in reference.cases {
            let found = DistributionMetrics.kernelDistance(rows(each.a), rows(each.b))
            #expect((found == nil) == (each.kid == nil), "\(each.name)")
            if let found, let wanted = each.kid { #expect(isNear(found, wanted), "\(each.name): \(found)") }
        }
    }

    @Test("CMMD is a thousand times the biased estimate with the Gaussian kernel on unit vectors")
    func cmmd() {
        for each in reference.cases {
            let found = DistributionMetrics.gaussianDiscrepancy(rows(each.a), rows(each.b))
            #expect(isNear(found, each.cmmd), "\(each.name): \(found)")
        }
    }

    @Test("the sliced Wasserstein distance is POT's along the same directions, for sets of two sizes too")
    func slicedWasserstein() {
        for each in reference.cases {
            let found = DistributionMetrics.slicedWasserstein(
                rows(each.a), rows(each.b), directions: rows(each.directions))
            #expect(isNear(found, each.slicedWasserstein), "\(each.name): \(found)")
        }
    }

    @Test("500 directions, always the same ones, of length 1")
    func directions() {
        let (first, second) = (DistributionMetrics.directions(width: 7), DistributionMetrics.directions(width: 7))
        #expect(first == second && first.count == 500 && first.width == 7)
        // Nearly all of the space's directions, not one side of it.
        #expect(first.centroid.allSatisfy { abs($0) < 0.1 })
    }

    @Test("Vendi scores of every order are vendi-score's")
    func vendi() {
        for each in reference.cases {
            for (text, wanted) in each.vendi {
                let order = Double(text) ?? .nan
                let found = FeatureMetrics.vendi(rows(each.a), order: order)
                #expect(isNear(found, wanted), "\(each.name), order \(text): \(found)")
            }
        }
    }

    @Test("the direction of a change is the cosine of two differences, none where nothing changed")
    func direction() {
        let each = reference.changes
        let found = PictureMetrics.direction(
            rows(each.images), from: rows(each.origins), texts: rows(each.texts), from: rows(each.originTexts))
        #expect(found.map { $0 == nil } == each.direction.map { $0 == nil })
        for (found, wanted) in zip(found, each.direction) {
            if let found, let wanted { #expect(abs(found - wanted) < 1e-5) }
        }
    }

    @Test("leakage is the difference of two mean cosines")
    func leakage() {
        let each = reference.changes
        let found = PictureMetrics.leakage(rows(each.images), base: rows(each.bases), rows(each.pictures))
        for (found, wanted) in zip(found, each.leakage) { #expect(abs(found - wanted) < 1e-6) }
    }

    @Test("PSNR, both kinds of SSIM and saturation are scikit-image's")
    func pixels() throws {
        var rest = [UInt8](try Data(contentsOf: folder.appending(path: "pictures.bin")))[...]
        func number() -> Int {
            defer { rest = rest.dropFirst(4) }
            return rest.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        for each in reference.pairs {
            let (width, height) = (number(), number())
            func picture() -> RGBImage {
                defer { rest = rest.dropFirst(width * height * 3) }
                return RGBImage(width: width, height: height, pixels: Array(rest.prefix(width * height * 3)))
            }
            let (a, b) = (picture(), picture())
            let noise = PixelMetrics.signalToNoise(a, b)
            if let wanted = each.psnr {
                #expect(isNear(noise, wanted), "\(each.name)")
            } else {
                #expect(noise == .infinity)
            }
            let gaussian = PixelMetrics.structuralSimilarity(a, b, .gaussian)
            #expect((gaussian == nil) == (each.ssim == nil), "\(each.name)")
            if let gaussian, let wanted = each.ssim { #expect(isNear(gaussian, wanted), "\(each.name): \(gaussian)") }
            let uniform = try #require(PixelMetrics.structuralSimilarity(a, b, .uniform))
            #expect(isNear(uniform, each.ssimUniform), "\(each.name): \(uniform)")
            #expect(isNear(PixelMetrics.saturation(a), each.saturation), "\(each.name)")
        }
        #expect(rest.isEmpty)
    }
}
