import Ports

/// Reads one TensorBoard event file as it grows. The position is the offset of the next record.
///
/// A record is an 8-byte little-endian length, the masked CRC-32C of those bytes, the payload, and its masked
/// CRC-32C (tensorflow/core/lib/io/record_writer.h). A short tail is not written yet. A length that its
/// checksum does not confirm leads nowhere: the file is given up there. A damaged payload is passed over, as
/// its length is known.
package struct EventTail: GrowingFile {
    package let path: String
    package private(set) var position: UInt64
    private let end: UInt64
    /// Nothing more can be read of it.
    private var isGivenUp = false

    /// A larger record is passed over unread.
    static let largestRecord = 32 << 20
    private static let headBytes = 12
    private static let frameBytes: UInt64 = 16

    /// - Parameter end: nothing behind it is read.
    package init(path: String, position: UInt64 = 0, end: UInt64 = .max) {
        self.path = path
        self.position = position
        self.end = end
    }

    /// Whether a file of this name is looked at.
    package static func isName(_ name: String) -> Bool { name.contains("tfevents") }

    package mutating func read(isComplete: Bool) throws -> FileReading {
        var reading = FileReading()
        guard !isGivenUp, let window = try FileWindow(path, &position, end: end) else { return reading }
        var bytes = try window.read(FileReading.mostBytes, at: position)
        var place = 0
        let start = position
        while reading.points.count < FileReading.mostPoints {
            let rest = bytes.count - place
            guard rest >= Self.headBytes else { break }
            let length = bytes.little(UInt64.self, at: place)
            guard Self.masked(bytes, place..<(place + 8)) == bytes.little(UInt32.self, at: place + 8) else {
                // A hole that the file system has not filled yet reads as zeros.
                if !isComplete, bytes[place...].allSatisfy({ $0 == 0 }) { break }
                giveUp(at: start + UInt64(place), &reading)
                break
            }
            let available = window.size - start - UInt64(place)
            guard available >= Self.frameBytes, length <= available - Self.frameBytes else { break }
            if length > UInt64(Self.largestRecord) {
                reading.faults.append(
                    FileFault(
                        .record,
                        "\(path) has a record of \(length) bytes, which is passed over; at most "
                            + "\(Self.largestRecord) are read"))
                place += Int(length + Self.frameBytes)
                break
            }
            let whole = Int(length + Self.frameBytes)
            if whole > rest {
                guard place == 0 else { break }
                bytes = try window.read(whole, at: start)
                guard bytes.count == whole else { break }
            }
            let payload = (place + Self.headBytes)..<(place + whole - 4)
            if Self.masked(bytes, payload) == bytes.little(UInt32.self, at: place + whole - 4) {
                take(EventRecord(bytes, payload), at: start + UInt64(place), &reading)
            } else {
                // The last record may still be on its way to the disk.
                if !isComplete, available == UInt64(whole) { break }
                reading.faults.append(
                    FileFault(
                        .record, "\(path): the record at byte \(start + UInt64(place)) is damaged and passed over"))
            }
            place += whole
        }
        position = start + UInt64(place)
        reading.isProgress = place > 0
        return reading
    }

    private func take(_ record: EventRecord, at offset: UInt64, _ reading: inout FileReading) {
        if record.isDamaged {
            reading.faults.append(
                FileFault(.record, "\(path): the record at byte \(offset) is no event and is passed over"))
        }
        for scalar in record.scalars {
            reading.points.append(RawPoint(name: name(scalar.tag), step: record.step, value: scalar.value))
        }
        for image in record.images {
            if let found = RawImage(name: name(image.tag), step: record.step, bytes: image.bytes) {
                reading.images.append(found)
            } else {
                reading.faults.append(
                    FileFault(.record, "\(path): the image '\(image.tag.prefix(80))' is no PNG, JPEG, GIF or WebP"))
            }
        }
    }

    /// `add_scalars(MAIN, {KEY: …})` of PyTorch's and tensorboardX's writers makes a folder `MAIN_KEY` for
    /// each key and writes MAIN there: it is one metric a key, `MAIN/KEY`.
    private func name(_ tag: String) -> String {
        let parts = path.split(separator: "/")
        guard parts.count > 1 else { return tag }
        let folder = parts[parts.count - 2]
        let head = tag.split(separator: "/", omittingEmptySubsequences: false).joined(separator: "_") + "_"
        guard !tag.isEmpty, folder.hasPrefix(head), folder.utf8.count > head.utf8.count else { return tag }
        return "\(tag)/\(folder.dropFirst(head.count))"
    }

    private mutating func giveUp(at offset: UInt64, _ reading: inout FileReading) {
        isGivenUp = true
        let what =
            offset == 0
            ? "\(path) is no TensorBoard event file; it is left out"
            : "\(path) is damaged at byte \(offset); what stands behind is not read"
        reading.faults.append(FileFault(.file, what))
    }

    /// Rotated right by 15 bits plus a constant, so that a checksum of data that hold checksums stays a good
    /// one.
    private static func masked(_ bytes: [UInt8], _ range: Range<Int>) -> UInt32 {
        var checksum = CRC32C()
        bytes.withUnsafeBytes { checksum.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[range])) }
        return (checksum.value >> 15 | checksum.value << 17) &+ 0xA282_EAD8
    }
}
