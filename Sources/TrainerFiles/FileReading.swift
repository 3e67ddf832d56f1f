/// A number as a trainer's file has it: name and step are the trainer's own.
package struct RawPoint: Equatable, Sendable {
    package let name: String
    package let step: Int64
    package let value: Double

    package init(name: String, step: Int64, value: Double) {
        self.name = name
        self.step = step
        self.value = value
    }

    /// Equal bit patterns: NaN equals itself, 0 differs from -0.
    package static func == (left: Self, right: Self) -> Bool {
        left.name == right.name && left.step == right.step && left.value.bitPattern == right.value.bitPattern
    }
}

/// A picture inside a trainer's file, encoded as it was.
package struct RawImage: Equatable, Sendable {
    package let name: String
    package let step: Int64
    /// `png`, `jpg`, `gif` or `webp`, by its first bytes.
    package let format: String
    package let bytes: [UInt8]

    /// - Returns: nil for bytes that are no picture of a format that people can look at.
    init?(name: String, step: Int64, bytes: [UInt8]) {
        let heads: [(String, [UInt8])] = [
            ("png", [0x89, 0x50, 0x4E, 0x47]), ("jpg", [0xFF, 0xD8, 0xFF]), ("gif", [0x47, 0x49, 0x46, 0x38]),
            ("webp", [0x52, 0x49, 0x46, 0x46]),
        ]
        guard let format = heads.first(where: { bytes.starts(with: $0.1) })?.0 else { return nil }
        self.name = name
        self.step = step
        self.format = format
        self.bytes = bytes
    }
}

/// What of a file cannot be taken.
package struct FileFault: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// The file is not what it should be: nothing more is read of it.
        case file
        /// One record, row or picture, which is passed over.
        case record
        /// A line that is not what the format asks for.
        case line
        /// A row without a step.
        case step
        /// A value that is no number.
        case value
    }

    package let kind: Kind
    package var count = 1
    /// Names the file, what was found and what helps.
    package let detail: String

    package init(_ kind: Kind, count: Int = 1, _ detail: String) {
        self.kind = kind
        self.count = count
        self.detail = detail
    }
}

/// What one look at a file gave.
package struct FileReading: Sendable {
    package var points: [RawPoint] = []
    package var images: [RawImage] = []
    package var faults: [FileFault] = []
    /// The largest step of a row, where rows may have no numbers.
    package var newestStep: Int64?
    /// Something was read: another look may give more at once.
    package var isProgress = false

    package init() {}

    /// Points after which a look ends, whatever else is there: a batch of them is one record of the spool.
    package static let mostPoints = 16384
    /// Bytes that a look takes at most, but for one larger record.
    package static let mostBytes = 1 << 20
}

/// A file that a trainer writes while it is read, and that may end anywhere for now. What is not whole waits.
package protocol GrowingFile: Sendable {
    var path: String { get }
    /// How far it was taken, in a unit of its own. A reader that begins with it goes on exactly there.
    var position: UInt64 { get }

    /// Reads on.
    ///
    /// - Parameter isComplete: nobody writes any more, so what stands at the end counts as it is.
    /// - Throws: `PortsError` where the file cannot be read. One that is not there gives nothing.
    mutating func read(isComplete: Bool) throws -> FileReading
}
