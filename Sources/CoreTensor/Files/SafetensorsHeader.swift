/// The decoded and checked header of a safetensors file.
struct SafetensorsHeader {
    /// The reference implementation's limit; a larger length means that the file is something else.
    static let largest = 100_000_000

    let entries: [String: SafetensorsEntry]
    let metadata: [String: String]

    /// - Parameters:
    ///   - json: the header's bytes.
    ///   - dataBytes: bytes after the header, which the tensors must fill without gaps.
    ///   - file: named in errors.
    init(json: UnsafeRawBufferPointer, dataBytes: Int, file: String) throws {
        var scanner = JSONScanner(json, place: "\(file): header")
        var entries: [String: SafetensorsEntry] = [:]
        var metadata: [String: String] = [:]
        var seen: Set<String> = []
        try scanner.object { scanner, name in
            guard seen.insert(name).inserted else { throw scanner.fault("the name '\(name)' occurs twice") }
            if name == "__metadata__" {
                metadata = try Self.metadata(&scanner)
            } else {
                entries[name] = try Self.entry(named: name, &scanner)
            }
        }
        try scanner.end()
        self.entries = entries
        self.metadata = metadata
        try checkTiling(dataBytes: dataBytes, file: file)
    }

    /// `__metadata__`: text for text. null stands for none, as the reference implementation reads it.
    private static func metadata(_ scanner: inout JSONScanner) throws -> [String: String] {
        let value = try scanner.value()
        if value == .null { return [:] }
        guard case .object(let members) = value else {
            throw scanner.fault("__metadata__ is \(value.kind), wanted a map of text to text, or null")
        }
        var metadata: [String: String] = [:]
        for member in members {
            guard case .text(let text) = member.value else {
                throw scanner.fault(
                    "__metadata__: '\(member.name)' is \(member.value.kind), wanted text: the format knows nothing else there"
                )
            }
            metadata[member.name] = text
        }
        return metadata
    }

    private static func entry(named name: String, _ scanner: inout JSONScanner) throws -> SafetensorsEntry {
        var type: SafetensorsType?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { scanner, key in
            switch key {
            case "dtype":
                let text = try scanner.string()
                type = SafetensorsType(rawValue: text)
                if type == nil { throw scanner.fault("'\(name)' has the unknown dtype '\(text)'", .wrongType) }
            case "shape": shape = try scanner.integers()
            case "data_offsets": offsets = try scanner.integers()
            default: throw scanner.fault("'\(name)' has the unknown key '\(key)'")
            }
        }
        guard let type, let shape, let offsets else {
            let missing = [
                type == nil ? "dtype" : nil, shape == nil ? "shape" : nil, offsets == nil ? "data_offsets" : nil,
            ]
            throw scanner.fault("'\(name)' has no \(missing.compactMap(\.self).joined(separator: ", no "))")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw scanner.fault("'\(name)' has the data_offsets \(offsets), wanted [begin, end]")
        }
        var bytes = type.size
        for side in shape {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: side)
            guard !overflow else { throw scanner.fault("'\(name)' has the impossible shape \(shape)") }
            bytes = product
        }
        guard bytes == offsets[1] - offsets[0] else {
            throw scanner.fault(
                "'\(name)' \(type.rawValue) \(shape) needs \(bytes) bytes, its offsets hold \(offsets[1] - offsets[0])")
        }
        return SafetensorsEntry(dtype: type, shape: shape, offsets: offsets[0]..<offsets[1])
    }

    private func checkTiling(dataBytes: Int, file: String) throws {
        var position = 0
        let order = entries.sorted {
            ($0.value.offsets.lowerBound, $0.value.offsets.upperBound, $0.key)
                < ($1.value.offsets.lowerBound, $1.value.offsets.upperBound, $1.key)
        }
        for (name, entry) in order {
            guard entry.offsets.lowerBound == position else {
                let what = entry.offsets.lowerBound < position ? "overlaps its predecessor" : "leaves a gap before it"
                throw TensorError(
                    .malformed,
                    "\(file): '\(name)' starts at byte \(entry.offsets.lowerBound) and \(what), wanted \(position)")
            }
            position = entry.offsets.upperBound
        }
        guard position <= dataBytes else {
            throw TensorError(
                .malformed,
                "\(file): tensors take \(position) bytes but the file holds \(dataBytes); it may be cut short")
        }
        guard position == dataBytes else {
            throw TensorError(
                .malformed,
                "\(file): \(dataBytes - position) bytes follow the last tensor, which ends at byte \(position) of the data; wanted none"
            )
        }
    }
}
