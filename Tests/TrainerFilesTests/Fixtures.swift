import Foundation
import Ports
import TestSupport
import TrainerFiles

/// Files that real trackers wrote, and what their own packages read in them (`Fixtures/make_fixtures.py`).
enum Fixtures {
    static let folder = SourceTree.path("Tests/TrainerFilesTests/Fixtures")

    struct Expected: Decodable {
        /// File (where there are several), name, step, value.
        let scalars: [[Cell]]
        let images: [[Cell]]?
    }

    enum Cell: Decodable, Equatable {
        case text(String)
        case number(Int64)

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Int64.self) {
                self = .number(number)
            } else {
                self = .text(try container.decode(String.self))
            }
        }

        var text: String {
            switch self {
            case .text(let text): text
            case .number(let number): String(number)
            }
        }
    }

    static func expected(_ name: String) throws -> Expected {
        let data = Data(try DiskFiles().read(folder + "/expected.json", limit: 1 << 20))
        let all = try JSONDecoder().decode([String: Expected].self, from: data)
        guard let found = all[name] else { throw CocoaError(.fileNoSuchFile) }
        return found
    }

    static func points(_ name: String, file: String? = nil) throws -> [RawPoint] {
        try expected(name).scalars.compactMap { row in
            if let file, row[0].text != file { return nil }
            let cells = row.suffix(3).map(\.text)
            let value: Double? =
                ["NaN": .nan, "Infinity": .infinity, "-Infinity": -.infinity][cells[2]] ?? Double(cells[2])
            guard let step = Int64(cells[1]), let value else { return nil }
            return RawPoint(name: cells[0], step: step, value: value)
        }
    }

    static func bytes(_ name: String) throws -> [UInt8] { try DiskFiles().read("\(folder)/\(name)", limit: 1 << 24) }
}

extension GrowingFile {
    /// Reads until a look gives nothing.
    mutating func readAll(isComplete: Bool = false) throws -> FileReading {
        var all = FileReading()
        while true {
            let reading = try read(isComplete: isComplete)
            all.points += reading.points
            all.images += reading.images
            all.faults += reading.faults
            guard reading.isProgress else { return all }
        }
    }
}
