import CoreTensor

/// Emoji that pairs are made of, in an order of chance that depends on nothing but their code points.
package struct PairObjects {
    package struct Object: Equatable, Sendable {
        package let codePoint: UInt32
        /// Not trained on, whatever the edit.
        package let isHeldOut: Bool
        package let backdrop: Backdrop
        /// `1f431`, as file names have it.
        package var code: String { String(codePoint, radix: 16) }
    }

    /// In the order of chance.
    private let faces: [Object]
    private let things: [Object]

    /// Animals and food: whole things on a clear ground.
    private static let ranges: [ClosedRange<UInt32>] = [
        0x1F32D...0x1F37F, 0x1F400...0x1F43E, 0x1F950...0x1F96F, 0x1F980...0x1F9AF,
    ]

    /// - Parameter holdout: share of the objects, above 0 and at most a half.
    package init(_ catalogue: EmojiCatalogue, holdout: Double) {
        let faces = EmojiEdit.faces.filter { catalogue.font.glyphs[$0] != nil }
        let things = catalogue.entries.filter { entry in
            Self.ranges.contains { $0.contains(entry.codePoint) }
                && !HeldOutFamily.all.contains { $0.contains(entry) }
        }.map(\.codePoint)
        self.faces = Self.objects(faces, holdout)
        self.things = Self.objects(things, holdout)
    }

    /// So many objects of an edit, in the order of their code points.
    package func chosen(_ edit: EmojiEdit, count: Int) -> [Object] {
        (edit.needsFace ? faces : things).prefix(count).sorted { $0.codePoint < $1.codePoint }
    }

    private static func objects(_ codes: [UInt32], _ holdout: Double) -> [Object] {
        let ranked = codes.map { code in
            var random = RandomStream(seed: 0, purpose: "pairs/\(String(code, radix: 16))")
            let rank = random.uniform()
            return (rank: rank, code: code, backdrop: Backdrop.allCases[random.integer(below: Backdrop.allCases.count)])
        }.sorted { ($0.rank, $0.code) < ($1.rank, $1.code) }
        // Every so many objects in that order, so that any number of first ones holds out the same share.
        return ranked.enumerated().map { place, object in
            let isHeldOut = Int(Double(place + 1) * holdout) > Int(Double(place) * holdout)
            return Object(codePoint: object.code, isHeldOut: isHeldOut, backdrop: object.backdrop)
        }
    }
}
