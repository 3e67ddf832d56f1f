package import Foundation
import Ports
import RunSpec
import SweepModel

/// The binary form, all integers LEB128 unless said otherwise:
///
///     "RMB1"
///     ledger id, job id            each: length, UTF-8
///     epoch, attempt, first
///     key count, then per key:     length, UTF-8 name
///                                  point count
///                                  steps: zigzag differences to the step before (0 before the first)
///                                  values: 8 bytes little-endian IEEE 754 each
///     CRC-32C of all before        4 bytes little-endian
extension MetricBatch: WireRequest {
    private static let magic: [UInt8] = Array("RMB1".utf8)

    package var parameters: [String: String] { session.map { ["session": $0.rawValue] } ?? [:] }

    package func body() throws -> Data { Data(encoded()) }

    package init(parameters: [String: String], body: Data) throws {
        let session = SessionID(rawValue: try parameters.required("session"))
        guard session.isValid else {
            throw WireError(.badRequest, "parameter session: wanted the 32 hex digits of the worker's session")
        }
        try self.init(encoded: Array(body))
        self.session = session
    }

    /// The bytes of the binary form.
    package func encoded() -> [UInt8] {
        var bytes = Self.magic
        bytes.reserveCapacity(64 + count * 10)
        bytes.append(text: token.ledger)
        bytes.append(text: token.job.text)
        bytes.append(varint: UInt64(token.epoch))
        bytes.append(varint: UInt64(token.attempt.value))
        bytes.append(varint: first)
        bytes.append(varint: UInt64(series.count))
        for one in series {
            bytes.append(text: one.key)
            bytes.append(varint: UInt64(one.steps.count))
            var previous: Int64 = 0
            for step in one.steps {
                let difference = step &- previous
                bytes.append(varint: UInt64(bitPattern: (difference << 1) ^ (difference >> 63)))
                previous = step
            }
            for value in one.values { bytes.append(word: value.bitPattern, count: 8) }
        }
        bytes.append(word: UInt64(CRC32C.of(bytes)), count: 4)
        return bytes
    }

    /// - Throws: `WireError` with code `badRequest` for anything that is not such a batch.
    package init(encoded bytes: [UInt8]) throws {
        guard bytes.count > 8, bytes.starts(with: Self.magic) else {
            throw WireError(.badRequest, "a metric batch starts with RMB1; found \(bytes.count) other bytes")
        }
        var sum = CRC32C()
        bytes.withUnsafeBytes { sum.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<(bytes.count - 4)])) }
        var reader = BatchReader(bytes: bytes, position: bytes.count - 4, end: bytes.count)
        guard try reader.word(4) == UInt64(sum.value) else {
            throw WireError(.badRequest, "the metric batch was damaged on its way (CRC-32C differs); send it again")
        }
        reader = BatchReader(bytes: bytes, position: Self.magic.count, end: bytes.count - 4)
        let ledger = try reader.text(limit: 128)
        let job = try reader.text(limit: 128)
        let epoch = try reader.integer()
        let attempt = try reader.integer()
        guard let job = JobID(job), attempt >= 1 else {
            throw WireError(
                .badRequest, "a metric batch of job '\(job.prefix(80))', attempt \(attempt): no such thing can be")
        }
        token = AttemptToken(ledger: ledger, epoch: epoch, job: job, attempt: AttemptNumber(attempt))
        first = try reader.varint()
        guard first >= 1, first < 1 << 62 else {
            throw WireError(.badRequest, "metric points are numbered from 1, found \(first)")
        }
        let keys = try reader.integer()
        series = []
        series.reserveCapacity(min(keys, MetricLimit.names))
        for _ in 0..<keys { try take(try reader.series()) }
        guard reader.isAtEnd else { throw WireError(.badRequest, "a metric batch has bytes after its last key") }
    }

    /// A name that cannot be one costs its points, not the batch: refusing it would bring it again, from an
    /// older worker for ever.
    private mutating func take(_ one: MetricSeries) throws {
        if !MetricLimit.accepts(one.key) {
            let shown = one.key.isEmpty ? "an empty name" : "'\(one.key.prefix(40))…' of \(one.key.utf8.count) bytes"
            drop(one, .metricName, "\(shown); wanted 1 to \(MetricLimit.nameBytes) bytes")
        } else if series.count > MetricLimit.names {  // one more: what stands for lost points
            drop(one, .metricNames, "'\(one.key)' is one name too many; at most \(MetricLimit.names) are taken")
        } else {
            series.append(one)
        }
    }

    private mutating func drop(_ one: MetricSeries, _ kind: AttemptNotice.Kind, _ detail: String) {
        if let index = dropped.firstIndex(where: { $0.kind == kind.rawValue }) {
            dropped[index].count += one.steps.count
        } else {
            dropped.append(
                AttemptNotice(kind: kind.rawValue, count: one.steps.count, detail: "metric \(detail)"))
        }
    }
}

/// Reads the parts, refusing to look past the end.
private struct BatchReader {
    let bytes: [UInt8]
    var position: Int
    let end: Int

    var isAtEnd: Bool { position == end }

    mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { break }
        }
        throw WireError(.badRequest, "a metric batch ends inside a number")
    }

    mutating func integer() throws -> Int {
        let value = try varint()
        guard value < 1 << 62 else { throw WireError(.badRequest, "a count of \(value) in a metric batch") }
        return Int(value)
    }

    mutating func text(limit: Int) throws -> String {
        let count = try integer()
        guard count <= limit, count <= end - position,
            let text = String(validating: bytes[position..<(position + count)], as: UTF8.self)
        else { throw WireError(.badRequest, "a name of \(count) bytes in a metric batch, at most \(limit), UTF-8") }
        position += count
        return text
    }

    mutating func word(_ count: Int) throws -> UInt64 {
        guard count <= end - position else { throw WireError(.badRequest, "a metric batch ends inside a value") }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += count
        return value
    }

    mutating func series() throws -> MetricSeries {
        let key = try text(limit: end - position)
        let count = try integer()
        // Each point takes at least nine bytes, so a lying count is refused before anything is allocated for
        // it.
        guard count <= (end - position) / 9 else {
            throw WireError(
                .badRequest, "metric '\(key.prefix(80))': \(count) points do not fit into what is left of the batch")
        }
        var steps: [Int64] = []
        steps.reserveCapacity(count)
        var previous: Int64 = 0
        for _ in 0..<count {
            let folded = try varint()
            previous &+= Int64(bitPattern: folded >> 1) ^ -Int64(bitPattern: folded & 1)
            steps.append(previous)
        }
        var values: [Double] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(Double(bitPattern: try word(8))) }
        return MetricSeries(key: key, steps: steps, values: values)
    }
}

extension [UInt8] {
    fileprivate mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    fileprivate mutating func append(text: String) {
        append(varint: UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    fileprivate mutating func append(word: UInt64, count: Int) {
        for index in 0..<count { append(UInt8(truncatingIfNeeded: word >> UInt64(8 * index))) }
    }
}
