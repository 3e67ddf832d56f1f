/// The most likely way to cut a text into pieces, each with a probability of its own.
///
/// - SeeAlso: Kudo, “Subword regularization”, arXiv:1804.10959.
package struct UnigramModel: Sendable {
    package let pieces: [(text: String, score: Double)]
    /// Stands for what no piece covers.
    package let unknownID: Int
    /// Node and byte to the next node.
    private var edges: [UInt64: Int32] = [:]
    /// The piece that ends at a node, or -1.
    private var ends: [Int32] = [-1]
    private let unknownScore: Double

    /// - Precondition: the unknown id is one of the pieces.
    package init(pieces: [(text: String, score: Double)], unknownID: Int) {
        precondition(pieces.indices.contains(unknownID), "unknown id \(unknownID) of \(pieces.count) pieces")
        self.pieces = pieces
        self.unknownID = unknownID
        // The reference's penalty.
        unknownScore = (pieces.map(\.score).min() ?? 0) - 10
        for (id, piece) in pieces.enumerated() where !piece.text.isEmpty {
            var node = 0
            for byte in piece.text.utf8 {
                let key = UInt64(node) << 8 | UInt64(byte)
                if let next = edges[key] {
                    node = Int(next)
                } else {
                    edges[key] = Int32(ends.count)
                    node = ends.count
                    ends.append(-1)
                }
            }
            ends[node] = Int32(id)
        }
    }

    private struct Step {
        var id = 0
        var score = 0.0
        var start: Int?
    }

    /// The ids of the best cut; neighbouring unknown characters are one unknown piece.
    package func encode(_ text: String) -> [Int] {
        let bytes = Array(text.utf8)
        var best = Array(repeating: Step(), count: bytes.count + 1)
        func offer(_ id: Int, _ score: Double, from start: Int, to end: Int) {
            guard best[end].start == nil || score > best[end].score else { return }
            best[end] = Step(id: id, score: score, start: start)
        }
        var start = 0
        while start < bytes.count {
            let (here, width) = (best[start].score, Self.width(bytes[start]))
            var (node, end, single) = (0, start, false)
            while end < bytes.count, let next = edges[UInt64(node) << 8 | UInt64(bytes[end])] {
                node = Int(next)
                end += 1
                guard ends[node] >= 0 else { continue }
                let id = Int(ends[node])
                offer(id, pieces[id].score + here, from: start, to: end)
                if end - start == width { single = true }
            }
            if !single { offer(unknownID, unknownScore + here, from: start, to: start + width) }
            start += width
        }
        var ids: [Int] = []
        var end = bytes.count
        while end > 0, let start = best[end].start {
            let id = best[end].id
            if id != unknownID || ids.last != unknownID { ids.append(id) }
            end = start
        }
        return ids.reversed()
    }

    /// Bytes of the character that a byte begins.
    private static func width(_ byte: UInt8) -> Int {
        switch byte {
        case ..<0x80: 1
        case ..<0xE0: 2
        case ..<0xF0: 3
        default: 4
        }
    }
}
