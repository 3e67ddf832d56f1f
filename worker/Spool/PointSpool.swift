package import Ports
import RunSpec
package import SweepModel
import Synchronization

/// The numbered metric stream of one attempt on disk, until the coordinator holds it.
///
/// Segments of at most 4 MiB named after their first point. A record is one append: `u32 length, u32 CRC-32C`
/// of the rest, then `u64 first number, u32 count, u32 source, u64 source position`, then the points (`u16
/// key length, key, i64 step, u64 bits`), little-endian. A torn tail is cut when the spool is opened. A
/// damaged record in the middle is passed over: its numbers are sent as points of the key `spool.lost`, since
/// a stream must have no gap.
///
/// A record without points is a mark: it has a source's number and position, and its name behind them where
/// it has one. Every segment begins with the marks of all sources, so that older ones can go, and a named
/// source's first points have its mark before them in the same write.
package final class PointSpool: Sendable {
    private struct Record {
        let segment: UInt64
        let offset: Int64
        let length: Int
        let first: UInt64
        let count: UInt64
    }

    private struct State {
        var records: [Record] = []
        var current: (any StoredFile)?
        var currentFirst: UInt64 = 0
        var end: Int64 = 0
        var next: UInt64 = 1
        var firstHeld: UInt64 = 1
        var sourcePositions: [UInt32: UInt64] = [:]
        /// Names of sources that were met while the trainer ran, and their numbers.
        var sourceNumbers: [String: UInt32] = [:]
        /// Those of them whose mark stands on the disk.
        var marked: Set<UInt32> = []
    }

    /// Numbers of named sources begin here; those below are places in the plan.
    private static let firstNamed: UInt32 = 1 << 16

    package static let usualSegmentBytes: Int64 = 4 << 20
    private static let headBytes = 8
    private static let largestRecord = 16 << 20

    private let folder: String
    private let segmentBytes: Int64
    private let files: any FileStore
    private let anchor: AttemptAnchor?
    private let state: Mutex<State>

    /// Opens or makes the spool in `folder`.
    ///
    /// - Parameters:
    ///   - anchor: held before anything is appended; without one the folder's name is durable at once.
    ///   - isNew: the folder is there, and has nothing of this stream.
    package init(
        folder: String, files: any FileStore = DiskFiles(), segmentBytes: Int64 = usualSegmentBytes,
        anchor: AttemptAnchor? = nil, isNew: Bool = false
    ) throws {
        self.folder = folder
        self.segmentBytes = segmentBytes
        self.files = files
        self.anchor = anchor
        var state = State()
        guard !isNew else {
            self.state = Mutex(state)
            return
        }
        if anchor == nil { try files.makeFolder(folder) } else { try files.makeUnsyncedFolder(folder) }
        let segments = try files.list(folder).compactMap { name in
            name.hasPrefix("points-") ? UInt64(name.dropFirst(7)) : nil
        }.sorted()
        state.firstHeld = segments.first ?? 1
        for segment in segments {
            try Self.scan(files, folder, segment, isLast: segment == segments.last, into: &state)
        }
        self.state = Mutex(state)
    }

    /// Points ever appended; also the number of the last one.
    package var total: UInt64 { state.withLock { $0.next - 1 } }

    /// Number of the first point that is not trimmed away: only acknowledged points are, so those before it
    /// need not be sent again. (Asked for all the same, by a ledger that went back in time, they are lost.)
    package var firstHeld: UInt64 { state.withLock { $0.firstHeld } }

    /// How far a source had been read when its newest points were appended.
    package func position(ofSource source: Int) -> UInt64 { state.withLock { $0.sourcePositions[UInt32(source)] ?? 0 } }

    /// The number of a source by its name: the same one as long as the spool lives, also after a restart once
    /// it had points.
    package func number(ofSource name: String) -> Int {
        state.withLock { state in
            if let number = state.sourceNumbers[name] { return Int(number) }
            // Beyond every number that points came from, also where a name was lost with its record.
            let used = max(state.sourceNumbers.values.max() ?? 0, state.sourcePositions.keys.max() ?? 0)
            let number = max(Self.firstNamed, used + 1)
            state.sourceNumbers[name] = number
            return Int(number)
        }
    }

    /// Appends and waits for the disk.
    ///
    /// - Parameters:
    ///   - source: number of the file the points came from, and `position` how far it is read with them.
    /// - Returns: the total then.
    package func append(_ points: [MetricPoint], source: Int = 0, position: UInt64 = 0) throws -> UInt64 {
        try state.withLock { state in
            guard !points.isEmpty else { return state.next - 1 }
            try anchor?.hold()
            var body: [UInt8] = []
            body.append(little: state.next)
            body.append(little: UInt32(points.count))
            body.append(little: UInt32(source))
            body.append(little: position)
            for point in points {
                let key = Array(point.key.utf8.prefix(Int(UInt16.max)))
                body.append(little: UInt16(key.count))
                body += key
                body.append(little: UInt64(bitPattern: point.step))
                body.append(little: point.value.bitPattern)
            }
            let record = Self.framed(body)
            if state.current == nil || state.end + Int64(record.count) > segmentBytes { try roll(&state) }
            guard let file = state.current else { return state.next - 1 }
            let source = UInt32(source)
            var mark: [UInt8] = []
            if source >= Self.firstNamed, !state.marked.contains(source) { mark = Self.mark(source, state) }
            try file.write(mark + record, at: state.end)
            try file.synchronize()
            if !mark.isEmpty { state.marked.insert(source) }
            state.end += Int64(mark.count)
            Faults.reach("worker.points-spooled")
            state.records.append(
                Record(
                    segment: state.currentFirst, offset: state.end, length: body.count, first: state.next,
                    count: UInt64(points.count)))
            state.end += Int64(record.count)
            state.next += UInt64(points.count)
            state.sourcePositions[source] = position
            return state.next - 1
        }
    }

    /// Up to about `limit` points from number `first` on (whole records, so it may be more), in stream order.
    package func points(from first: UInt64, limit: Int) throws -> [MetricPoint] {
        let (records, next) = state.withLock { state in
            (state.records.drop { $0.first + $0.count <= first }, state.next)
        }
        guard first < next else { return [] }
        var points: [MetricPoint] = []
        var wanted = first
        for record in records {
            if points.count >= limit { break }
            if record.first > wanted { points += Self.lost(wanted..<record.first) }
            let file = try files.open(reading: Self.path(folder, record.segment))
            let body = try file.read(record.length, at: record.offset + Int64(Self.headBytes))
            guard let all = Self.decode(body) else {
                throw WorkerError(
                    .workFolder, "\(file.path): the record at byte \(record.offset) changed after it was written")
            }
            points += all.dropFirst(Int(max(wanted, record.first) - record.first))
            wanted = record.first + record.count
        }
        return points
    }

    /// Removes segments whose points are all below `number`; the newest segment stays, it knows the sources'
    /// positions.
    package func trim(below number: UInt64) throws {
        let segments = state.withLock { state -> [UInt64] in
            var last: [UInt64: UInt64] = [:]
            for record in state.records { last[record.segment] = record.first + record.count }
            let old = last.filter { $0.value <= number && $0.key != state.currentFirst }.map(\.key)
            state.records.removeAll { old.contains($0.segment) }
            state.firstHeld = state.records.first?.segment ?? state.currentFirst
            return old
        }
        for segment in segments { try files.remove(Self.path(folder, segment)) }
    }

    private func roll(_ state: inout State) throws {
        let file = try files.open(writing: Self.path(folder, state.next), truncate: false, mode: 0o644)
        // Older segments go once their points are acknowledged: a name that a power cut takes back would
        // leave nothing.
        try files.synchronizeFolder(folder)
        // On the disk with the first points: what is torn there is cut with them.
        let marks = state.sourcePositions.keys.sorted().flatMap { Self.mark($0, state) }
        try file.write(marks, at: 0)
        state.current = file
        state.currentFirst = state.next
        state.end = Int64(marks.count)
        state.marked = Set(state.sourcePositions.keys)
    }

    private static func framed(_ body: [UInt8]) -> [UInt8] {
        var record: [UInt8] = []
        record.append(little: UInt32(body.count))
        record.append(little: CRC32C.of(body))
        return record + body
    }

    private static func mark(_ source: UInt32, _ state: State) -> [UInt8] {
        var body: [UInt8] = []
        body.append(little: state.next)
        body.append(little: UInt32(0))
        body.append(little: source)
        body.append(little: state.sourcePositions[source] ?? 0)
        if let name = state.sourceNumbers.first(where: { $0.value == source })?.key { body += Array(name.utf8) }
        return framed(body)
    }

    private static func scan(
        _ files: any FileStore, _ folder: String, _ segment: UInt64, isLast: Bool, into state: inout State
    ) throws {
        let file = try files.open(writing: path(folder, segment), truncate: false, mode: 0o644)
        let size = try file.size()
        var offset: Int64 = 0
        var good: Int64 = 0
        while offset + Int64(headBytes) <= size {
            let head = try file.read(headBytes, at: offset)
            let length = Int(head.little(UInt32.self, at: 0))
            guard length >= 24, length <= largestRecord, offset + Int64(headBytes + length) <= size else { break }
            let body = try file.read(length, at: offset + Int64(headBytes))
            let end = offset + Int64(headBytes + length)
            if CRC32C.of(body) == head.little(UInt32.self, at: 4) {
                let first = body.little(UInt64.self, at: 0)
                let count = UInt64(body.little(UInt32.self, at: 8))
                let source = body.little(UInt32.self, at: 12)
                if count > 0 {
                    state.records.append(
                        Record(segment: segment, offset: offset, length: length, first: first, count: count))
                } else if source >= Self.firstNamed {
                    state.sourceNumbers[String(decoding: body[24...], as: UTF8.self)] = source
                    state.marked.insert(source)
                }
                state.next = first + count
                state.sourcePositions[source] = body.little(UInt64.self, at: 16)
                good = end
            }
            offset = end
        }
        guard isLast else { return }
        if good < size { try file.truncate(to: good) }
        state.next = max(state.next, segment)
        state.current = file
        state.currentFirst = segment
        state.end = good
    }

    private static func decode(_ body: [UInt8]) -> [MetricPoint]? {
        var points: [MetricPoint] = []
        var place = 24
        for _ in 0..<Int(body.little(UInt32.self, at: 8)) {
            guard place + 2 <= body.count else { return nil }
            let length = Int(body.little(UInt16.self, at: place))
            guard place + 18 + length <= body.count else { return nil }
            let key = String(decoding: body[(place + 2)..<(place + 2 + length)], as: UTF8.self)
            let step = Int64(bitPattern: body.little(UInt64.self, at: place + 2 + length))
            let bits = body.little(UInt64.self, at: place + 10 + length)
            points.append(MetricPoint(key: key, step: step, value: Double(bitPattern: bits)))
            place += 18 + length
        }
        return points
    }

    private static func lost(_ numbers: Range<UInt64>) -> [MetricPoint] {
        numbers.map { MetricPoint(key: MetricLimit.lostName, step: Int64($0), value: .nan) }
    }

    private static func path(_ folder: String, _ segment: UInt64) -> String {
        let digits = String(segment)
        return "\(folder)/points-\(String(repeating: "0", count: 20 - digits.count))\(digits)"
    }
}

extension [UInt8] {
    fileprivate mutating func append<Word: FixedWidthInteger>(little word: Word) {
        Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
    }

    fileprivate func little<Word: FixedWidthInteger>(_ type: Word.Type, at offset: Int) -> Word {
        withUnsafeBytes { Word(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Word.self)) }
    }
}
