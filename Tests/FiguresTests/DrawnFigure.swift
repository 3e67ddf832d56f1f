import Foundation
import FoundationXML
import Testing

/// An SVG read back as somebody sees it: texts where they stand, marks where they lie.
final class DrawnFigure: NSObject, XMLParserDelegate {
    struct Element {
        var name: String
        var attributes: [String: String]
        var text = ""
        var title: String?

        var classes: [String] { (attributes["class"] ?? "").split(separator: " ").map(String.init) }
        func number(_ name: String) -> Double { Double(attributes[name] ?? "") ?? .nan }

        /// Where a mark was moved to.
        var place: (x: Double, y: Double)? {
            guard let transform = attributes["transform"], transform.hasPrefix("translate(") else { return nil }
            let parts = transform.dropFirst(10).dropLast().split(separator: " ").compactMap { Double($0) }
            return parts.count == 2 ? (parts[0], parts[1]) : nil
        }
    }

    private(set) var elements: [Element] = []
    private(set) var fault: String?
    private var open: [Int] = []
    private var isTitle = false

    /// Fails where the text is no well-formed XML.
    init(_ svg: String) throws {
        super.init()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = self
        let isRead = parser.parse()
        try #require(isRead, "\(parser.parserError.map { "\($0)" } ?? "") line \(parser.lineNumber)")
    }

    var root: Element { elements[0] }
    var width: Double { Double(viewBox[2]) ?? 0 }
    var height: Double { Double(viewBox[3]) ?? 0 }
    private var viewBox: [Substring] { (root.attributes["viewBox"] ?? "").split(separator: " ") }
    var texts: [Element] { elements.filter { $0.name == "text" } }
    func marks(_ looks: String) -> [Element] {
        elements.filter { $0.classes.contains("m") && $0.classes.contains(looks) }
    }
    func all(_ looks: String) -> [Element] { elements.filter { $0.classes.contains(looks) } }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String] = [:]
    ) {
        isTitle = name == "title"
        guard !isTitle else { return }
        open.append(elements.count)
        elements.append(Element(name: name, attributes: attributes))
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) {
        guard let last = open.last else { return }
        if isTitle {
            elements[last].title = (elements[last].title ?? "") + string
        } else {
            elements[last].text += string
        }
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if name == "title" { isTitle = false } else { open.removeLast() }
    }
}
