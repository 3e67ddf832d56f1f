package import RunSpec

/// Which tensors make up a layer of an adapter file: the one rule by which every tool and every network reads
/// it.
///
/// A layer has at most one algorithm, and beside it a difference of the whole weight (`diff`) or of the bias
/// (`diff_b`), which are added to what the algorithm makes of the base.
package enum AdapterForm {
    /// A form with the algorithm that has it; nil for normalisation layers.
    private struct Kind: Sendable {
        let algorithm: Algorithm?
        let form: LayerForm

        var title: String { algorithm?.rawValue ?? "a normalisation layer" }
    }

    private static let kinds: [Kind] =
        AdapterRegistry.inFiles.map { Kind(algorithm: $0.algorithm, form: $0.form) } + [
            Kind(
                algorithm: nil,
                form: LayerForm(
                    own: ["w_norm", "b_norm"], needed: [[["w_norm"]]], hasAlpha: false, mark: "w_norm"))
        ]

    /// What may stand beside any algorithm.
    private static let additions = ["diff", "diff_b", StoredLayer.wholeWeight, StoredLayer.wholeBias]

    /// By which keys a file shows what it is.
    package static var marks: [String] { kinds.map(\.form.mark) }

    /// The algorithm of a layer, once every tensor of it has its place.
    ///
    /// - Parameters:
    ///   - keys: by suffix.
    /// - Returns: nil for a normalisation layer, or one with nothing but a bias.
    /// - Throws: `AdapterError` that names the key that has no place, or what is missing beside one.
    package static func algorithm(_ keys: [String: StoredKey.InFile]) throws -> Algorithm? {
        let present = kinds.filter { kind in kind.form.own.contains { keys[$0] != nil } }
        let main = present.first
        guard let main else {
            if keys.keys.contains(where: additions.contains) {
                try refuseRest(keys, known: additions, reason: "a difference alone has no such tensor")
                return nil
            }
            throw unknown(keys)
        }
        // A difference beside an algorithm is added to it.
        let second = present.dropFirst().first { kind in !kind.form.own.allSatisfy(additions.contains) }
        if let second, let key = second.form.own.lazy.compactMap({ keys[$0] }).first,
            let first = main.form.own.lazy.compactMap({ keys[$0] }).first
        {
            throw AdapterError(
                .unplacedKey,
                "\(key.key): the layer is \(main.title) by \(first.key) already, and \(second.title) by this key; "
                    + "wanted one algorithm for each layer")
        }
        for choices in main.form.needed { try require(choices, of: main, keys) }
        for group in main.form.together {
            guard let there = group.first(where: { keys[$0] != nil }) else { continue }
            if let missing = group.first(where: { keys[$0] == nil }), let key = keys[there] {
                throw incomplete(key, missing)
            }
        }
        var known = main.form.own + (main.algorithm == nil ? [] : additions)
        if main.algorithm == nil { known += [StoredLayer.wholeWeight, StoredLayer.wholeBias] }
        if main.form.hasAlpha { known.append("alpha") }
        if main.form.hasMagnitudes { known.append("dora_scale") }
        if main.form.hasScalar { known.append("scalar") }
        try refuseRest(keys, known: known, reason: "\(main.title), told by the layer's other keys, has no such tensor")
        return main.algorithm
    }

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
        guard let key = (kind.form.own.compactMap { keys[$0] }).min(by: { $0.key < $1.key }) else { return }
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
