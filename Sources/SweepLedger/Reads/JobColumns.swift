/// The jobs of a sweep, column by column and in the order of their rows in the ledger: a job takes about a
/// hundred bytes, so that a million of them fit into a coordinator's memory.
package struct JobColumns: Sendable {
    /// One for each time that all of them were read: as long as it is the same, rows are only added, and
    /// places among the texts of a column stay.
    package final class Reading: Sendable {}

    package let reading = Reading()
    /// The ledger's last event when they were read: what changes later is noted after it.
    package internal(set) var mark: Int64 = 0
    /// The sweep's row.
    var sweep: Int64 = 0
    /// Rows in the ledger, rising.
    package internal(set) var rows: [Int64] = []
    package internal(set) var ids: [JobDigits] = []
    package internal(set) var groups = TextColumn()
    package internal(set) var states = TextColumn()
    /// Ids; what people call them stands in `workerNames`.
    package internal(set) var workers = TextColumn()
    package internal(set) var workerNames: [String: String] = [:]
    package internal(set) var failures = TextColumn()
    package internal(set) var messages = TextColumn()
    package internal(set) var configurations: [Int64] = []
    package internal(set) var seeds: [Int64] = []
    package internal(set) var attempts: [Int32] = []
    package internal(set) var priorities: [Int64] = []
    package internal(set) var created: [Int64] = []
    package internal(set) var updated: [Int64] = []
    /// Whether each evaluates another; empty where none does.
    package internal(set) var evaluates: [Bool] = []
    package internal(set) var settings = SettingColumns()
    /// By their names in the table.
    package internal(set) var measured: [String: MeasuredColumn] = [:]

    package var count: Int { rows.count }

    /// Where the job of a row in the ledger stands.
    package func place(ofRow row: Int64) -> Int? {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low] == row ? low : nil
    }

    /// What was measured of them by an earlier or later look at the same reading, where these have none of
    /// the name.
    package mutating func keepMeasured(of other: JobColumns) {
        guard other.reading === reading, other.count <= count else { return }
        for (name, column) in other.measured where measured[name] == nil {
            var column = column
            column.values += [Double](repeating: .nan, count: count - column.values.count)
            measured[name] = column
        }
    }

    package mutating func add(_ column: MeasuredColumn, as name: String) {
        guard column.values.count == count else { return }
        // People look at few at a time.
        if measured.count >= Self.mostMeasured, measured[name] == nil {
            measured.removeValue(forKey: measured.keys.first ?? "")
        }
        measured[name] = column
    }

    package static let mostMeasured = 24
}

/// What is read for each job of what it logged or what was measured of it.
package enum MeasuredSource: Sendable, Equatable {
    /// The newest value that counts under a key.
    case curve(String)
    /// What the newest evaluated checkpoint measured, averaged over classes.
    case result(metric: String, prompts: String)
}

package struct MeasuredColumn: Sendable {
    package let source: MeasuredSource
    /// One a job, NaN for none.
    package internal(set) var values: [Double]
    /// The ledger's last event when they were read.
    var mark: Int64
}

/// The 64 hex digits of a job's id as four numbers, which sort as the digits do.
package struct JobDigits: Sendable, Hashable, Comparable {
    package let words: SIMD4<UInt64>

    /// - Returns: nil for anything but 64 hex digits.
    package init?(_ digits: UnsafeRawBufferPointer) {
        guard digits.count == 64 else { return nil }
        var words = SIMD4<UInt64>()
        for (place, digit) in digits.enumerated() {
            guard let value = Self.value(digit) else { return nil }
            words[place / 16] = words[place / 16] << 4 | value
        }
        self.words = words
    }

    package var text: String {
        String(unsafeUninitializedCapacity: 64) { digits in
            for place in 0..<64 {
                let value = UInt8(words[place / 16] >> UInt64(60 - place % 16 * 4) & 15)
                digits[place] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
            }
            return 64
        }
    }

    package static func < (a: JobDigits, b: JobDigits) -> Bool {
        for place in 0..<4 where a.words[place] != b.words[place] { return a.words[place] < b.words[place] }
        return false
    }

    /// The ids that start so: from the first to the last.
    ///
    /// - Returns: nil for what is no beginning of an id.
    package static func range(_ prefix: String) -> ClosedRange<JobDigits>? {
        var (low, high) = (SIMD4<UInt64>(), SIMD4<UInt64>(repeating: .max))
        guard prefix.utf8.count <= 64 else { return nil }
        for (place, digit) in prefix.utf8.enumerated() {
            guard let value = value(digit) else { return nil }
            let shift = UInt64(60 - place % 16 * 4)
            low[place / 16] |= value << shift
            high[place / 16] &= ~(15 << shift) | value << shift
        }
        return JobDigits(words: low)...JobDigits(words: high)
    }

    private init(words: SIMD4<UInt64>) { self.words = words }

    private static func value(_ digit: UInt8) -> UInt64? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(digit - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}

/// A column of texts of which many are alike: each different one once, and which of them every row has.
package struct TextColumn: Sendable {
    /// For each row the place of its text in `texts`; −1 for none.
    package private(set) var codes: [Int32] = []
    /// Only added to: a place means the same as long as the column lives.
    package private(set) var texts: [String] = []
    private var known: [String: Int32] = [:]
    private var last: Int32 = -1

    mutating func append(_ text: UnsafeRawBufferPointer?) { codes.append(code(text)) }

    mutating func set(_ place: Int, _ text: UnsafeRawBufferPointer?) {
        let code = code(text)
        if codes[place] != code { codes[place] = code }
    }

    private mutating func code(_ text: UnsafeRawBufferPointer?) -> Int32 {
        guard let text else { return -1 }
        // Rows beside each other are often alike.
        if last >= 0, texts[Int(last)].utf8.elementsEqual(text) { return last }
        let string = String(decoding: text, as: UTF8.self)
        last = known[string] ?? Int32(texts.count)
        if Int(last) == texts.count {
            texts.append(string)
            known[string] = last
        }
        return last
    }

    package subscript(place: Int) -> String? {
        let code = codes[place]
        return code < 0 ? nil : texts[Int(code)]
    }
}
