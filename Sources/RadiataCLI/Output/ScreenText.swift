/// A line of a terminal screen: pieces of text with a meaning, which a terminal shows as colours.
package struct ScreenLine: Equatable {
    package enum Tone: Equatable {
        case plain, strong, faint, good, bad, active
    }

    package struct Piece: Equatable {
        package let text: String
        package let tone: Tone
    }

    package private(set) var pieces: [Piece] = []

    package init() {}

    package init(_ text: String, _ tone: Tone = .plain) { add(text, tone) }

    package mutating func add(_ text: String, _ tone: Tone = .plain) {
        guard !text.isEmpty else { return }
        // What names and logs hold is shown, not obeyed; a line stays a line.
        let shown = Console.visible(text).replacing("\n", with: " ").replacing("\t", with: " ")
        pieces.append(Piece(text: shown, tone: tone))
    }

    /// Without colours.
    package var text: String { pieces.map(\.text).joined() }

    /// The first `width` columns; a cut line ends in `…`.
    package func fitted(_ width: Int) -> ScreenLine {
        guard Self.columns(of: text) > width else { return self }
        var line = ScreenLine()
        var room = max(0, width - 1)
        for piece in pieces {
            var kept = ""
            for character in piece.text {
                let columns = Self.columns(of: character)
                guard columns <= room else {
                    line.add(kept + "…", piece.tone)
                    return line
                }
                room -= columns
                kept.append(character)
            }
            line.add(kept, piece.tone)
        }
        return line
    }

    package func rendered(hasColor: Bool) -> String {
        guard hasColor else { return text }
        return pieces.map { piece in
            guard let code = Self.code(piece.tone) else { return piece.text }
            return "\u{1B}[\(code)m\(piece.text)\u{1B}[0m"
        }.joined()
    }

    private static func code(_ tone: Tone) -> String? {
        switch tone {
        case .plain: nil
        case .strong: "1"
        case .faint: "2"
        case .good: "32"
        case .bad: "31"
        case .active: "36"
        }
    }

    /// Columns that a terminal gives a text: two for what is as wide as it is high.
    package static func columns(of text: String) -> Int { text.reduce(0) { $0 + columns(of: $1) } }

    private static func columns(of character: Character) -> Int {
        guard let scalar = character.unicodeScalars.first, scalar.value >= 0x1100 else { return 1 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}

/// Lines at the end of a terminal that are written over again and again.
final class ScreenPainter {
    private let stream: TerminalStream
    private let hasColor: Bool
    /// Columns of each line that is there.
    private var widths: [Int] = []

    init(_ stream: TerminalStream) {
        self.stream = stream
        hasColor = stream.hasColor
    }

    /// - Parameter lines: as many as the terminal is high are shown.
    func paint(_ lines: [ScreenLine]) {
        let (columns, rows) = stream.size
        var shown = lines.map { $0.fitted(columns) }
        if shown.count > rows - 1 {
            let left = shown.count - (rows - 2)
            shown = Array(shown.prefix(rows - 2)) + [ScreenLine("… \(left) more lines", .faint)]
        }
        var text = home(columns, rows)
        // Each line clears what stood behind it, so that nothing flickers.
        for line in shown { text += line.rendered(hasColor: hasColor) + "\u{1B}[K\n" }
        stream.write(text + "\u{1B}[J")
        widths = shown.map { ScreenLine.columns(of: $0.text) }
    }

    /// Something that stays, above the screen.
    func say(_ text: String) {
        let (columns, rows) = stream.size
        stream.write(home(columns, rows) + "\u{1B}[J" + Console.visible(text) + "\n")
        widths = []
    }

    /// To the beginning of what is there. A window that was made narrower since has broken long lines in two.
    private func home(_ columns: Int, _ rows: Int) -> String {
        let height = widths.reduce(0) { $0 + max(1, ($1 + columns - 1) / columns) }
        return height > 0 ? "\u{1B}[\(min(height, rows - 1))F" : "\r"
    }
}
