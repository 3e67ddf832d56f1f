package import ImageFiles

/// One picture by which a person rates a checkpoint: a row for each class and prompt type; base, adapter and
/// real images side by side.
package struct EvaluationSheet: Sendable {
    package struct Row: Sendable {
        package var label: String
        package var prompt: String
        package var base: [RGBImage]
        package var adapter: [RGBImage]
        package var real: [RGBImage]

        package init(label: String, prompt: String, base: [RGBImage], adapter: [RGBImage], real: [RGBImage]) {
            self.label = label
            self.prompt = prompt
            self.base = base
            self.adapter = adapter
            self.real = real
        }
    }

    package var title: String
    package var rows: [Row]

    package init(title: String, rows: [Row]) {
        self.title = title
        self.rows = rows
    }

    // How many images of each kind a row shows, and the sizes of margins in pixels.
    private static let baseShown = 3
    private static let adapterShown = 6
    private static let realShown = 3
    private static let gap = 3
    private static let margin = 10
    private static let titleHeight = 26
    private static let headHeight = 14
    private static let captionHeight = 13

    /// - Parameter cell: side of one image in pixels; smaller images are enlarged by whole factors first, so
    ///   pixels stay visible.
    package func drawn(cell: Int = 96) -> RGBImage {
        let groups = [Self.baseShown, Self.adapterShown, Self.realShown]
        let widths = groups.map { $0 * cell + ($0 - 1) * Self.gap }
        let width = 2 * Self.margin + widths.reduce(0, +) + 2 * Self.margin * (groups.count - 1)
        let rowHeight = Self.captionHeight + cell + Self.gap
        let height = 2 * Self.margin + Self.titleHeight + Self.headHeight + rows.count * rowHeight
        var canvas = Canvas(width: width, height: height)
        canvas.write(title, x: Self.margin, y: Self.margin, width: width - 2 * Self.margin, scale: 2)

        var left = Self.margin
        var lefts: [Int] = []
        for (name, groupWidth) in zip(["base", "with the adapter", "concept's images"], widths) {
            lefts.append(left)
            canvas.write(name, x: left, y: Self.margin + Self.titleHeight, width: groupWidth, Self.faint)
            left += groupWidth + 2 * Self.margin
        }
        for (index, row) in rows.enumerated() {
            let top = Self.margin + Self.titleHeight + Self.headHeight + index * rowHeight
            canvas.write(
                "\(row.label): \(row.prompt)", x: Self.margin, y: top + 3, width: width - 2 * Self.margin)
            for (group, images) in [row.base, row.adapter, row.real].enumerated() {
                for (column, image) in images.prefix(groups[group]).enumerated() {
                    canvas.paste(
                        image.resized(width: cell, height: cell, filter: .area),
                        x: lefts[group] + column * (cell + Self.gap), y: top + Self.captionHeight)
                }
            }
        }
        return canvas.image
    }

    private static let faint = RGBColor(red: 110, green: 110, blue: 110)
}
