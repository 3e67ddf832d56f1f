import ImageFiles
import Testing

@Suite("Masks of pixels")
struct PixelMaskTests {
    @Test("the brighter half is set, by the luma of Pillow's convert(\"L\")")
    func luma() {
        // Colours with Pillow 13's luma.
        let colors: [(UInt8, UInt8, UInt8, Int)] = [
            (255, 255, 255, 255), (0, 0, 0, 0), (128, 128, 128, 128), (127, 127, 127, 127), (255, 0, 0, 76),
            (0, 255, 0, 150), (0, 0, 255, 29), (0, 218, 0, 128), (255, 87, 0, 127), (255, 88, 0, 128),
        ]
        for (red, green, blue, luma) in colors {
            let image = RGBImage(width: 1, height: 1, fill: RGBColor(red: red, green: green, blue: blue))
            #expect(PixelMask(image).isSet == [luma >= 128], "\(red) \(green) \(blue)")
        }
    }

    @Test("of each block the upper left pixel counts; what is set is taken from the result")
    func blocks() {
        var image = RGBImage(width: 5, height: 4, fill: .black)
        for (x, y) in [(0, 0), (3, 0), (2, 2), (4, 2)] { image[x, y] = .white }
        let mask = PixelMask(image)
        #expect(mask.reduced(by: 2) == [1, 0, 0, 1])
        #expect(mask.reduced(by: 1).reduce(0, +) == 4)
        let source = RGBImage(width: 5, height: 4, fill: RGBColor(red: 1, green: 2, blue: 3))
        let composed = mask.composed(RGBImage(width: 5, height: 4), over: source)
        for y in 0..<4 {
            for x in 0..<5 { #expect(composed[x, y] == (mask.isSet[y * 5 + x] ? .white : source[x, y])) }
        }
    }
}
