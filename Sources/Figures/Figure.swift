/// A picture of numbers: SVG that needs `FigureTheme.css` on its page and nothing else.
package protocol Figure: Sendable {
    /// What it shows, for those who cannot see it.
    var title: String { get }
    /// What is to be seen, in a sentence or two, for those who cannot see it.
    var summary: String { get }
    /// - Parameter width: in units that are about pixels.
    func drawing(width: Double) -> Drawing
}

/// The room that a figure has on its page.
package enum FigureRoom: Sendable {
    /// The whole width: a drawing for wide pages and one for telephones, of which the style shows one.
    case page
    /// A column of a grid, 320 to 520 pixels wide.
    case tile
}

extension Figure {
    /// One drawing.
    package func svg(width: Double) -> String {
        drawing(width: width).svg(title: title, summary: summary, looks: "tile")
    }

    /// The `figure` element.
    package func html(_ room: FigureRoom = .page) -> String {
        func svg(_ width: Double, _ looks: String) -> String {
            drawing(width: width).svg(title: title, summary: summary, looks: looks)
        }
        switch room {
        case .page:
            return """
                <figure class="figure">
                \(svg(FigureTheme.narrowWidth, "narrow"))
                \(svg(FigureTheme.wideWidth, "wide"))
                </figure>
                """
        case .tile:
            return "<figure class=\"figure\">\n\(svg(FigureTheme.narrowWidth, "tile"))\n</figure>"
        }
    }
}
