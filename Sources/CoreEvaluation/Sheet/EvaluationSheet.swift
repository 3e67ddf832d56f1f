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
    private static let gap = 4
    private static let margin = 16
    private static let titleHeight = TextSize.large.lineHeight + 8
    private static let headHeight = TextSize.medium.lineHeight + 6
    private static let captionHeight = TextSize.small.lineHeight + 5
    private static let rowGap = 8

    /// - Parameter cell: side of one image in pixels; smaller images are enlarged by whole factors first, so
    ///   pixels stay visible.
    package func drawn(cell: Int = 96) -> RGBImage {
        let groups = [Self.baseShown, Self.adapterShown, Self.realShown]
        let widths = groups.map { $0 * cell + ($0 - 1) * Self.gap }
        let inside = widths.reduce(0, +) + Self.margin * (groups.count - 1)
        let rowHeight = Self.captionHeight + cell + Self.rowGap
        let height = 2 * Self.margin + Self.titleHeight + Self.headHeight + rows.count * rowHeight
        var page = RGBImage(width: 2 * Self.margin + inside, height: height)
        page.draw(
            TextSize.large.shortened(title, to: inside), x: Self.margin, y: Self.margin - 4, size: .large,
            color: Self.ink)

        var left = Self.margin
        var lefts: [Int] = []
        for (name, width) in zip(["base", "with the adapter", "concept's images"], widths) {
            lefts.append(left)
            page.draw(
                TextSize.medium.shortened(name, to: width), x: left, y: Self.margin + Self.titleHeight, size: .medium,
                color: Self.accent)
            left += width + Self.margin
        }
        for (index, row) in rows.enumerated() {
            let top = Self.margin + Self.titleHeight + Self.headHeight + index * rowHeight
            draw(row, on: &page, top: top, inside: inside)
            for (group, images) in [row.base, row.adapter, row.real].enumerated() {
                for (column, image) in images.prefix(groups[group]).enumerated() {
                    page.draw(
                        image.resized(width: cell, height: cell, filter: .area),
                        x: lefts[group] + column * (cell + Self.gap), y: top + Self.captionHeight)
                }
            }
        }
        return page
    }

    /// The line above a row's images, under a thin rule: its name, and more quietly what was asked for.
    private func draw(_ row: Row, on page: inout RGBImage, top: Int, inside: Int) {
        let size = TextSize.small
        page.fill(x: Self.margin, y: top - 3, width: inside, height: 1, Self.rule)
        let label = size.shortened(row.label, to: inside)
        page.draw(label, x: Self.margin, y: top, size: size, color: Self.ink)
        let used = size.width(of: label) + 12
        guard used < inside, !row.prompt.isEmpty else { return }
        page.draw(
            size.shortened(row.prompt, to: inside - used), x: Self.margin + used, y: top, size: size, color: Self.faint)
    }

    private static let ink = RGBColor(red: 29, green: 32, blue: 38)
    private static let faint = RGBColor(red: 106, green: 112, blue: 121)
    private static let rule = RGBColor(red: 227, green: 225, blue: 219)
    private static let accent = RGBColor(red: 179, green: 38, blue: 63)
}
