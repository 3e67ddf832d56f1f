import Ports

/// Reads a CSV file with a header as it grows. The position is the number of rows taken.
///
/// Commas, semicolons or tabs; quoted cells by RFC 4180, line ends of every kind. The header may grow: a
/// logger that meets a new metric writes its file anew with a longer header (then all of it is read again),
/// or writes another header below.
package struct CSVTail: GrowingFile {
    package let path: String
    package private(set) var position: UInt64
    private let stepName: String
    /// Offset behind the last row that was looked at, and the rows before it.
    private var offset: UInt64 = 0
    private var rows: UInt64 = 0
    private var header: [String] = []
    /// The file's first line, by which a file that was written anew is told.
    private var firstLine: [UInt8] = []
    private var separator = UInt8(ascii: ",")
    private var isInLongRow = false

    package init(path: String, stepName: String = "step", position: UInt64 = 0) {
        self.path = path
        self.stepName = stepName
        self.position = position
    }

    package mutating func read(isComplete: Bool) throws -> FileReading {
        var reading = FileReading()
        let before = offset
        guard let window = try FileWindow(path, &offset) else { return reading }
        if offset < before { beginAnew() }
        if !firstLine.isEmpty, try window.read(firstLine.count, at: 0) != firstLine {
            beginAnew()
        }
        let bytes = try window.read(FileReading.mostBytes, at: offset)
        let isEnd = isComplete && offset + UInt64(bytes.count) == window.size
        var scanner = CSVScanner(bytes, separator: separator)
        if offset == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { scanner.place = 3 }
        if header.isEmpty, let found = scanner.separatorOfLine() {
            separator = found
            scanner.separator = found
        }
        var faults = RowFaults()
        while reading.points.count < FileReading.mostPoints {
            let start = scanner.place
            guard let cells = scanner.row(isEnd: isEnd) else { break }
            if isInLongRow {
                // The end of a row whose beginning was passed over.
                isInLongRow = false
                continue
            }
            if offset == 0, start <= 3, firstLine.isEmpty { firstLine = Array(bytes[..<scanner.place]) }
            take(cells, &reading, &faults)
        }
        if scanner.place == 0, bytes.count == FileReading.mostBytes {
            scanner.place = bytes.count
            if !isInLongRow {
                reading.faults.append(FileFault(.record, "\(path) has a row longer than 1 MiB, which is passed over"))
            }
            isInLongRow = true
        }
        offset += UInt64(scanner.place)
        reading.faults += faults.all
        reading.isProgress = scanner.place > 0
        return reading
    }

    private mutating func beginAnew() {
        (position, offset, rows) = (0, 0, 0)
        (header, firstLine, isInLongRow) = ([], [], false)
    }

    private mutating func take(_ cells: [String], _ reading: inout FileReading, _ faults: inout RowFaults) {
        guard cells.contains(where: { !$0.isEmpty }) else { return }
        let step = header.firstIndex(of: stepName)
        if header.isEmpty || step.map({ $0 < cells.count && cells[$0] == stepName }) == true {
            header = cells
            return
        }
        rows += 1
        guard rows > position else { return }
        position = rows
        guard let step, step < cells.count, let number = NumberText.step(NumberText.value(cells[step])) else {
            let columns = header.prefix(20).joined(separator: ", ")
            return faults.step(
                "a row of \(path) has no whole number from 0 as '\(stepName)'; name its column in the rule, as in "
                    + "{csv: …, step: global_step}; columns: \(columns.prefix(200))")
        }
        for (index, cell) in cells.enumerated() where index != step && index < header.count && !cell.isEmpty {
            if let value = NumberText.value(cell) {
                reading.points.append(RawPoint(name: header[index], step: number, value: value))
            } else {
                faults.value(
                    "'\(header[index].prefix(80))' in \(path) is no number: \(cell.prefix(80)); only numbers are kept")
            }
        }
    }
}

/// Faults of many rows, counted, with the first of each kind.
struct RowFaults {
    private var steps: FileFault?
    private var values: FileFault?

    var all: [FileFault] { [steps, values].compactMap { $0 } }

    mutating func step(_ detail: @autoclosure () -> String) { Self.count(&steps, .step, detail) }

    mutating func value(_ detail: @autoclosure () -> String) { Self.count(&values, .value, detail) }

    private static func count(_ fault: inout FileFault?, _ kind: FileFault.Kind, _ detail: () -> String) {
        if fault == nil {
            fault = FileFault(kind, detail())
        } else {
            fault?.count += 1
        }
    }
}

/// Cuts bytes into rows of cells.
struct CSVScanner {
    private let bytes: [UInt8]
    var separator: UInt8
    /// Behind the last whole row.
    var place = 0

    private static let quote = UInt8(ascii: "\"")

    init(_ bytes: [UInt8], separator: UInt8) {
        self.bytes = bytes
        self.separator = separator
    }

    /// The separator of the line at `place`: what occurs most outside of quotes. nil before the line is
    /// whole.
    func separatorOfLine() -> UInt8? {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        for byte in bytes[place...] {
            if byte == Self.quote { isQuoted.toggle() }
            guard !isQuoted else { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                let known = [",", ";", "\t"].map { $0.utf8.first ?? 0 }
                return known.max { counts[$0, default: 0] < counts[$1, default: 0] } ?? separator
            }
            counts[byte, default: 0] += 1
        }
        return nil
    }

    /// The next row's cells without spaces around them; nil while its end is not there.
    ///
    /// - Parameter isEnd: the bytes end with the file, and nobody writes any more.
    mutating func row(isEnd: Bool) -> [String]? {
        guard place < bytes.count else { return nil }
        var cells: [String] = []
        var cell: [UInt8] = []
        var isQuoted = false
        var index = place
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if isQuoted {
                guard byte == Self.quote else {
                    cell.append(byte)
                    continue
                }
                if index < bytes.count, bytes[index] == Self.quote {
                    cell.append(byte)
                    index += 1
                } else if index == bytes.count, !isEnd {
                    return nil  // doubled, or the end of the cell: the next byte tells
                } else {
                    isQuoted = false
                }
            } else if byte == Self.quote, cell.allSatisfy({ $0 == 0x20 }) {
                cell = []
                isQuoted = true
            } else if byte == separator {
                cells.append(Self.text(cell))
                cell = []
            } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if byte == UInt8(ascii: "\r") {
                    guard index < bytes.count || isEnd else { return nil }
                    if index < bytes.count, bytes[index] == UInt8(ascii: "\n") { index += 1 }
                }
                place = index
                return cells + [Self.text(cell)]
            } else {
                cell.append(byte)
            }
        }
        guard isEnd else { return nil }
        place = index
        return cells + [Self.text(cell)]
    }

    private static func text(_ cell: [UInt8]) -> String {
        let body = cell.drop { $0 == 0x20 }
        return String(
            decoding: body.prefix((body.lastIndex { $0 != 0x20 } ?? body.startIndex - 1) + 1 - body.startIndex),
            as: UTF8.self)
    }
}
