package import RunSpec

/// The settings of jobs, one column a parameter: the seeds of a configuration have the same, and hardly any
/// of the parameters differ.
package struct SettingColumns: Sendable {
    /// For each job, which of the different settings it has.
    package private(set) var groups: [Int32] = []
    /// How many different ones there are.
    package private(set) var count = 0
    package private(set) var columns: [SettingColumn] = []
    private var places: [String: Int] = [:]
    /// By configuration: the settings with it that were met last, and what tells their text from others.
    private var known: [Int64: (group: Int32, hash: Int)] = [:]

    package var names: [String] { columns.map(\.name).sorted() }

    package func column(_ name: String) -> SettingColumn? { places[name].map { columns[$0] } }

    /// - Parameter text: a JSON object.
    /// - Throws: `LedgerError` `inputOutput` for a text that cannot be read.
    mutating func append(_ text: UnsafeRawBufferPointer, configuration: Int64) throws {
        var hasher = Hasher()
        hasher.combine(bytes: text)
        let hash = hasher.finalize()
        // One configuration may be told by other settings in another group of the file.
        if let known = known[configuration], known.hash == hash { return groups.append(known.group) }
        let group = Int32(count)
        if let entries = FlatJSON.entries(text) {
            for (index, entry) in entries.enumerated() {
                // As a rule the parameters stand in the same order everywhere.
                let isHere = index < columns.count && columns[index].name.utf8.elementsEqual(entry.key)
                let place = isHere ? index : place(String(decoding: entry.key, as: UTF8.self))
                columns[place].add(entry.value, at: count)
            }
        } else {
            let values = try LedgerJSON.value(
                [String: ParameterValue].self, String(decoding: text, as: UTF8.self))
            for (name, value) in values.sorted(by: { $0.key < $1.key }) {
                columns[place(name)].add(value, at: count)
            }
        }
        count += 1
        known[configuration] = (group, hash)
        groups.append(group)
    }

    private mutating func place(_ name: String) -> Int {
        if let place = places[name] { return place }
        places[name] = columns.count
        columns.append(SettingColumn(name))
        return columns.count - 1
    }

    /// After the last of them: columns that some of the settings lack get their gaps.
    mutating func seal() {
        for index in columns.indices { columns[index].fill(to: count) }
    }
}

/// One parameter of different settings.
package struct SettingColumn: Sendable {
    package enum Cells: Sendable {
        /// All have this value.
        case same(ParameterValue)
        /// NaN for those without it.
        case numbers([Double])
        /// Which of these values each has; −1 for none.
        case mixed([Int32], [ParameterValue])
    }

    package let name: String
    package private(set) var cells: Cells = .same(.null)
    private var count = 0
    private var known: [ParameterValue: Int32] = [:]

    init(_ name: String) { self.name = name }

    package var isConstant: Bool {
        if case .same = cells { true } else { false }
    }

    mutating func add(_ value: ParameterValue, at place: Int) {
        // A key that stands twice: the first one counts.
        guard place >= count else { return }
        if place == 0, count == 0 {
            (cells, count) = (.same(value), 1)
            return
        }
        if case .same(let all) = cells {
            if count == place, all == value {
                count += 1
                return
            }
            spread()
        }
        fill(to: place)
        push(value)
    }

    /// Gaps up to so many.
    mutating func fill(to total: Int) {
        guard count < total else { return }
        if case .same = cells { spread() }
        switch cells {
        case .same: break
        case .numbers(var numbers):
            cells = .same(.null)
            numbers.append(contentsOf: repeatElement(.nan, count: total - count))
            cells = .numbers(numbers)
        case .mixed(var codes, let values):
            cells = .same(.null)
            codes.append(contentsOf: repeatElement(-1, count: total - count))
            cells = .mixed(codes, values)
        }
        count = total
    }

    /// From one value for all to one for each.
    private mutating func spread() {
        guard case .same(let value) = cells else { return }
        if count == 0 {
            cells = .numbers([])
        } else if case .number(let number) = value {
            cells = .numbers(Array(repeating: number, count: count))
        } else {
            cells = .mixed(Array(repeating: 0, count: count), [value])
            known = [value: 0]
        }
    }

    private mutating func push(_ value: ParameterValue) {
        if case .numbers(var numbers) = cells {
            if case .number(let number) = value {
                // Without a second owner the array grows where it is.
                cells = .same(.null)
                numbers.append(number)
                cells = .numbers(numbers)
                count += 1
                return
            }
            mix(numbers)
        }
        guard case .mixed(var codes, var values) = cells else { return }
        cells = .same(.null)
        codes.append(code(value, &values))
        cells = .mixed(codes, values)
        count += 1
    }

    private mutating func mix(_ numbers: [Double]) {
        var values: [ParameterValue] = []
        let codes = numbers.map { $0.isNaN ? -1 : code(.number($0), &values) }
        cells = .mixed(codes, values)
    }

    private mutating func code(_ value: ParameterValue, _ values: inout [ParameterValue]) -> Int32 {
        if let code = known[value] { return code }
        let code = Int32(values.count)
        known[value] = code
        values.append(value)
        return code
    }
}
