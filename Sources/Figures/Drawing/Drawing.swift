/// An SVG in the making: what a figure looks like at one width. Looks are classes of `FigureTheme`, never
/// attributes, so that one text serves light and dark pages, and pages that refuse inline styles.
package struct Drawing {
    enum Anchor: String { case start, middle, end }

    let width: Double
    var height: Double
    private(set) var body = ""

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    /// Figures have two layouts: one for columns of telephones and tiles, one for whole pages.
    var isWide: Bool { Self.isWide(width) }
    /// In the drawing's units.
    var textSize: Double { Self.textSize(width) }

    static func isWide(_ width: Double) -> Bool { width >= 600 }
    static func textSize(_ width: Double) -> Double { isWide(width) ? 13.5 : 12 }

    /// To a tenth of a unit, without needless zeros.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let tenths = Int((max(-1e7, min(1e7, value)) * 10).rounded())
        let (whole, part) = (abs(tenths) / 10, abs(tenths) % 10)
        return (tenths < 0 ? "-" : "") + (part == 0 ? "\(whole)" : "\(whole).\(part)")
    }

    mutating func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ looks: String, title: String? = nil) {
        let place =
            "x1=\"\(Self.number(x1))\" y1=\"\(Self.number(y1))\" x2=\"\(Self.number(x2))\" y2=\"\(Self.number(y2))\""
        element("line", "class=\"\(looks)\" \(place)", title: title)
    }

    mutating func path(
        _ points: [(x: Double, y: Double)], _ looks: String, isClosed: Bool = false, title: String? = nil
    ) {
        guard points.count > 1 else { return }
        let steps = points.map { Self.number($0.x) + " " + Self.number($0.y) }.joined(separator: "L")
        element("path", "class=\"\(looks)\" d=\"M\(steps)\(isClosed ? "Z" : "")\"", title: title)
    }

    mutating func rectangle(
        x: Double, y: Double, width: Double, height: Double, _ looks: String, radius: Double = 0, title: String? = nil
    ) {
        let size = "width=\"\(Self.number(max(0, width)))\" height=\"\(Self.number(max(0, height)))\""
        let round = radius > 0 ? " rx=\"\(Self.number(radius))\"" : ""
        element(
            "rect", "class=\"\(looks)\" x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" \(size)\(round)", title: title)
    }

    mutating func circle(x: Double, y: Double, radius: Double, _ looks: String, title: String? = nil) {
        element(
            "circle",
            "class=\"\(looks)\" cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\"",
            title: title)
    }

    /// Two strokes.
    mutating func cross(x: Double, y: Double, radius: Double, _ looks: String) {
        line(x - radius, y - radius, x + radius, y + radius, looks)
        line(x - radius, y + radius, x + radius, y - radius, looks)
    }

    mutating func mark(
        _ style: SeriesStyle, x: Double, y: Double, radius: Double, _ looks: String = "", title: String? = nil
    ) {
        let more = looks.isEmpty ? "" : " " + looks
        element(
            "path",
            "class=\"m \(style.name)\(more)\" transform=\"translate(\(Self.number(x)) \(Self.number(y)))\" "
                + "d=\"\(style.shape.path(radius))\"", title: title)
    }

    /// Text on its base line. What has not enough room is shortened, with the whole text in its title.
    ///
    /// - Parameter room: the width that it may take, in the drawing's units.
    mutating func text(
        _ text: String, x: Double, y: Double, room: Double, anchor: Anchor = .start, _ looks: String = "",
        isBold: Bool = false
    ) {
        let shown = TextWidth.shortened(text, to: room, size: textSize, isBold: isBold)
        guard !shown.isEmpty else { return }
        let classes = [looks, isBold ? "strong" : ""].filter { !$0.isEmpty }.joined(separator: " ")
        let attributes = [
            classes.isEmpty ? nil : "class=\"\(classes)\"", "x=\"\(Self.number(x))\" y=\"\(Self.number(y))\"",
            anchor == .start ? nil : "text-anchor=\"\(anchor.rawValue)\"",
        ]
        let title = shown == text ? "" : "<title>\(XMLText.escaped(text))</title>"
        body +=
            "<text \(attributes.compactMap { $0 }.joined(separator: " "))>\(title)\(XMLText.escaped(shown))</text>\n"
    }

    private mutating func element(_ name: String, _ attributes: String, title: String?) {
        guard let title else {
            body += "<\(name) \(attributes)/>\n"
            return
        }
        body += "<\(name) \(attributes)><title>\(XMLText.escaped(title))</title></\(name)>\n"
    }

    /// The whole element, which names itself to those who cannot see it.
    func svg(title: String, summary: String, looks: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" class="\(looks)" \
        viewBox="0 0 \(Self.number(width)) \(Self.number(height))" role="img" aria-label="\(XMLText.escaped(title))">
        <title>\(XMLText.escaped(title))</title>
        <desc>\(XMLText.escaped(summary))</desc>
        \(body)</svg>
        """
    }
}
