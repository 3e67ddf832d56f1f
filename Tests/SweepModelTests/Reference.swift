import Foundation

/// Values from `Fixtures/reference.py`.
struct Reference: Decodable {
    struct Number: Decodable {
        let bits: String
        let text: String
    }

    struct Identity: Decodable {
        let text: String
        let sha256: String
    }

    let numbers: [Number]
    let sobol: [[UInt64]]
    let identity: Identity

    static func load() throws -> Reference {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let data = try Data(contentsOf: folder.appendingPathComponent("Fixtures/reference.json"))
        return try JSONDecoder().decode(Reference.self, from: data)
    }
}
