/// Amounts from zero, one bar a row.
package struct BarList: Figure {
    package struct Row: Sendable {
        package var label: String
        /// Not negative.
        package var amount: Double
        /// As people read it: `2 h 10 min`.
        package var text: String

        package init(label: String, amount: Double, text: String) {
            self.label = label
            self.amount = amount
            self.text = text
        }
    }

    package var title: String
    package var rows: [Row]

    package init(title: String, rows: [Row]) {
        self.title = title
        self.rows = rows
    }

    package var summary: String {
        "\(rows.count) rows. " + rows.prefix(12).map { "\($0.label): \($0.text)" }.joined(separator: "; ") + "."
    }

    package func drawing(width: Double) -> Drawing {
        var drawing = Drawing(width: width, height: 0)
        let size = drawing.textSize
        let texts = rows.map { TextWidth.of($0.text, size: size) }.max() ?? 0
        let labels = rows.map { TextWidth.of($0.label, size: size) }.max() ?? 0
        let (rowHeight, top) = (size * (drawing.isWide ? 1.9 : 2.9), size * 1.9)
        let labelRoom = drawing.isWide ? min(labels, width * 0.42) : width - texts - 14
        let left = drawing.isWide ? labelRoom + 14 : 0
        let right = drawing.isWide ? width - texts - 14 : width
        drawing.height = top + Double(rows.count) * rowHeight + 4
        drawing.text(title, x: 0, y: size * 1.1, room: width, isBold: true)
        let largest = rows.map(\.amount).filter(\.isFinite).max() ?? 0
        for (index, row) in rows.enumerated() {
            let y = top + Double(index) * rowHeight
            drawing.text(row.label, x: 0, y: y + size * 1.2, room: labelRoom, "ink")
            drawing.text(row.text, x: width, y: y + size * 1.2, room: width, anchor: .end, "ink")
            let share = largest > 0 && row.amount.isFinite ? max(0, row.amount) / largest : 0
            let barTop = drawing.isWide ? y + size * 0.35 : y + size * 1.65
            let height = drawing.isWide ? size * 1.1 : size * 0.7
            drawing.rectangle(x: left, y: barTop, width: right - left, height: height, "rest", radius: 2)
            drawing.rectangle(
                x: left, y: barTop, width: share * (right - left), height: height, "bar s1", radius: 2,
                title: "\(row.label): \(row.text)")
        }
        return drawing
    }
}
