import Foundation

/// What the name of a trainer's sample picture says of it: kohya's `mine_e000002_01_20250131120000.png`,
/// `mine_000120_00_…`, ai-toolkit's `1699999999999__000000100_0.jpg`, OneTrainer's
/// `0 - a cat_2025-01-31_12-00-00-training-sample-120-3-0.jpg`, `samples/step-100-3.png` and the like.
package struct SampleName: Equatable, Sendable {
    /// nil where the name has none.
    package var epoch: Int?
    package var step: Int?
    /// What tells pictures of one step apart: the number of the prompt, as a rule.
    package var series: String

    init(series: String) { self.series = series }

    package init(_ name: String) {
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        if let known = Self(kohya: stem) ?? Self(oneTrainer: stem) {
            self = known
            return
        }
        var words = Self.words(stem).filter { !Self.isTime($0) }
        epoch = Self.take(&words, ["epoch", "epochs", "ep", "e"])
        step = Self.take(&words, ["step", "steps", "iter", "iteration", "it", "s"])
        if epoch == nil && step == nil {
            // The number with the most digits is the step, the first of equals.
            let numbers = words.indices.filter { Int(words[$0]) != nil }
            if let longest = numbers.max(by: { (words[$0].count, -$0) < (words[$1].count, -$1) }) {
                step = Int(words.remove(at: longest))
            }
        }
        let numbers = words.filter { Int($0) != nil }
        series = (numbers.isEmpty ? words : numbers).joined(separator: " ")
    }

    /// kohya's `NAME_e000002_01_20250131120000_SEED` and `NAME_000120_…`: what stands before says nothing,
    /// since a name may hold numbers of its own.
    private init?(kohya stem: String) {
        let parts = stem.split(separator: "_").map(String.init)
        guard let time = parts.lastIndex(where: { $0.count == 14 && Int($0) != nil }), time >= 2,
            parts[time - 1].count == 2, Int(parts[time - 1]) != nil
        else { return nil }
        let number = parts[time - 2]
        let isEpoch = number.first == "e"
        guard number.count == (isEpoch ? 7 : 6), let value = Int(number.dropFirst(isEpoch ? 1 : 0)) else { return nil }
        epoch = isEpoch ? value : nil
        step = isEpoch ? nil : value
        series = ([parts[time - 1]] + parts[(time + 1)...]).joined(separator: " ")
    }

    /// OneTrainer's `TIME-training-sample-STEP-EPOCH-STEP_OF_EPOCH`; before it stands the
    /// folder of the prompt, with its number, where the worker put it there.
    private init?(oneTrainer stem: String) {
        let pattern = /^(.*?)\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-training-sample-(\d+)-(\d+)-\d+$/
        guard let match = stem.wholeMatch(of: pattern), let step = Int(match.2), let epoch = Int(match.3) else {
            return nil
        }
        self.step = step
        self.epoch = epoch
        series = String(match.1.prefix { $0.isNumber })
    }

    /// Runs of digits and runs of letters.
    private static func words(_ text: String) -> [String] {
        var (words, last): ([String], Character?) = ([], nil)
        for character in text {
            defer { last = character }
            guard character.isLetter || character.isNumber else { continue }
            let joins = last.map { $0.isNumber == character.isNumber && ($0.isLetter || $0.isNumber) } ?? false
            if joins { words[words.count - 1].append(character) } else { words.append(String(character)) }
        }
        return words
    }

    /// Seconds or milliseconds since 1970, or a date with the time of day.
    private static func isTime(_ word: String) -> Bool { (12...17).contains(word.count) && Int(word) != nil }

    /// The number behind one of the names; both leave the words.
    private static func take(_ words: inout [String], _ names: [String]) -> Int? {
        for name in names {
            for index in words.indices.dropLast() where words[index].lowercased() == name {
                guard let number = Int(words[index + 1]) else { continue }
                words.removeSubrange(index...index + 1)
                return number
            }
        }
        return nil
    }
}
