/// Many pictures on one page: labelled rows of equal cells, under a title.
package struct ContactSheet: Sendable {
    /// A labelled line of pictures; each may have its own caption below.
    package struct Row: Sendable {
        package var label: String
        package var images: [RGBImage]
        package var captions: [String]

        package init(label: String, images: [RGBImage], captions: [String] = []) {
            self.label = label
            self.images = images
            self.captions = captions
        }
    }

    package var title: String
    package var rows: [Row]
    /// Longer side of a cell's picture in pixels; pictures are resized to it, and stand in the middle.
    package var cellSize: Int
    /// Longer rows go on in a further line.
    package var columns: Int

    package init(title: String, rows: [Row], cellSize: Int = 64, columns: Int = 12) {
        precondition(cellSize > 0 && columns > 0, "cells of \(cellSize) pixels in \(columns) columns")
        self.title = title
        self.rows = rows
        self.cellSize = cellSize
        self.columns = columns
    }

    package func render() -> RGBImage {
        let lines = rows.map { max(1, ($0.images.count + columns - 1) / columns) }
        let heights = zip(rows, lines).map { row, count in
            Self.labelHeight + count * (cellSize + Self.gap + (row.captions.isEmpty ? 0 : Self.labelHeight))
        }
        let cellsWide = max(1, min(columns, rows.map(\.images.count).max() ?? 1))
        let textWide = ([title] + rows.map(\.label)).map { TextSize.small.width(of: $0) }.max() ?? 0
        var page = RGBImage(
            width: Self.margin * 2 + max(cellsWide * (cellSize + Self.gap), textWide),
            height: Self.margin * 2 + Self.labelHeight + heights.reduce(0, +))
        page.draw(title, x: Self.margin, y: Self.margin - 2)
        var top = Self.margin + Self.labelHeight
        for (row, height) in zip(rows, heights) {
            draw(row, on: &page, top: top)
            top += height
        }
        return page
    }

    private func draw(_ row: Row, on page: inout RGBImage, top: Int) {
        page.draw(row.label, x: Self.margin, y: top, color: RGBColor(red: 70, green: 70, blue: 70))
        let lineHeight = cellSize + Self.gap + (row.captions.isEmpty ? 0 : Self.labelHeight)
        for (index, image) in row.images.enumerated() {
            let x = Self.margin + index % columns * (cellSize + Self.gap)
            let y = top + Self.labelHeight + index / columns * lineHeight
            let longer = max(image.width, image.height)
            let cell = image.resized(
                width: max(1, image.width * cellSize / longer), height: max(1, image.height * cellSize / longer),
                filter: cellSize % longer == 0 ? .area : .bicubic)
            page.draw(cell, x: x + (cellSize - cell.width) / 2, y: y + (cellSize - cell.height) / 2)
            if index < row.captions.count {
                page.draw(TextSize.small.shortened(row.captions[index], to: cellSize), x: x, y: y + cellSize + 1)
            }
        }
    }

    private static let margin = 8
    private static let gap = 4
    private static let labelHeight = TextSize.small.lineHeight + 3
}
