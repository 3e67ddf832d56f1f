import CoreEvaluation
import Foundation
import ImageFiles
import Testing

/// Measures of edits against numpy; see Fixtures/make_edits.py.
@Suite("Edits inside and outside of the changed region")
struct EditRegionTests {
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let width, height, inside: Int
        let source, target, image: [UInt8]
        let psnrInside, psnrOutside, ssimInside, ssimOutside: Double?
        let psnrEqual: Double
        var testDescription: String { name }

        func picture(_ pixels: [UInt8]) -> RGBImage { RGBImage(width: width, height: height, pixels: pixels) }

        static let all: [Case] = {
            do {
                let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                let bytes = try Data(contentsOf: folder.appending(path: "Fixtures/edits.json"))
                return try JSONDecoder().decode([Case].self, from: bytes)
            } catch {
                preconditionFailure("\(error)")
            }
        }()
    }

    @Test("region, PSNR and SSIM of each side are numpy's", arguments: Case.all)
    func reference(item: Case) {
        let (source, target, image) = (item.picture(item.source), item.picture(item.target), item.picture(item.image))
        let region = EditRegion(source: source, target: target)
        #expect(region.count(.inside) == item.inside)
        #expect(region.count(.outside) == item.width * item.height - item.inside)
        func near(_ found: Double?, _ wanted: Double?) -> Bool {
            guard let found, let wanted else { return found == nil && wanted == nil }
            return abs(found - wanted) < 1e-9 * max(1, abs(wanted))
        }
        #expect(near(region.signalToNoise(image, target, .inside), item.psnrInside))
        #expect(near(region.signalToNoise(image, target, .outside), item.psnrOutside))
        #expect(near(region.structuralSimilarity(image, target, .inside), item.ssimInside))
        #expect(near(region.structuralSimilarity(image, target, .outside), item.ssimOutside))
        for side in EditRegion.Side.allCases where region.count(side) > 0 {
            #expect(near(region.signalToNoise(target, target, side), item.psnrEqual))
        }
    }

    @Test("what is composed differs from the target on its side alone", arguments: Case.all)
    func composed(item: Case) {
        let (target, image) = (item.picture(item.target), item.picture(item.image))
        let region = EditRegion(source: item.picture(item.source), target: target)
        for side in EditRegion.Side.allCases {
            let composed = region.composed(image, on: side, elsewhere: target)
            for y in 0..<item.height {
                for x in 0..<item.width {
                    let isThere = region.contains(x, y) == (side == .inside)
                    #expect(composed[x, y] == (isThere ? image[x, y] : target[x, y]))
                }
            }
        }
    }
}
