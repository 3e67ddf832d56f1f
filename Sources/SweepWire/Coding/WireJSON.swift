package import Foundation

/// JSON as the contract writes it: sorted keys, no white space, non-finite numbers as the strings `NaN`,
/// `Infinity`, `-Infinity`.
///
/// Unknown fields are ignored on read. Payloads that must keep every bit of a number (metrics) are binary,
/// not JSON.
package enum WireJSON {
    /// - Throws: `WireError` with code `internalFault`.
    package static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        do {
            return try encoder.encode(value)
        } catch {
            throw WireError(.internalFault, "cannot write \(type(of: value)) as JSON: \(error)")
        }
    }

    /// - Throws: `WireError` with code `badRequest` that names the field and what was wanted.
    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        do {
            return try decoder.decode(type, from: data)
        } catch let error as DecodingError {
            throw WireError(.badRequest, "\(type): \(describe(error))")
        } catch let error as WireError {
            throw error
        } catch {
            throw WireError(.badRequest, "\(type): \(error)")
        }
    }

    private static func describe(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = context.codingPath + (last.map { [$0] } ?? [])
            return keys.isEmpty
                ? "the body" : keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "field \(path(context, key)) is missing"
        case .valueNotFound(let type, let context): return "field \(path(context)) is null, wanted \(type)"
        case .typeMismatch(let type, let context): return "field \(path(context)) has the wrong type, wanted \(type)"
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        @unknown default: return "not valid JSON"
        }
    }
}
