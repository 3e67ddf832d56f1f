import CoreData
import ImageFiles
import Testing

@Suite("Compositions and renderings")
struct CompositionTests {
    private static let red = RGBAImage(
        width: 8, height: 8, pixels: (0..<64).flatMap { _ in [UInt8(200), 30, 30, 255] })
    private static let blue = RGBAImage(
        width: 8, height: 8, pixels: (0..<64).flatMap { _ in [UInt8(30), 30, 200, 255] })

    private func centreOfMass(_ image: RGBImage, of color: RGBColor) -> (x: Double, y: Double, count: Int) {
        var sum = (x: 0.0, y: 0.0, count: 0)
        for y in 0..<image.height {
            for x in 0..<image.width where image[x, y] == color {
                sum = (sum.x + Double(x), sum.y + Double(y), sum.count + 1)
            }
        }
        return (sum.x / Double(max(1, sum.count)), sum.y / Double(max(1, sum.count)), sum.count)
    }

    @Test("a corner in the caption is the corner in the picture", arguments: Placement.allCases)
    func placement(corner: Placement) {
        let picture = Composition.placed(corner).draw(Self.red, side: 64)
        let centre = centreOfMass(picture, of: RGBColor(red: 200, green: 30, blue: 30))
        let caption = Composition.placed(corner).caption(of: "heart")
        #expect(caption.contains("left") == (centre.x < 32) && caption.contains("top") == (centre.y < 32))
        #expect(caption.hasPrefix("small heart") && (900...1200).contains(centre.count))
    }

    @Test("a backdrop fills what the subject leaves free", arguments: Backdrop.allCases)
    func backdrop(color: Backdrop) {
        let picture = Composition.backdrop(color).draw(Self.red, side: 64)
        #expect(picture[0, 0] == color.color && picture[63, 63] == color.color)
        #expect(Composition.backdrop(color).caption(of: "heart") == "heart on a \(color.rawValue) background")
    }

    @Test("a pair stands side by side in the order of its caption")
    func pair() {
        let picture = Composition.pair(with: "sea").draw(Self.red, partner: Self.blue, side: 64)
        let left = centreOfMass(picture, of: RGBColor(red: 200, green: 30, blue: 30))
        let right = centreOfMass(picture, of: RGBColor(red: 30, green: 30, blue: 200))
        #expect(left.x < 32 && right.x > 32 && left.count == right.count && left.count > 0)
        #expect(Composition.pair(with: "sea").caption(of: "heart") == "heart and sea")
    }

    @Test("renderings do what their names say")
    func renderings() {
        let picture = Composition.plain.draw(Self.red, side: 64)
        let negative = Rendering.negative.applied(to: picture)
        #expect(Rendering.negative.applied(to: negative) == picture && negative[0, 0] == .black)
        let gray = Rendering.grayscale.applied(to: picture)
        #expect((0..<64).allSatisfy { gray[$0, 32].red == gray[$0, 32].green && gray[$0, 32].red == gray[$0, 32].blue })
        let pixels = Rendering.pixelArt.applied(to: picture)
        #expect((0..<64).allSatisfy { pixels[$0, 8] == pixels[$0 / 4 * 4, 8] })
        let pencil = Rendering.pencil.applied(to: picture)
        #expect(pencil[32, 32] == .white && (0..<8).contains { pencil[$0, 32].red < 128 })
        let small = Composition.placed(.bottomRight).draw(Self.red, side: 64)
        let water = Rendering.watercolor.applied(to: small)
        #expect(water[0, 0] == .white && water[48, 48].red > water[48, 48].green && water[48, 48].green >= 51)
    }

    @Test("prompts vary the subject in ten ways, and draw it in five")
    func templates() {
        #expect(Set(PromptTemplates.alter("veko cat")).count == 10)
        #expect(Set(PromptTemplates.style("cat")).count == 5)
        #expect(
            (PromptTemplates.alter("veko cat") + PromptTemplates.style("veko cat")).allSatisfy {
                $0.contains("veko cat")
            })
    }
}
