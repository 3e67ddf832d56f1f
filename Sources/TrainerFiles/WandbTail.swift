import Ports

/// Reads one `.wandb` file, the log of an offline run of W&B, as it grows. The position is the offset of the
/// next record.
///
/// Seven bytes head the file: `:W&B`, 0xBEE1, a version. Then records in chunks, as LevelDB's log has them:
/// blocks of 32 KiB, each chunk with the CRC-32 (IEEE, unlike LevelDB's) of its type and content, a 2-byte
/// length and a type (1 whole, 2 first, 3 middle, 4 last). What is left of a block below seven bytes is not
/// used. Source: wandb/core, leveldb/record.go.
package struct WandbTail: GrowingFile {
    package let path: String
    package private(set) var position: UInt64
    /// An item of the history that is the step; nil for W&B's own.
    private let stepName: String?
    private var isGivenUp = false

    private static let blockBytes: UInt64 = 32 << 10
    private static let headBytes: UInt64 = 7
    /// A larger record is passed over.
    static let largestRecord = 32 << 20

    package init(path: String, stepName: String? = nil, position: UInt64 = 0) {
        self.path = path
        self.stepName = stepName
        self.position = position
    }

    package static func isName(_ name: String) -> Bool { name.hasSuffix(".wandb") }

    private enum Chunk {
        /// What a chunk holds: its type, its content in the window, the offset behind it.
        case found(type: UInt8, Range<Int>, next: UInt64)
        /// Nothing but the rest of a block.
        case padding(next: UInt64)
        case damaged(next: UInt64)
        case torn
    }

    /// Bytes of the file from `base` on.
    private struct Window {
        let base: UInt64
        let bytes: [UInt8]
        /// Offset of the file's end.
        let end: UInt64
        let isComplete: Bool
    }

    package mutating func read(isComplete: Bool) throws -> FileReading {
        var reading = FileReading()
        guard !isGivenUp, let file = try FileWindow(path, &position) else { return reading }
        let start = position
        if position == 0 {
            guard try begin(file, &reading) else { return reading }
        }
        var count = FileReading.mostBytes
        while true {
            let before = position
            let bytes = try file.read(count, at: position)
            scan(Window(base: position, bytes: bytes, end: file.size, isComplete: isComplete), &reading)
            guard position == before, before + UInt64(bytes.count) < file.size else { break }
            // A record that is longer than what was read.
            if count > Self.largestRecord {
                reading.faults.append(
                    FileFault(
                        .record, "\(path) has a record of more than \(Self.largestRecord) bytes, which is passed over"))
                position = (before + UInt64(bytes.count)) / Self.blockBytes * Self.blockBytes
                break
            }
            count *= 2
        }
        reading.isProgress = position != start
        return reading
    }

    /// Takes all whole records; the position is then behind the last of them.
    private mutating func scan(_ window: Window, _ reading: inout FileReading) {
        var place = position
        var record: [UInt8] = []
        // Not so: what comes belongs to a record whose beginning is gone.
        var isInside = false
        while reading.points.count < FileReading.mostPoints {
            switch Self.chunk(window, at: place) {
            case .torn: return
            case .padding(let next): place = next
            case .damaged(let next):
                reading.faults.append(
                    FileFault(.record, "\(path): the block at byte \(place) is damaged and passed over"))
                place = next
                position = next
                isInside = false
            case .found(let type, let content, let next):
                place = next
                if type == 1 || type == 2 {
                    record = []
                    isInside = true
                }
                if isInside { record += window.bytes[content] }
                guard !isInside || type == 1 || type == 4 else { continue }
                if isInside { take(record, &reading) }
                isInside = false
                position = place
            }
        }
    }

    /// Checks the head of the file.
    private mutating func begin(_ file: FileWindow, _ reading: inout FileReading) throws -> Bool {
        let head = try file.read(Int(Self.headBytes), at: 0)
        let wanted: [UInt8] = Array(":W&B".utf8) + [0xE1, 0xBE]
        guard head.starts(with: wanted) || (head.count < 6 && wanted.starts(with: head)) else {
            isGivenUp = true
            reading.faults.append(FileFault(.file, "\(path) is no log of W&B; it is left out"))
            return false
        }
        guard head.count == Int(Self.headBytes) else { return false }
        position = Self.headBytes
        return true
    }

    private static func chunk(_ window: Window, at offset: UInt64) -> Chunk {
        let blockEnd = (offset / blockBytes + 1) * blockBytes
        guard blockEnd - offset >= headBytes else { return .padding(next: blockEnd) }
        guard offset + headBytes <= window.base + UInt64(window.bytes.count) else { return .torn }
        let place = Int(offset - window.base)
        let length = Int(window.bytes.little(UInt16.self, at: place + 4))
        let type = window.bytes[place + 6]
        let content = (place + Int(headBytes))..<(place + Int(headBytes) + length)
        let next = offset + headBytes + UInt64(length)
        if (1...4).contains(type), next <= blockEnd {
            guard content.upperBound <= window.bytes.count else { return .torn }
            let checksum = CRC32.of(window.bytes, (place + 6)..<content.upperBound)
            if checksum == window.bytes.little(UInt32.self, at: place) {
                return .found(type: type, content, next: next)
            }
        }
        // What stands at the end may still be on its way to the disk.
        if !window.isComplete, blockEnd > window.end { return .torn }
        return .damaged(next: min(blockEnd, window.end))
    }

    private func take(_ record: [UInt8], _ reading: inout FileReading) {
        guard let history = WandbHistory(record) else { return }
        guard let step = history.step(stepName) else {
            let named = stepName ?? "_step"
            reading.faults.append(
                FileFault(
                    .step,
                    "\(path) has a row without a whole number from 0 as '\(named)'; name its key in the rule, as in "
                        + "{wandb: …, step: global_step}"))
            return
        }
        for (name, value) in history.values where name != stepName {
            reading.points.append(RawPoint(name: name, step: step, value: value))
        }
    }
}
