import Foundation
package import ImageFiles

/// An image grid as one HTML file that needs nothing else: labels stay while it scrolls, a slider walks along
/// the third axis in all cells at once, and two cells can be laid over each other.
package struct GridPage {
    package enum Cell: Sendable {
        /// A picture as it stands in the page: PNG or WebP.
        case picture(type: String, bytes: [UInt8], width: Int, height: Int)
        case missing(String)

        /// Small pictures stay as they are: WebP would smear the few pixels that they have.
        package init(_ image: RGBImage) throws {
            let longest = max(image.width, image.height)
            guard longest > 128 else {
                let bytes = try PNGFile.encode(image)
                self = .picture(type: "png", bytes: bytes, width: image.width, height: image.height)
                return
            }
            let scale = min(1, Double(Self.longestSide) / Double(longest))
            func shown(_ length: Int) -> Int { max(1, Int((Double(length) * scale).rounded())) }
            let shown = image.resized(width: shown(image.width), height: shown(image.height), filter: .area)
            let bytes = try WebPFile.encode(shown, quality: 85)
            self = .picture(type: "webp", bytes: bytes, width: shown.width, height: shown.height)
        }

        /// Larger pictures are shrunk: a page of hundreds should still open on a telephone.
        private static let longestSide = 768
    }

    package var grid: ImageGrid
    /// Facts about how the images were made: names and values.
    package var facts: [(String, String)]

    package init(grid: ImageGrid, facts: [(String, String)] = []) {
        self.grid = grid
        self.facts = facts
    }

    /// - Parameter cell: asked for one cell after the other.
    package func html(_ cell: (ImageGrid.Place) throws -> Cell) rethrows -> String {
        var rows = ""
        var missing = 0
        for y in 0..<grid.rows {
            rows += "<tr>" + (grid.y.map { "<th scope=\"row\">\(HTML.escaped($0.values[y]))</th>" } ?? "")
            for x in 0..<grid.columns {
                rows += "<td data-x=\"\(x)\" data-y=\"\(y)\" tabindex=\"0\">"
                for z in 0..<grid.panels {
                    let place = ImageGrid.Place(x: x, y: y, z: z)
                    let content = try cell(place)
                    if case .missing = content { missing += 1 }
                    rows += markup(content, place)
                }
                rows += "</td>\n"
            }
            rows += "</tr>\n"
        }
        return page(rows, missing: missing)
    }

    /// Of several values along z the first is shown until the slider moves.
    private func markup(_ cell: Cell, _ place: ImageGrid.Place) -> String {
        let hidden = place.z == 0 ? "" : " hidden"
        switch cell {
        case .picture(let type, let bytes, let width, let height):
            let data = Data(bytes).base64EncodedString()
            return "<img\(hidden) width=\"\(width)\" height=\"\(height)\" alt=\"\(HTML.escaped(label(place)))\" "
                + "src=\"data:image/\(type);base64,\(data)\">"
        case .missing(let reason):
            return "<div\(hidden) class=\"missing\"><b>missing</b>\(HTML.escaped(reason))</div>"
        }
    }

    private func label(_ place: ImageGrid.Place) -> String {
        let axes = [(grid.x, place.x), grid.y.map { ($0, place.y) }, grid.z.map { ($0, place.z) }].compactMap { $0 }
        return axes.map { "\($0.name) \($0.values[$1])" }.joined(separator: ", ")
    }

    private func page(_ rows: String, missing: Int) -> String {
        let heads = grid.x.values.map { "<th scope=\"col\">\(HTML.escaped($0))</th>" }.joined()
        let corner = grid.y.map {
            "<th class=\"corner\">\(HTML.escaped($0.name)) ↓ · \(HTML.escaped(grid.x.name)) →</th>"
        }
        let name = grid.y == nil ? "<caption>\(HTML.escaped(grid.x.name)) →</caption>" : ""
        let lost = missing == 0 ? "" : " · \(missing) missing"
        let facts = facts.map { "<div><dt>\(HTML.escaped($0.0))</dt><dd>\(HTML.escaped($0.1))</dd></div>" }.joined()
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(HTML.escaped(grid.title)) · Radiata</title>
            <style>\(GridStyle.css)</style></head>
            <body><main>
            <header><h1>\(HTML.escaped(grid.title))</h1>
            \(facts.isEmpty ? "<p class=\"quiet\">\(HTML.escaped(grid.note))</p>" : "<dl>\(facts)</dl>")</header>
            <section class="tools">
            \(slider)<label>size <input id="size" type="range" min="48" max="512" value="\(cellWidth)"></label>
            <span class="quiet">\(grid.cellCount) cells\(lost) · click two cells to lay them over each other</span>
            </section>
            <div class="scroll"><table style="--cell:\(cellWidth)px">\(name)
            <thead><tr>\(corner ?? "")\(heads)</tr></thead>
            <tbody>
            \(rows)</tbody></table></div>
            <section id="wipe" hidden><div class="tools"><b id="names"></b>
            <label>A <input id="share" type="range" min="0" max="100" value="50"> B</label>
            <button id="close" type="button">close</button></div>
            <div class="pair"><img id="under" alt="A"><img id="over" alt="B"></div></section>
            </main><script>\(GridStyle.script)</script></body></html>

            """
    }

    private var cellWidth: Int { min(grid.side, grid.columns > 6 ? 128 : 256) }

    private var slider: String {
        guard let z = grid.z else { return "" }
        let options = z.values.map { HTML.escaped($0) }
        let texts = options.enumerated().map { "<option value=\"\($0)\">\($1)</option>" }.joined()
        return "<label>\(HTML.escaped(z.name)) <input id=\"z\" type=\"range\" min=\"0\" max=\"\(options.count - 1)\" "
            + "value=\"0\"></label><select id=\"zname\" aria-label=\"\(HTML.escaped(z.name))\">\(texts)</select>\n"
    }
}
