import Foundation
import SweepModel

/// JSON texts inside the ledger.
enum LedgerJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw LedgerError(.invalid, "\(type(of: value)) cannot be written as JSON: \(error)")
        }
    }

    static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw LedgerError(.inputOutput, "the ledger holds a \(type) that cannot be read: \(error)")
        }
    }
}

extension JobID {
    static func stored(_ text: String) throws -> JobID {
        guard let id = JobID(text) else {
            throw LedgerError(.inputOutput, "the ledger holds a job id '\(text.prefix(80))'")
        }
        return id
    }
}
