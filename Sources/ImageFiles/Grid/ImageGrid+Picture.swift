extension ImageGrid {
    private static let ink = RGBColor(red: 29, green: 32, blue: 38)
    private static let quiet = RGBColor(red: 106, green: 112, blue: 121)
    private static let accent = RGBColor(red: 179, green: 38, blue: 63)
    private static let ground = RGBColor(red: 241, green: 239, blue: 234)
    private static let hatch = RGBColor(red: 222, green: 218, blue: 209)

    /// The whole grid as one picture.
    ///
    /// - Parameter cell: asked for one cell after the other, so that images need not be in memory together;
    ///   the first image gives all cells their proportions, and is asked for twice.
    /// - Throws: what `cell` throws; `ImageFileError` with `tooLarge` for a grid that fits into no picture.
    package func picture(_ cell: (Place) throws -> Cell) throws -> RGBImage {
        var size = (width: side, height: side)
        for place in places {
            guard case .image(let image) = try cell(place) else { continue }
            size = (image.width, image.height)
            break
        }
        let layout = try GridLayout.fitting(self, image: size)
        var page = RGBImage(width: layout.width, height: layout.height)
        drawHead(on: &page, layout)
        for panel in 0..<panels { drawLabels(of: panel, on: &page, layout) }
        for place in places {
            let corner = layout.corner(place)
            switch try cell(place) {
            case .image(let image): draw(image, at: corner, on: &page, layout.cell)
            case .missing(let reason): drawMissing(reason, at: corner, on: &page, layout.cell)
            }
        }
        return page
    }

    /// Width and height of the picture, by the size of one of its images.
    ///
    /// - Throws: `ImageFileError` with `tooLarge` for a grid that fits into no picture.
    package func pictureSize(image: (width: Int, height: Int)) throws -> (width: Int, height: Int) {
        let layout = try GridLayout.fitting(self, image: image)
        return (layout.width, layout.height)
    }

    private func drawHead(on page: inout RGBImage, _ layout: GridLayout) {
        var top = GridLayout.margin - 4
        for line in layout.titleLines {
            page.draw(line, x: GridLayout.margin, y: top, size: .large, color: Self.ink)
            top += TextSize.large.lineHeight
        }
        for line in layout.noteLines {
            page.draw(line, x: GridLayout.margin, y: top, size: .small, color: Self.quiet)
            top += TextSize.small.lineHeight
        }
    }

    private func drawLabels(of panel: Int, on page: inout RGBImage, _ layout: GridLayout) {
        let (size, margin, gap) = (GridLayout.labelSize, GridLayout.margin, GridLayout.gap)
        var top = layout.panelTop(panel)
        if let z {
            let text = size.shortened("\(z.name) \(z.values[panel])", to: layout.width - 2 * margin)
            page.draw(text, x: margin, y: top, size: size, color: Self.accent)
            top += layout.panelTitle
        }
        let left = margin + layout.labelWidth
        page.draw("\(x.name) →", x: left, y: top, size: .small, color: Self.accent)
        let bottom = top + layout.columnHeight - gap
        for (column, lines) in layout.columnLabels.enumerated() {
            for (number, line) in lines.enumerated() {
                let room = layout.cell.width - size.width(of: line)
                page.draw(
                    line, x: left + column * (layout.cell.width + gap) + room / 2,
                    y: bottom - (lines.count - number) * size.lineHeight, size: size, color: Self.ink)
            }
        }
        guard let y else { return }
        page.draw(
            TextSize.small.shortened("\(y.name) ↓", to: layout.labelWidth), x: margin,
            y: bottom - TextSize.small.lineHeight, size: .small, color: Self.accent)
        for (row, lines) in layout.rowLabels.enumerated() {
            let middle = bottom + gap + row * (layout.cell.height + gap) + layout.cell.height / 2
            for (number, line) in lines.enumerated() {
                page.draw(
                    line, x: margin, y: middle + number * size.lineHeight - lines.count * size.lineHeight / 2,
                    size: size, color: Self.ink)
            }
        }
    }

    /// The image in the middle of its cell; one of other proportions leaves a part of it white.
    private func draw(
        _ image: RGBImage, at corner: (x: Int, y: Int), on page: inout RGBImage, _ cell: (width: Int, height: Int)
    ) {
        let scale = min(Double(cell.width) / Double(image.width), Double(cell.height) / Double(image.height))
        func shown(_ length: Int, _ most: Int) -> Int { max(1, min(most, Int((Double(length) * scale).rounded()))) }
        let (width, height) = (shown(image.width, cell.width), shown(image.height, cell.height))
        // Enlarging repeats pixels: what a miniature drew should stay visible.
        page.draw(
            image.resized(width: width, height: height, filter: .area),
            x: corner.x + (cell.width - width) / 2, y: corner.y + (cell.height - height) / 2)
    }

    /// A hatched cell that says why it has no image: an empty one could be taken for a picture.
    private func drawMissing(
        _ reason: String, at corner: (x: Int, y: Int), on page: inout RGBImage, _ cell: (width: Int, height: Int)
    ) {
        page.fill(x: corner.x, y: corner.y, width: cell.width, height: cell.height, Self.ground)
        for row in 0..<cell.height {
            for column in 0..<cell.width where (row + column) % 14 < 2 {
                page[corner.x + column, corner.y + row] = Self.hatch
            }
        }
        page.frame(x: corner.x, y: corner.y, width: cell.width, height: cell.height, Self.hatch)
        let size = TextSize.small
        let room = cell.width - 2 * GridLayout.gap
        let most = cell.height / size.lineHeight - 1
        guard room > 24, most > 0 else { return }
        let lines =
            ["missing"] + (reason.isEmpty || most < 2 ? [] : size.wrapped(reason, to: room, lines: min(4, most - 1)))
        let top = corner.y + (cell.height - lines.count * size.lineHeight) / 2
        for (number, line) in lines.enumerated() {
            let text = size.shortened(line, to: room)
            let left = corner.x + (cell.width - size.width(of: text)) / 2
            page.draw(text, x: left, y: top + number * size.lineHeight, color: number == 0 ? Self.ink : Self.quiet)
        }
    }
}
