package import ImageFiles

/// Images side by side along two axes, one panel per value of a third.
package struct ImageGrid: Sendable {
    package struct Cell: Sendable {
        package var x: String
        package var y: String
        package var z: String
        package var image: RGBImage

        package init(x: String, y: String, z: String = "", image: RGBImage) {
            self.x = x
            self.y = y
            self.z = z
            self.image = image
        }
    }

    package var title: String
    package var xAxis: String
    package var yAxis: String
    package var zAxis: String
    /// Of several cells at one place the first counts.
    package var cells: [Cell]
    /// Longest side of an image in the grid, in pixels.
    package var side: Int

    package init(title: String, xAxis: String, yAxis: String, zAxis: String = "", cells: [Cell], side: Int = 256) {
        self.title = title
        self.xAxis = xAxis
        self.yAxis = yAxis
        self.zAxis = zAxis
        self.cells = cells
        self.side = side
    }

    private static let margin = 16
    private static let gap = 6
    private static let titleHeight = 30
    private static let lineHeight = 22
    private static let scale = 2
    private static let ink = RGBColor(red: 30, green: 30, blue: 40)
    private static let faint = RGBColor(red: 120, green: 120, blue: 130)
    private static let empty = RGBColor(red: 236, green: 236, blue: 240)

    /// - Precondition: at least one cell.
    package func composed() -> RGBImage {
        precondition(!cells.isEmpty, "a grid of nothing")
        let xs = Self.distinct(cells.map(\.x))
        let ys = Self.distinct(cells.map(\.y))
        let zs = Self.distinct(cells.map(\.z))
        let labels = ys.map { "\(yAxis) \($0)" }
        let labelWidth = (labels.map { RGBImage.textWidth($0, scale: Self.scale) }.max() ?? 0) + 2 * Self.gap
        let (cellWidth, cellHeight) = cellSize()
        let panelHeight = 2 * Self.lineHeight + ys.count * (cellHeight + Self.gap)
        let width = max(
            2 * Self.margin + labelWidth + xs.count * (cellWidth + Self.gap),
            2 * Self.margin + RGBImage.textWidth(title, scale: Self.scale))
        let height = 2 * Self.margin + Self.titleHeight + zs.count * panelHeight
        var canvas = RGBImage(width: width, height: height)
        canvas.draw(title, x: Self.margin, y: Self.margin, color: Self.ink, scale: Self.scale)
        for (panel, z) in zs.enumerated() {
            let top = Self.margin + Self.titleHeight + panel * panelHeight
            if !z.isEmpty {
                canvas.draw("\(zAxis) \(z)", x: Self.margin, y: top, color: Self.ink, scale: Self.scale)
            }
            for (column, x) in xs.enumerated() {
                let left = Self.margin + labelWidth + column * (cellWidth + Self.gap)
                canvas.draw("\(xAxis) \(x)", x: left, y: top + Self.lineHeight, color: Self.faint, scale: Self.scale)
                for (row, y) in ys.enumerated() {
                    let cellTop = top + 2 * Self.lineHeight + row * (cellHeight + Self.gap)
                    if column == 0 {
                        canvas.draw(
                            labels[row], x: Self.margin, y: cellTop + cellHeight / 2, color: Self.faint,
                            scale: Self.scale)
                    }
                    let image = cells.first { $0.x == x && $0.y == y && $0.z == z }?.image
                    canvas.draw(
                        fitted(image, cellWidth, cellHeight)
                            ?? RGBImage(width: cellWidth, height: cellHeight, fill: Self.empty),
                        x: left, y: cellTop)
                }
            }
        }
        return canvas
    }

    /// The first image's proportions decide the cells'.
    private func cellSize() -> (width: Int, height: Int) {
        let first = cells[0].image
        let factor = Double(side) / Double(max(first.width, first.height))
        return (
            max(1, Int((Double(first.width) * factor).rounded())),
            max(1, Int((Double(first.height) * factor).rounded()))
        )
    }

    private func fitted(_ image: RGBImage?, _ width: Int, _ height: Int) -> RGBImage? {
        guard let image else { return nil }
        // Enlarging repeats pixels: what a miniature drew should stay visible.
        return image.resized(width: width, height: height, filter: .area)
    }

    /// In natural order: numbers by value, then text.
    private static func distinct(_ values: [String]) -> [String] {
        Set(values).sorted { a, b in
            switch (Double(a), Double(b)) {
            case (let x?, let y?): x < y
            case (_?, nil): true
            case (nil, _?): false
            case (nil, nil): a < b
            }
        }
    }
}
