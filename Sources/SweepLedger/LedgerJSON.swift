import Foundation
import RunSpec
import SweepModel
import Synchronization

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

extension RequirementSpec {
    /// The same few texts for a million jobs: each is read once.
    private static let known = Mutex<[String: RequirementSpec]>([:])

    /// - Throws: `LedgerError` `inputOutput` for a text that is none.
    static func stored(_ text: String) throws -> RequirementSpec {
        if let known = known.withLock({ $0[text] }) { return known }
        let spec = try LedgerJSON.value(RequirementSpec.self, text)
        known.withLock { known in
            if known.count > 1000 { known.removeAll() }
            known[text] = spec
        }
        return spec
    }
}
