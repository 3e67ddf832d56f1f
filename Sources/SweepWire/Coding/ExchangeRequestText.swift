package import Foundation
import Ports
import SweepModel

/// The call that comes most often, written and read without a general coder where it has nothing but ends of
/// attempts: the bytes are those of ``WireJSON``.
extension ExchangeRequest {
    /// - Throws: `WireError` `internalFault`.
    package func body() throws -> Data { try plainText().map { Data($0.utf8) } ?? WireJSON.encode(self) }

    /// - Throws: `WireError` `badRequest` that names the field.
    package init(parameters: [String: String], body: Data) throws {
        self = try PlainExchangeReader.read(body) ?? WireJSON.decode(Self.self, from: body)
    }

    /// - Returns: nil where an encoder is needed.
    private func plainText() -> String? {
        guard session.rawValue.isPlain, waitSeconds.sign == .plus, waitSeconds == waitSeconds.rounded(),
            waitSeconds < 1e9
        else { return nil }
        var text = ""
        if let freeGPUs { text += "\"freeGPUs\":[\(freeGPUs.map(String.init).joined(separator: ","))]," }
        text += "\"freeSlots\":\(freeSlots),\"number\":\(number),\"reports\":["
        for (index, report) in reports.enumerated() {
            guard let one = report.plainText else { return nil }
            if index > 0 { text += "," }
            text += one
        }
        return "{\(text)],\"session\":\"\(session.rawValue)\",\"waitSeconds\":\(Int(waitSeconds))}"
    }
}

extension Report {
    /// The end of an attempt that did what it should, as ``WireJSON`` writes it; nil for all else.
    package var plainText: String? {
        guard case .finished(let end) = body, token.ledger.isPlain else { return nil }
        return "{\"finished\":{\"streamPosition\":\(end.streamPosition)},\"token\":{\"attempt\":\(token.attempt),"
            + "\"epoch\":\(token.epoch),\"job\":\"\(token.job.text)\",\"ledger\":\"\(token.ledger)\"}}"
    }
}

/// Reads what `plainText` writes.
private struct PlainExchangeReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var position = 0

    /// What a reader does not know is left to the general decoder.
    private struct Unknown: Error {}

    /// - Returns: nil for anything that is not written exactly so; it may be right all the same.
    static func read(_ body: Data) -> ExchangeRequest? {
        body.withUnsafeBytes { raw in
            var reader = PlainExchangeReader(bytes: raw.bindMemory(to: UInt8.self))
            // The general decoder finds the words for what is wrong.
            return try? reader.request()
        }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private mutating func request() throws(Unknown) -> ExchangeRequest {
        try expect("{")
        var freeGPUs: [Int]?
        if accept("\"freeGPUs\":[") {
            var positions: [Int] = []
            while !accept("]") {
                if !positions.isEmpty { try expect(",") }
                positions.append(try integer())
            }
            try expect(",")
            freeGPUs = positions
        }
        try expect("\"freeSlots\":")
        let freeSlots: Int = try integer()
        try expect(",\"number\":")
        let number: UInt64 = try integer()
        try expect(",\"reports\":[")
        var reports: [Report] = []
        while !accept("]") {
            if !reports.isEmpty { try expect(",") }
            reports.append(try finished())
        }
        try expect(",\"session\":")
        let session = SessionID(rawValue: try text())
        try expect(",\"waitSeconds\":")
        let waitSeconds: Int = try integer()
        try expect("}")
        guard position == bytes.count else { throw Unknown() }
        return ExchangeRequest(
            session: session, number: number, reports: reports, freeSlots: freeSlots, freeGPUs: freeGPUs,
            waitSeconds: Double(waitSeconds))
    }

    private mutating func finished() throws(Unknown) -> Report {
        try expect("{\"finished\":{\"streamPosition\":")
        let position: UInt64 = try integer()
        try expect("},\"token\":{\"attempt\":")
        let attempt: Int = try integer()
        try expect(",\"epoch\":")
        let epoch: Int = try integer()
        try expect(",\"job\":")
        guard let job = JobID(try text()), attempt >= 1 else { throw Unknown() }
        try expect(",\"ledger\":")
        let ledger = try text()
        try expect("}}")
        return Report(
            token: AttemptToken(ledger: ledger, epoch: epoch, job: job, attempt: AttemptNumber(attempt)),
            .finished(FinishReport(streamPosition: position)))
    }

    private mutating func accept(_ wanted: StaticString) -> Bool {
        let count = wanted.utf8CodeUnitCount
        guard count <= bytes.count - position, let base = bytes.baseAddress,
            memcmp(base + position, wanted.utf8Start, count) == 0
        else { return false }
        position += count
        return true
    }

    private mutating func expect(_ wanted: StaticString) throws(Unknown) {
        guard accept(wanted) else { throw Unknown() }
    }

    /// As JSON writes it: no sign but a minus, no zero before other digits.
    private mutating func integer<Number: FixedWidthInteger>() throws(Unknown) -> Number {
        let start = position
        if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
        let first = position
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        while position < bytes.count, digits.contains(bytes[position]) { position += 1 }
        let isPadded = position - first > 1 && bytes[first] == UInt8(ascii: "0")
        guard !isPadded, let value = Number(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            throw Unknown()
        }
        return value
    }

    /// Letters and digits.
    private mutating func text() throws(Unknown) -> String {
        try expect("\"")
        let start = position
        while position < bytes.count, bytes[position].isPlain { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        try expect("\"")
        return text
    }
}

extension UInt8 {
    fileprivate var isPlain: Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self)
    }
}

extension String {
    /// Small letters and digits only: the same in JSON.
    var isPlain: Bool { utf8.allSatisfy(\.isPlain) }
}
