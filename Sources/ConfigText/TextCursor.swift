/// A place in a text that is read from the front.
struct TextCursor {
    private let scalars: [Unicode.Scalar]
    private(set) var place = 0

    init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    var isAtEnd: Bool { place >= scalars.count }
    var peek: Unicode.Scalar? { place < scalars.count ? scalars[place] : nil }

    func peek(_ distance: Int) -> Unicode.Scalar? {
        scalars.indices.contains(place + distance) ? scalars[place + distance] : nil
    }

    mutating func advance(_ count: Int = 1) { place = min(place + count, scalars.count) }

    /// Passes over this text if it stands here.
    mutating func takes(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[place...].starts(with: wanted) else { return false }
        place += wanted.count
        return true
    }

    mutating func take(while isWanted: (Unicode.Scalar) -> Bool) -> String {
        let start = place
        while let next = peek, isWanted(next) { place += 1 }
        return text(start..<place)
    }

    func text(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range])
        return String(view)
    }

    /// Where the line begins that holds a place.
    func lineStart(of place: Int) -> Int {
        var start = place
        while start > 0, scalars[start - 1] != "\n" { start -= 1 }
        return start
    }

    func fault(_ message: String) -> ConfigFault {
        ConfigFault(message, line: scalars[..<min(place, scalars.count)].count { $0 == "\n" } + 1)
    }

    /// What follows a backslash, in JSON and in TOML.
    mutating func escape() throws(ConfigFault) -> String {
        guard let next = peek else { throw fault("a text does not end") }
        advance()
        switch next {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "e": return "\u{1B}"
        case "\"", "\\", "/": return String(next)
        case "x": return try character(digits: 2)
        case "u": return try character(digits: 4)
        case "U": return try character(digits: 8)
        default: throw fault("'\\\(next)' means nothing")
        }
    }

    private mutating func character(digits: Int) throws(ConfigFault) -> String {
        var code = try hexadecimal(digits)
        // JSON writes what lies beyond 16 bits as two halves.
        if (0xD800..<0xDC00).contains(code), takes("\\u") {
            let low = try hexadecimal(4)
            guard (0xDC00..<0xE000).contains(low) else { throw fault("half a character") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fault("half a character") }
        return String(Character(scalar))
    }

    private mutating func hexadecimal(_ digits: Int) throws(ConfigFault) -> UInt32 {
        let end = min(place + digits, scalars.count)
        guard end - place == digits, let code = UInt32(text(place..<end), radix: 16) else {
            throw fault("\(digits) hexadecimal digits are wanted")
        }
        advance(digits)
        return code
    }
}
