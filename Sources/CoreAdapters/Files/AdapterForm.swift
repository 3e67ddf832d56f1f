package import RunSpec

/// Which tensors make up a layer of an adapter file: the one rule by which every tool and every network reads it.
///
/// A layer has at most one algorithm, and beside it a difference of the whole weight (`diff`) or of the bias (`diff_b`), which
/// are added to what the algorithm makes of the base.
package enum AdapterForm {
    /// An algorithm's tensors.
    private struct Kind: Sendable {
        let algorithm: Algorithm?
        /// All that is its own, alternatives included.
        let own: [String]
        /// Each list needs one of its members, which are lists of suffixes that stand together.
        let needed: [[[String]]]
        /// Tensors that change what others mean, and those without which they mean nothing.
        var together: [[String]] = []
        var hasAlpha = true
        var hasMagnitudes = false
        var hasScalar = false
    }

    private static func kronecker(_ prefix: String) -> (own: [String], needed: [[[String]]]) {
        let (w1, w2) = (prefix + "lokr_w1", prefix + "lokr_w2")
        return (
            [w1, w1 + "_a", w1 + "_b", w2, w2 + "_a", w2 + "_b", prefix + "lokr_t2"],
            [
                [[w1], [w1 + "_a", w1 + "_b"]],
                [[w2], [w2 + "_a", w2 + "_b"], [w2 + "_a", w2 + "_b", prefix + "lokr_t2"]],
            ]
        )
    }

    /// In the order in which lycoris-lora tries them on a file.
    private static let kinds: [Kind] = [
        Kind(
            algorithm: .lora, own: ["lora_up.weight", "lora_down.weight", "lora_mid.weight", "lora_up.bias"],
            needed: [[["lora_up.weight"]], [["lora_down.weight"]]], hasMagnitudes: true, hasScalar: true),
        Kind(
            algorithm: .loha,
            own: ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"],
            needed: [[["hada_w1_a"]], [["hada_w1_b"]], [["hada_w2_a"]], [["hada_w2_b"]]],
            together: [["hada_t1", "hada_t2"]], hasMagnitudes: true, hasScalar: true),
        Kind(
            algorithm: .ia3, own: ["weight", "on_input"], needed: [[["weight"]], [["on_input"]]], hasAlpha: false),
        Kind(
            algorithm: .lokr, own: kronecker("").own, needed: kronecker("").needed, hasMagnitudes: true,
            hasScalar: true),
        Kind(algorithm: .diagOFT, own: ["oft_blocks", "rescale"], needed: [[["oft_blocks"]]]),
        Kind(
            algorithm: .glora, own: ["a1.weight", "a2.weight", "b1.weight", "b2.weight"],
            needed: [[["a1.weight"]], [["a2.weight"]], [["b1.weight"]], [["b2.weight"]]], hasScalar: true),
        Kind(
            algorithm: .glokr, own: kronecker("a.").own + kronecker("b.").own,
            needed: kronecker("b.").needed + kronecker("a.").needed),
        Kind(algorithm: .full, own: ["diff"], needed: [[["diff"]]], hasAlpha: false),
        Kind(algorithm: nil, own: ["w_norm", "b_norm"], needed: [[["w_norm"]]], hasAlpha: false),
    ]

    /// What may stand beside any algorithm.
    private static let additions = ["diff", "diff_b", StoredLayer.wholeWeight, StoredLayer.wholeBias]

    /// By which keys a file shows what it is.
    package static var marks: [String] {
        [
            "lora_up.weight", "hada_w1_a", "on_input", "lokr_w1", "diff", "oft_blocks", "a1.weight", "b.lokr_w1",
            "w_norm",
        ]
    }

    /// The algorithm of a layer, once every tensor of it has its place.
    ///
    /// - Parameters:
    ///   - keys: by suffix.
    /// - Returns: nil for a normalisation layer, or one with nothing but a bias.
    /// - Throws: `AdapterError` that names the key that has no place, or what is missing beside one.
    package static func algorithm(_ keys: [String: StoredKey.InFile]) throws -> Algorithm? {
        let present = kinds.filter { kind in kind.own.contains { keys[$0] != nil } }
        let main = present.first
        guard let main else {
            if keys.keys.contains(where: additions.contains) {
                try refuseRest(keys, known: additions, reason: "a difference alone has no such tensor")
                return nil
            }
            throw unknown(keys)
        }
        // A difference beside an algorithm is added to it.
        let second = present.dropFirst().first { $0.algorithm != .full }
        if let second, let key = second.own.lazy.compactMap({ keys[$0] }).first,
            let first = main.own.lazy.compactMap({ keys[$0] }).first
        {
            throw AdapterError(
                .unplacedKey,
                "\(key.key): the layer is \(title(main)) by \(first.key) already, and \(title(second)) by this key; "
                    + "wanted one algorithm for each layer")
        }
        for choices in main.needed { try require(choices, of: main, keys) }
        for group in main.together {
            guard let there = group.first(where: { keys[$0] != nil }) else { continue }
            if let missing = group.first(where: { keys[$0] == nil }), let key = keys[there] {
                throw incomplete(key, missing)
            }
        }
        var known = main.own + (main.algorithm == nil ? [] : additions)
        if main.algorithm == nil { known += [StoredLayer.wholeWeight, StoredLayer.wholeBias] }
        if main.hasAlpha { known.append("alpha") }
        if main.hasMagnitudes { known.append("dora_scale") }
        if main.hasScalar { known.append("scalar") }
        try refuseRest(keys, known: known, reason: "\(title(main)), told by the layer's other keys, has no such tensor")
        return main.algorithm
    }

    private static func title(_ kind: Kind) -> String { kind.algorithm?.rawValue ?? "a normalisation layer" }

    private static func require(
        _ choices: [[String]], of kind: Kind, _ keys: [String: StoredKey.InFile]
    ) throws {
        let whole = choices.filter { choice in choice.allSatisfy { keys[$0] != nil } }
        // Of alternatives only one may be there.
        let used = Set(choices.flatMap(\.self).filter { keys[$0] != nil })
        if let best = whole.max(by: { $0.count < $1.count }) {
            guard let other = used.subtracting(best).sorted().first, let key = keys[other], let first = keys[best[0]]
            else { return }
            throw AdapterError(.unplacedKey, "\(key.key): stands beside \(first.key), which takes its place")
        }
        guard let key = (kind.own.compactMap { keys[$0] }).min(by: { $0.key < $1.key }) else { return }
        // What is nearest to whole is what was meant.
        let nearest = choices.max { a, b in a.count { keys[$0] != nil } < b.count { keys[$0] != nil } } ?? []
        let missing = nearest.filter { keys[$0] == nil }
        guard used.isEmpty, choices.count > 1 else { throw incomplete(key, missing.first ?? "") }
        let wanted = choices.prefix(2).map { choice in
            choice.map { key.split.spelled($0) }.joined(separator: " and ")
        }
        throw AdapterError(
            .incompleteLayer, "\(key.key): the file has neither \(wanted.joined(separator: " nor ")), which it needs")
    }

    private static func incomplete(_ key: StoredKey.InFile, _ missing: String) -> AdapterError {
        AdapterError(
            .incompleteLayer, "\(key.key): the file has no \(key.split.spelled(missing)), which this key needs")
    }

    private static func refuseRest(
        _ keys: [String: StoredKey.InFile], known: [String], reason: String
    ) throws {
        guard let rest = keys.keys.filter({ !known.contains($0) }).sorted().first, let key = keys[rest] else { return }
        throw AdapterError(.unplacedKey, "\(key.key): \(hints[rest] ?? reason)")
    }

    private static let hints = [
        "lambda_layer": "T-LoRA, whose files only work with the base they were made from, is not read",
        "oft_diag": "the orthogonal adapters of old files, which readers disagree about, are not read",
        "bias_indices": "sparse differences of extracted adapters are not read",
        "bias_values": "sparse differences of extracted adapters are not read",
        "bias_size": "sparse differences of extracted adapters are not read",
        "lokr_t1": "a core of LoKr's smaller factor, which no program writes, is not read",
        "scale": "a scale in place of alpha is not read",
    ]

    /// What a layer of no known algorithm is refused with.
    private static func unknown(_ keys: [String: StoredKey.InFile]) -> AdapterError {
        let suffixes = keys.keys.sorted()
        let orphans = ["alpha", "dora_scale", "scalar"]
        guard
            let suffix = suffixes.first(where: { hints[$0] != nil }) ?? suffixes.first(where: { !orphans.contains($0) })
        else {
            let key = suffixes.first.flatMap { keys[$0] }
            let wanted = key.map { [$0.split.spelled("lora_up.weight"), $0.split.spelled("lora_down.weight")] } ?? []
            return AdapterError(
                .unplacedKey,
                "\(key?.key ?? ""): stands alone; wanted the tensors it belongs to, such as \(wanted.joined(separator: " and "))"
            )
        }
        let hint = hints[suffix].map { " (\($0))" } ?? ""
        return AdapterError(
            .unplacedKey,
            "\(keys[suffix]?.key ?? suffix): no known algorithm has such keys\(hint); wanted one of "
                + marks.joined(separator: ", "))
    }
}

extension StoredKey {
    /// A key as it stands in a file.
    package struct InFile: Sendable {
        package let key: String
        package let split: StoredKey
    }
}
