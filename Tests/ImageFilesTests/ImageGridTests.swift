import ImageFiles
import Testing

@Suite("Image grids")
struct ImageGridTests {
    private func square(_ shade: UInt8, _ side: Int = 8) -> RGBImage {
        RGBImage(width: side, height: side, fill: RGBColor(red: shade, green: 0, blue: 0))
    }

    private func axis(_ name: String, _ count: Int) -> ImageGrid.Axis {
        .init(name: name, values: (0..<count).map { "\($0)" })
    }

    /// The box around all pixels of one colour, and how many there are.
    private func box(_ image: RGBImage, _ color: RGBColor) -> (x: Int, y: Int, width: Int, height: Int, count: Int)? {
        var (left, top, right, bottom, count) = (Int.max, Int.max, -1, -1, 0)
        for y in 0..<image.height {
            for x in 0..<image.width where image[x, y] == color {
                (left, top, right, bottom) = (min(left, x), min(top, y), max(right, x), max(bottom, y))
                count += 1
            }
        }
        return count == 0 ? nil : (left, top, right - left + 1, bottom - top + 1, count)
    }

    @Test("every image stands whole at its place, and a gap stays a gap")
    func places() throws {
        let grid = ImageGrid(title: "t", x: axis("lr", 3), y: axis("dim", 2), z: axis("seed", 2), side: 64)
        func shade(_ place: ImageGrid.Place) -> UInt8 { UInt8(20 + 10 * (place.x + 3 * place.y + 6 * place.z)) }
        let gap = ImageGrid.Place(x: 1, y: 0, z: 0)
        let image = try grid.picture { $0 == gap ? .missing("no such job") : .image(square(shade($0))) }
        #expect(grid.places.count == 12 && Set(grid.places).count == 12)
        var corners: [ImageGrid.Place: (x: Int, y: Int)] = [:]
        for place in grid.places where place != gap {
            let found = try #require(box(image, square(shade(place))[0, 0]), "\(place)")
            // Enlarged by whole factors: every pixel of it is there.
            #expect(found.width == 64 && found.height == 64 && found.count == 64 * 64, "\(place)")
            corners[place] = (found.x, found.y)
        }
        for (place, corner) in corners {
            for (other, at) in corners where other != place {
                if place.x == other.x { #expect(corner.x == at.x) }
                if (place.y, place.z) == (other.y, other.z) { #expect(corner.y == at.y) }
                if place.x < other.x { #expect(corner.x + 64 < at.x) }
                if (place.z, place.y) < (other.z, other.y) { #expect(corner.y + 64 < at.y) }
            }
        }
        // The missing one is neither white nor shifted: hatching where its image would be.
        let x = try #require(corners[.init(x: 1, y: 1, z: 0)]?.x)
        let y = try #require(corners[.init(x: 0, y: 0, z: 0)]?.y)
        let colors = Set((0..<64).flatMap { row in (0..<64).map { image[x + $0, y + row] } })
        #expect(!colors.contains(.white) && colors.count > 3)
    }

    @Test("one axis makes one row; images of other proportions keep theirs in equal cells")
    func proportions() throws {
        let grid = ImageGrid(title: "", x: axis("seed", 2), side: 100)
        let image = try grid.picture { place in
            .image(
                place.x == 0
                    ? square(50, 100) : RGBImage(width: 50, height: 25, fill: RGBColor(red: 90, green: 0, blue: 0)))
        }
        let first = try #require(box(image, square(50)[0, 0]))
        let second = try #require(box(image, square(90)[0, 0]))
        #expect(first.width == 100 && first.height == 100 && second.width == 100 && second.height == 50)
        #expect(second.y - first.y == 25)
    }

    @Test("large grids get smaller cells, absurd ones are refused with the remedy")
    func bounds() throws {
        let wide = ImageGrid(title: "", x: axis("seed", 100), y: axis("strength", 40), side: 512)
        let size = try wide.pictureSize(image: (512, 512))
        #expect(size.width * size.height <= ImageGrid.mostPixels && size.width * size.height > 40_000_000)
        let absurd = ImageGrid(title: "", x: axis("seed", 2000), y: axis("strength", 400))
        #expect {
            try absurd.pictureSize(image: (64, 64))
        } throws: { error in
            "\(error)".contains("name fewer values")
        }
    }

    @Test("labels of any length change no cell")
    func labels() throws {
        let long = String(repeating: "a very long prompt with many words ", count: 20)
        func drawn(_ label: String) throws -> (
            image: RGBImage, box: (x: Int, y: Int, width: Int, height: Int, count: Int)
        ) {
            let grid = ImageGrid(
                title: label, note: label, x: .init(name: "prompt", values: [label, "b"]),
                y: .init(name: "seed", values: [label, "2"]), side: 96)
            let image = try grid.picture { .image(square(UInt8(40 + $0.x + 2 * $0.y))) }
            return (image, try #require(box(image, square(40)[0, 0])))
        }
        let (short, plain) = try drawn("a")
        let (image, found) = try drawn(long)
        #expect(found.count == 96 * 96 && plain.count == 96 * 96)
        // The row's label is wrapped into at most its share of the page.
        #expect(image.width - short.width < 300)
    }
}
