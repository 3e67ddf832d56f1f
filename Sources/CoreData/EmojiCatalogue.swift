package import ImageFiles

/// The single-code-point emoji of a font that can be told by their looks, each with a caption.
package struct EmojiCatalogue {
    package struct Entry: Equatable, Sendable {
        package let codePoint: UInt32
        package let caption: String

        package init(codePoint: UInt32, caption: String) {
            self.codePoint = codePoint
            self.caption = caption
        }

        /// `1f431`, as file names have it.
        package var code: String { String(codePoint, radix: 16) }
    }

    package let font: EmojiFont
    /// By ascending code point; captions are unique.
    package let entries: [Entry]

    package init(font: EmojiFont, names: UnicodeNames) {
        self.font = font
        var seen: Set<String> = []
        entries = font.codePoints.compactMap { code in
            guard Self.ranges.contains(where: { $0.contains(code) }), let name = names.caption(of: code) else {
                return nil
            }
            let caption = Self.plainNames[code] ?? name
            guard Self.plainNames[code] != nil || Self.isPicture(name), seen.insert(caption).inserted else {
                return nil
            }
            return Entry(codePoint: code, caption: caption)
        }
    }

    /// - Throws: `DataError` for a bitmap that is not there, `ImageFileError` for a broken one.
    package func image(_ entry: Entry) throws -> RGBAImage {
        guard let image = try font.image(of: entry.codePoint) else {
            throw DataError(
                code: .missing,
                message: "\(font.path): no bitmap for U+\(entry.code); use the font the catalogue came from")
        }
        return image
    }

    /// A thing with a short name, or a face.
    private static func isPicture(_ name: String) -> Bool {
        let words = name.split(separator: " ").map(String.init)
        return words.count <= (words.contains("face") ? 6 : 3) && excludedWords.isDisjoint(with: words)
    }

    /// Entries of the blocks that hold pictures; letters, digits and regional indicators stand outside.
    private static let ranges: [ClosedRange<UInt32>] = [0x203C...0x3300, 0x1F300...0x1FB00]

    /// Words of signs, arrows, people in action, buildings and rarities: many look alike at 64 pixels or are
    /// nothing that one would ask a model to draw, and each one learnt costs a small model time on the
    /// others.
    private static let excludedWords: Set<String> = [
        "accommodation", "address", "adhesive", "admission", "adult", "aid", "alembic", "amphora", "anatomical",
        "antenna", "aquarius", "aries", "arm", "arriving", "arrow", "arrows", "articulated", "asia", "asterisk", "auto",
        "backhand", "banjo", "bank", "bar", "barber", "bath", "bathing", "bento", "beverage", "bicyclist", "biting",
        "black", "bookmark", "breast", "bride", "bridge", "briefs", "bubble", "building", "buildings", "bust", "busts",
        "butter", "button", "cableway", "camping", "cancellation", "cancer", "canned", "capricorn", "carp", "chart",
        "chime", "cinema", "circle", "circled", "cityscape", "claim", "clapper", "classical", "clock", "closet",
        "clothes", "component", "compress", "compression", "confetti", "construction", "control", "convenience",
        "cooking", "couple", "crest", "cricket", "cross", "crossing", "crutch", "curly", "currency", "custard",
        "customs", "cut", "dancer", "dango", "dash", "department", "departure", "derelict", "dharma", "diamond",
        "direct", "dividers", "diya", "dose", "dotted", "drum", "dusk", "dvd", "elevator", "emoji", "europe",
        "exchange", "falafel", "family", "fax", "fencer", "film", "fist", "fleur", "flying", "fog", "foggy", "fondue",
        "foot", "funeral", "garlic", "gemini", "gesture", "goal", "goblin", "golfer", "gua", "guardsman", "haircut",
        "hamsa", "hand", "handball", "hands", "heavy", "hindu", "hole", "hook", "hotel", "identification", "ideograph",
        "imp", "inbox", "index", "indicator", "information", "input", "izakaya", "juggling", "kaaba", "keycap",
        "khanda", "kiss", "knot", "label", "ledger", "leftwards", "leg", "leo", "level", "libra", "lifter", "linked",
        "lip", "lotion", "lower", "luggage", "lungs", "mailbox", "man", "mark", "martial", "massage", "mate",
        "megaphone", "men", "meridians", "metro", "milky", "minidisc", "mode", "mosque", "motorway", "multiple",
        "national", "nazar", "nib", "no", "oden", "off", "office", "ogre", "oil", "older", "on", "one", "ophiuchus",
        "ornament", "outbox", "page", "pager", "palms", "peanuts", "pedestrian", "pen", "people", "performing",
        "person", "pick", "pine", "pisces", "placard", "place", "playing", "plunger", "pointing", "police", "polo",
        "post", "postal", "postbox", "pouring", "prayer", "probing", "pushpin", "rail", "receipt", "recreational",
        "reminder", "restroom", "rightwards", "roll", "rosette", "ruler", "runner", "running", "sagittarius", "sake",
        "salt", "sari", "satchel", "score", "scorpius", "seat", "selfie", "sewing", "shallow", "shrug", "sign",
        "signal", "silhouette", "ski", "skier", "sleeping", "sleuth", "slot", "snowboarder", "sparkler", "spiral",
        "spool", "square", "squared", "staff", "star", "station", "stop", "stroke", "studio", "stuffed", "supervillain",
        "surfer", "suspension", "swimmer", "symbol", "synagogue", "tag", "takeout", "tamale", "tanabata", "taurus",
        "teacup", "tear", "thong", "ticket", "tickets", "track", "trackball", "tramway", "trap", "triangle", "trident",
        "turban", "tuxedo", "vertical", "videocassette", "virgo", "wave", "waves", "wedding", "wheelchair", "white",
        "wind", "wing", "wireless", "woman", "women", "wrestlers", "yin",
    ]

    /// Everyday words where Unicode's name is not what anybody would type.
    private static let plainNames: [UInt32: String] = [
        0x2600: "sun", 0x260E: "telephone", 0x2615: "cup of coffee", 0x2660: "spade", 0x2663: "club",
        0x2665: "heart suit", 0x26BD: "soccer ball", 0x2764: "red heart", 0x2B50: "yellow star", 0x2744: "snowflake",
        0x1F355: "pizza", 0x1F369: "donut", 0x1F37A: "beer", 0x1F3E0: "house", 0x1F4A1: "light bulb", 0x1F4A9: "poop",
        0x1F697: "car", 0x1F31F: "glowing star", 0x1F320: "shooting star", 0x1F346: "eggplant", 0x1F33D: "corn",
        0x1F4F1: "mobile phone", 0x1F680: "rocket", 0x1F6B2: "bicycle", 0x1F916: "robot", 0x1F47D: "alien",
        0x1F983: "turkey", 0x1F37F: "popcorn", 0x1F4A7: "water drop", 0x1F525: "fire", 0x1F381: "gift box",
        0x1F468: "man", 0x1F469: "woman", 0x1F466: "boy", 0x1F467: "girl", 0x1F476: "baby", 0x26C4: "snowman",
        0x2603: "snowman in snow", 0x1F44D: "thumbs up", 0x1F44E: "thumbs down", 0x270B: "open palm",
        0x270A: "raised punch",
        0x1F534: "red ball", 0x1F535: "blue ball", 0x1F7E2: "green ball", 0x1F7E1: "yellow ball",
    ]
}
