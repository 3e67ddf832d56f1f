/// Where the parts of a grid's picture stand, in pixels.
struct GridLayout {
    static let margin = 20
    static let gap = 6
    static let panelGap = 18
    static let labelSize = TextSize.medium
    private static let widestLabel = 260
    private static let mostLabelLines = 3

    let cell: (width: Int, height: Int)
    /// Of the rows' labels; 0 without rows.
    let labelWidth: Int
    /// The columns' labels, in lines.
    let columnLabels: [[String]]
    let rowLabels: [[String]]
    let titleLines: [String]
    let noteLines: [String]
    /// Of title and note.
    let headHeight: Int
    /// Of the columns' labels under the axes' names.
    let columnHeight: Int
    /// Of a panel's own title.
    let panelTitle: Int
    let panelHeight: Int
    let width: Int
    let height: Int

    init(_ grid: ImageGrid, cell: (width: Int, height: Int)) {
        let size = Self.labelSize
        self.cell = cell
        let rows = grid.y?.values ?? []
        let widest = (rows + [grid.y?.name ?? ""]).map { size.width(of: $0) }.max() ?? 0
        let room = rows.isEmpty ? 0 : min(widest, Self.widestLabel)
        labelWidth = rows.isEmpty ? 0 : room + 2 * Self.gap
        let lines = max(1, cell.height / size.lineHeight)
        rowLabels = rows.map { size.wrapped($0, to: room, lines: lines) }
        columnLabels = grid.x.values.map { size.wrapped($0, to: cell.width, lines: Self.mostLabelLines) }
        let columnLines = columnLabels.map(\.count).max() ?? 1
        columnHeight = TextSize.small.lineHeight + columnLines * size.lineHeight + Self.gap
        panelTitle = grid.z == nil ? 0 : size.lineHeight + Self.gap
        panelHeight = panelTitle + columnHeight + grid.rows * (cell.height + Self.gap) + Self.panelGap
        let inside = max(labelWidth + grid.columns * (cell.width + Self.gap), 320)
        titleLines = grid.title.isEmpty ? [] : TextSize.large.wrapped(grid.title, to: inside, lines: 2)
        noteLines = grid.note.isEmpty ? [] : TextSize.small.wrapped(grid.note, to: inside, lines: 4)
        headHeight =
            titleLines.count * TextSize.large.lineHeight + noteLines.count * TextSize.small.lineHeight
            + (titleLines.isEmpty && noteLines.isEmpty ? 0 : 2 * Self.gap)
        width = inside + 2 * Self.margin
        height = 2 * Self.margin + headHeight + grid.panels * panelHeight - Self.panelGap
    }

    /// The layout with cells as large as they are wanted, or smaller ones where the picture would be too
    /// large.
    ///
    /// - Parameter image: size of an image, whose proportions all cells have.
    /// - Throws: `ImageFileError` with `tooLarge` where cells would be too small to see anything.
    static func fitting(_ grid: ImageGrid, image: (width: Int, height: Int)) throws -> GridLayout {
        var side = grid.side
        while side >= ImageGrid.leastCell {
            let layout = GridLayout(grid, cell: grid.shownSize(image.width, image.height, side: side))
            let pixels = layout.width * layout.height
            if pixels <= ImageGrid.mostPixels, max(layout.width, layout.height) <= ImageGrid.mostSide { return layout }
            side = side * 9 / 10
        }
        throw ImageFileError(
            code: .tooLarge,
            message: "\(grid.columns) × \(grid.rows) × \(grid.panels) cells do not fit into a picture of "
                + "\(ImageGrid.mostPixels / 1_000_000) megapixels; name fewer values, or write an .html file")
    }

    /// Upper left corner of a cell's image.
    func corner(_ place: ImageGrid.Place) -> (x: Int, y: Int) {
        (
            Self.margin + labelWidth + place.x * (cell.width + Self.gap),
            panelTop(place.z) + panelTitle + columnHeight + place.y * (cell.height + Self.gap)
        )
    }

    func panelTop(_ panel: Int) -> Int { Self.margin + headHeight + panel * panelHeight }
}
