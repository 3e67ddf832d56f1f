import CoreTools
import Foundation
import ImageFiles
import RunSpec
import SweepAnalysis

/// What stands at each place of a grid, and how it becomes a file.
struct GridContent {
    enum Cell {
        case file(String)
        case drawn(GridImage)
        case missing(String)
    }

    /// An axis with its values; labels where values are not what people read.
    struct Line {
        var kind: ImageGridAxis.Kind
        var values: [String]
        var labels: [String]?

        var axis: ImageGrid.Axis { .init(name: kind.name, values: labels ?? values) }
    }

    /// Cells beyond this are no grid that anybody looks at.
    static let mostCells = 10_000

    var grid: ImageGrid
    let lines: [Line]
    var cells: [ImageGrid.Place: Cell] = [:]
    var facts: [(String, String)] = []

    /// - Throws: `CommandFailure` for more cells than can be looked at, `ImageFileError` for a picture that
    ///   could not hold them.
    init(title: String, lines: [Line], command: GridCommand, usualSide: Int = 256) throws {
        self.lines = lines
        let axes = lines.map(\.axis)
        grid = ImageGrid(
            title: title, x: axes[0], y: axes.count > 1 ? axes[1] : nil, z: axes.count > 2 ? axes[2] : nil,
            side: command.side ?? usualSide)
        guard grid.cellCount <= Self.mostCells else {
            let counts = axes.map { "\($0.values.count) of \($0.name)" }.joined(separator: " × ")
            throw CommandFailure(
                .usage,
                "\(counts) make \(grid.cellCount) cells, at most \(Self.mostCells); name fewer values, \(axes[0].name)=a,b,c"
            )
        }
        if !Self.isPage(command.output) { _ = try grid.pictureSize(image: (grid.side, grid.side)) }
    }

    static func isPage(_ output: String) -> Bool { !output.lowercased().hasSuffix(".png") }

    /// The values of the axes at a place.
    func values(at place: ImageGrid.Place) -> [ImageGridAxis.Kind: String] {
        let indices = [place.x, place.y, place.z]
        return Dictionary(
            lines.enumerated().map { ($1.kind, $1.values[indices[$0]]) }, uniquingKeysWith: { first, _ in first })
    }

    /// Writes the file, and says what is in it.
    ///
    /// - Parameter drawing: has the drawn images.
    func write(to output: String, drawing: GridDrawing?) throws {
        var missing = 0
        func path(_ place: ImageGrid.Place) throws -> (path: String?, reason: String) {
            switch cells[place] ?? .missing("") {
            case .file(let path): (path, "")
            case .drawn(let image): (try drawing?.path(image), "not drawn")
            case .missing(let reason): (nil, reason)
            }
        }
        for place in grid.places where try path(place).path == nil { missing += 1 }
        guard missing < grid.cellCount else {
            throw CommandFailure(
                .notFound, "no cell has an image: \(Set(cells.values.compactMap(\.reason)).sorted().listed())")
        }
        let data: Data
        if Self.isPage(output) {
            let html = try GridPage(grid: grid, facts: facts).html { place in
                let found = try path(place)
                guard let file = found.path else { return .missing(found.reason) }
                return try .init(ImageFile.read(file))
            }
            data = Data(html.utf8)
        } else {
            let picture = try grid.picture { place in
                let found = try path(place)
                return try found.path.map { .image(try ImageFile.read($0)) } ?? .missing(found.reason)
            }
            let text = [("Software", "radiata"), ("Title", grid.title), ("Description", grid.note)]
            data = Data(try PNGFile.encode(picture, text: text.map { (keyword: $0.0, value: $0.1) }))
        }
        try OutputFile.write(data, to: output)
        let lost = missing == 0 ? "" : ", \(missing) of them missing"
        Console.note("wrote \(output): \(grid.cellCount) cells\(lost), \(Self.size(data.count))")
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 1_000_000 ? "\((bytes + 999) / 1000) kB" : String(format: "%.1f MB", Double(bytes) / 1e6)
    }
}

extension GridContent.Cell {
    fileprivate var reason: String? {
        if case .missing(let reason) = self { return reason }
        return nil
    }
}
