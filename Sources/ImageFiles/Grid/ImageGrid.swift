/// Images side by side along two axes, one panel for each value of a third: what stands where, and how large.
package struct ImageGrid: Sendable {
    /// What changes along one direction.
    package struct Axis: Equatable, Sendable {
        package var name: String
        package var values: [String]

        package init(name: String, values: [String]) {
            precondition(!values.isEmpty, "an axis without values")
            self.name = name
            self.values = values
        }
    }

    /// Indexes into the axes' values; 0 along an axis that is not there.
    package struct Place: Hashable, Sendable {
        package var x: Int
        package var y: Int
        package var z: Int

        package init(x: Int, y: Int = 0, z: Int = 0) {
            self.x = x
            self.y = y
            self.z = z
        }
    }

    package enum Cell: Sendable {
        case image(RGBImage)
        /// Why there is none, in a few words.
        case missing(String)
    }

    package var title: String
    /// What all cells have in common.
    package var note: String
    package var x: Axis
    package var y: Axis?
    package var z: Axis?
    /// Longest side of an image as it is shown, in pixels: smaller ones are enlarged by whole factors, larger
    /// ones shrunk.
    package var side: Int

    package init(title: String, note: String = "", x: Axis, y: Axis? = nil, z: Axis? = nil, side: Int = 256) {
        precondition(side > 0, "images of \(side) pixels")
        self.title = title
        self.note = note
        self.x = x
        self.y = y
        self.z = z
        self.side = side
    }

    package var columns: Int { x.values.count }
    package var rows: Int { y?.values.count ?? 1 }
    package var panels: Int { z?.values.count ?? 1 }
    package var cellCount: Int { columns * rows * panels }

    /// Every place: panel by panel, rows from the top, columns from the left.
    package var places: [Place] {
        (0..<panels).flatMap { z in (0..<rows).flatMap { y in (0..<columns).map { Place(x: $0, y: y, z: z) } } }
    }

    /// Pixels of a picture at most; with three bytes each it takes 192 MB of memory.
    package static let mostPixels = 64_000_000
    /// Many programs open no longer side.
    static let mostSide = 32_000
    /// Nothing can be seen in smaller cells.
    static let leastCell = 16

    /// How large an image of the given size is shown.
    package func shownSize(_ width: Int, _ height: Int, side: Int? = nil) -> (width: Int, height: Int) {
        let (side, longest) = (side ?? self.side, max(width, height))
        guard longest > side else {
            let factor = side / longest
            return (width * factor, height * factor)
        }
        func shrunk(_ length: Int) -> Int { max(1, (length * side + longest / 2) / longest) }
        return (shrunk(width), shrunk(height))
    }
}
