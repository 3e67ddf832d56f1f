package import CoreNets
import RunSpec

/// Which blocks of the networks an adapter acts in: to see what each of them has learnt.
///
/// One word, or several joined by `+`: `all`; `unet` and `te` (the text encoders); `in`, `mid` and `out`, the
/// ways down and up with what stands before and behind them; `down0`, `up1`, a level; `in04`, `out11`, a
/// position as `block_lr` counts them (`UNetPositions`).
package struct AdapterBlocks: Hashable, Sendable, CustomStringConvertible {
    private enum Part: Hashable {
        case all, unet, textEncoder, down, middle, up
        case downLevel(Int)
        case upLevel(Int)
        case downPosition(Int)
        case upPosition(Int)
    }

    package static let all = AdapterBlocks(parts: [.all], description: "all")

    private let parts: [Part]
    /// As it was written.
    package let description: String

    private init(parts: [Part], description: String) {
        self.parts = parts
        self.description = description
    }

    /// - Throws: `AdapterError` with `badOption` for a word that names no blocks.
    package init(_ text: String) throws(AdapterError) {
        description = text
        var parts: [Part] = []
        for word in text.split(separator: "+", omittingEmptySubsequences: false) {
            guard let part = Self.part(word.lowercased()) else {
                let near = nearest(to: String(word), among: Self.words).map { "; did you mean \($0)" } ?? ""
                throw AdapterError(
                    .badOption,
                    "blocks \(text): '\(word)' names none\(near); wanted \(Self.words.joined(separator: ", ")), a level "
                        + "(down0, up1), a position (in04, out11), or several joined by +")
            }
            parts.append(part)
        }
        self.parts = parts
    }

    package var isAll: Bool { parts.contains(.all) }

    private static let words = ["all", "unet", "te", "in", "mid", "out"]

    private static func part(_ word: String) -> Part? {
        switch word {
        case "all": return .all
        case "unet": return .unet
        case "te": return .textEncoder
        case "in": return .down
        case "mid": return .middle
        case "out": return .up
        default: break
        }
        let kinds: [(name: String, make: (Int) -> Part)] = [
            ("down", { .downLevel($0) }), ("up", { .upLevel($0) }), ("in", { .downPosition($0) }),
            ("out", { .upPosition($0) }),
        ]
        for (name, make) in kinds where word.hasPrefix(name) {
            let digits = word.dropFirst(name.count)
            if (1...3).contains(digits.count), digits.allSatisfy(\.isASCII), let number = Int(digits), number >= 0 {
                return make(number)
            }
        }
        return nil
    }

    /// Which layers act.
    ///
    /// - Throws: `AdapterError` with `badOption` for a level or position that the U-Net does not have.
    package func filter(for unet: any Module) throws(AdapterError) -> (AdapterLayer) -> Bool {
        let anywhere: Set<Part> = [.all, .unet, .textEncoder]
        guard !LayerNames.isTransformer(unet) || parts.allSatisfy(anywhere.contains) else {
            throw AdapterError(
                .badOption, "blocks \(self): \(unet.className) has no ways down and up; wanted all, unet or te")
        }
        let positions = UNetPositions(unet)
        for part in parts {
            let isThere =
                switch part {
                case .downLevel(let level), .upLevel(let level): level < positions.levels
                case .downPosition(let position): position < positions.middle
                case .upPosition(let position): position < positions.count - positions.middle - 1
                case .all, .unet, .textEncoder, .down, .middle, .up: true
                }
            guard isThere else {
                throw AdapterError(
                    .badOption,
                    "blocks \(self): this U-Net has down0 to down\(positions.levels - 1), mid, up0 to "
                        + "up\(positions.levels - 1), and the positions \(positions.summary)")
            }
        }
        let parts = parts
        return { layer in
            parts.contains { Self.holds($0, side: layer.target.side, path: layer.target.path, positions) }
        }
    }

    private static func holds(_ part: Part, side: AdapterSide, path: String, _ positions: UNetPositions) -> Bool {
        if part == .all { return true }
        guard side == .unet else { return part == .textEncoder }
        let position = positions.position(of: path)
        switch part {
        case .all, .unet: return true
        case .textEncoder: return false
        case .down: return position < positions.middle
        case .middle: return position == positions.middle
        case .up: return position > positions.middle
        case .downLevel(let level): return path.hasPrefix("down_blocks.\(level).")
        case .upLevel(let level): return path.hasPrefix("up_blocks.\(level).")
        case .downPosition(let number): return position == number
        case .upPosition(let number): return position == positions.middle + 1 + number
        }
    }
}
