/// The sizes of text on pictures, in DejaVu Sans: what they measure, and how text is made to fit.
package enum TextSize: Int, CaseIterable, Sendable {
    /// 12, 15 and 22 pixels an em.
    case small, medium, large

    var table: GlyphTable { GlyphTable.all[rawValue] }

    /// Pixels from one line to the next.
    package var lineHeight: Int { table.above + table.below }

    /// Pixels that a line of text takes.
    package func width(of text: String) -> Int { text.reduce(0) { $0 + advance($1) } }

    /// From a character to the next; a character without a glyph is drawn as a box.
    func advance(_ character: Character) -> Int { table[character]?.advance ?? boxAdvance }

    var boxAdvance: Int { table.above * 3 / 4 }

    /// The text, or as much of its beginning as fits, with `…` at its end.
    package func shortened(_ text: String, to width: Int) -> String {
        if self.width(of: text) <= width { return text }
        var kept = ""
        var left = width - self.width(of: "…")
        for character in text {
            left -= advance(character)
            if left < 0 { break }
            kept.append(character)
        }
        while kept.last?.isWhitespace == true { kept.removeLast() }
        return kept + "…"
    }

    /// Lines no wider than `width`, broken between words, and within one that is too long; what does not fit
    /// on the last line ends in `…`.
    package func wrapped(_ text: String, to width: Int, lines most: Int) -> [String] {
        precondition(most > 0, "text on \(most) lines")
        var lines: [String] = []
        var rest = Array(text.split(whereSeparator: \.isWhitespace).map(String.init).reversed())
        var line = ""
        // What stands between the last finished line and the rest.
        var space = " "
        while let word = rest.popLast() {
            let longer = line.isEmpty ? word : line + " " + word
            if self.width(of: longer) <= width {
                line = longer
            } else if line.isEmpty {
                let (head, tail) = broken(word, width)
                lines.append(head)
                if !tail.isEmpty { rest.append(tail) }
                space = tail.isEmpty ? " " : ""
            } else {
                lines.append(line)
                line = ""
                rest.append(word)
                space = " "
            }
            if lines.count == most, !rest.isEmpty {
                let cut = lines.removeLast() + space + rest.reversed().joined(separator: " ")
                return lines + [shortened(cut, to: width)]
            }
        }
        return line.isEmpty && !lines.isEmpty ? lines : lines + [line]
    }

    /// As much of a word as fits, at least one character: best up to a sign inside it.
    private func broken(_ word: String, _ width: Int) -> (head: String, tail: String) {
        var left = width
        var end = word.startIndex
        var sign: String.Index?
        for index in word.indices {
            left -= advance(word[index])
            if left < 0 && end > word.startIndex { break }
            end = word.index(after: index)
            if "-_/.,:;=+".contains(word[index]) { sign = end }
        }
        if end < word.endIndex, let sign { end = sign }
        return (String(word[..<end]), String(word[end...]))
    }
}
