/// One row of a run's history.
///
/// Numbers of fields: wandb/proto/wandb_internal.proto. `Record`: 2 `history`; `HistoryRecord`: 1 `item`, 2
/// `step` (1 `num`); `HistoryItem`: 1 `key`, 2 `nested_key`, 16 `value_json`.
struct WandbHistory {
    /// In the order of the row, W&B's own (`_step`, `_runtime`, …) left out.
    private(set) var values: [(name: String, value: Double)] = []
    private var ownStep: Double?

    /// - Returns: nil for a record of another kind.
    init?(_ record: [UInt8]) {
        var fields = ProtobufFields(record, 0..<record.count)
        var history: Range<Int>?
        while let (number, value) = fields.next() {
            if case (2, .bytes(let range)) = (number, value) { history = range }
        }
        guard let history else { return nil }
        fields = ProtobufFields(record, history)
        while let (number, value) = fields.next() {
            switch (number, value) {
            case (1, .bytes(let item)): take(item, record)
            case (2, .bytes(let step)):
                var inner = ProtobufFields(record, step)
                // A zero is left out of the message.
                ownStep = ownStep ?? 0
                while let (number, value) = inner.next() {
                    if case (1, .varint(let word)) = (number, value) { ownStep = Double(Int64(bitPattern: word)) }
                }
            default: break
            }
        }
    }

    private mutating func take(_ item: Range<Int>, _ record: [UInt8]) {
        var names: [String] = []
        var json = ""
        var fields = ProtobufFields(record, item)
        while let (number, value) = fields.next() {
            switch (number, value) {
            case (1, .bytes(let text)): names = [record.text(text)]
            case (2, .bytes(let text)): names.append(record.text(text))
            case (16, .bytes(let text)): json = record.text(text)
            default: break
            }
        }
        // One of both is there: a map that is logged has a nested key for each of its numbers.
        let name = names.filter { !$0.isEmpty }.joined(separator: ".")
        if name == "_step" {
            ownStep = Self.number(json) ?? ownStep
        } else if !name.hasPrefix("_") {
            // Text, pictures and tables are no numbers.
            if let number = Self.number(json) { values.append((name, number)) }
        }
    }

    /// A number of JSON, or what stands for one that JSON cannot hold; nothing else in quotes.
    private static func number(_ json: String) -> Double? {
        guard json.hasPrefix("\""), json.hasSuffix("\""), json.utf8.count > 1 else { return NumberText.value(json) }
        return NumberText.special[String(json.dropFirst().dropLast())]
    }

    /// The row's step: W&B's own, or the item of that name.
    func step(_ name: String?) -> Int64? {
        NumberText.step(name.map { name in values.last { $0.name == name }?.value } ?? ownStep)
    }
}
