import Glibc

/// Collects tensors and writes them as one safetensors file.
package struct SafetensorsWriter {
    private struct Item {
        let name: String
        let type: SafetensorsType
        let shape: [Int]
        let bytes: [UInt8]
    }

    private let metadata: [String: String]
    private var items: [Item] = []

    package init(metadata: [String: String] = [:]) { self.metadata = metadata }

    /// - Parameter type: `.f32`, `.f16` or `.bf16`.
    package mutating func add(_ name: String, shape: [Int], floats: [Float], type: SafetensorsType = .f32) {
        precondition(floats.count == shape.product, "\(name): \(floats.count) values for shape \(shape)")
        let bytes: [UInt8]
        switch type {
        case .f32: bytes = Self.bytes(floats) { $0.bitPattern.littleEndian }
        case .f16: bytes = Self.bytes(floats) { HalfFloat.half($0).littleEndian }
        case .bf16: bytes = Self.bytes(floats) { HalfFloat.brain($0).littleEndian }
        default: preconditionFailure("\(name): floats as \(type.rawValue)")
        }
        add(Item(name: name, type: type, shape: shape, bytes: bytes))
    }

    /// As I64.
    package mutating func add(_ name: String, shape: [Int], integers: [Int64]) {
        precondition(integers.count == shape.product, "\(name): \(integers.count) values for shape \(shape)")
        add(Item(name: name, type: .i64, shape: shape, bytes: Self.bytes(integers) { $0.littleEndian }))
    }

    /// Elements of any type, as `SafetensorsFile.bytes` gives them.
    package mutating func add(_ name: String, shape: [Int], bytes: [UInt8], type: SafetensorsType) {
        precondition(bytes.count == shape.product * type.size, "\(name): \(bytes.count) bytes for shape \(shape)")
        add(Item(name: name, type: type, shape: shape, bytes: bytes))
    }

    /// Writes through a temporary file beside `path`, synced and renamed: a reader sees the old file or the
    /// whole new one.
    ///
    /// - Throws: `TensorError` with `unwritable` if the file cannot be written or flushed.
    package func write(to path: String) throws {
        // Widest types first, then by name: every tensor is aligned to its element size.
        let order = items.sorted { ($1.type.size, $0.name) < ($0.type.size, $1.name) }
        let header = header(order)
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(temporary) }
        do {
            defer { close(descriptor) }
            try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try Self.write($0, descriptor, temporary) }
            try header.withUnsafeBytes { try Self.write($0, descriptor, temporary) }
            for item in order { try item.bytes.withUnsafeBytes { try Self.write($0, descriptor, temporary) } }
            guard fsync(descriptor) == 0 else { throw Self.failure(temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let failure = Self.failure(path)
            unlink(temporary)
            throw failure
        }
        try Self.syncFolder(of: path)
    }

    private mutating func add(_ item: Item) {
        precondition(!items.contains { $0.name == item.name }, "the tensor '\(item.name)' twice")
        items.append(item)
    }

    private func header(_ order: [Item]) -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
            fields.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var position = 0
        for item in order {
            let shape = item.shape.map(String.init).joined(separator: ",")
            let end = position + item.bytes.count
            fields.append(
                "\(Self.quoted(item.name)):{\"dtype\":\"\(item.type.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(position),\(end)]}")
            position = end
        }
        var bytes = Array("{\(fields.joined(separator: ","))}".utf8)
        while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
        return bytes
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func bytes<T, U>(_ values: [T], _ element: (T) -> U) -> [UInt8] {
        let size = MemoryLayout<U>.size
        return [UInt8](unsafeUninitializedCapacity: values.count * size) { buffer, count in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            for (index, value) in values.enumerated() {
                raw.storeBytes(of: element(value), toByteOffset: index * size, as: U.self)
            }
            count = values.count * size
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, _ path: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = UnsafeRawBufferPointer(rebasing: rest).withMemoryRebound(to: UInt8.self) {
                Glibc.write(descriptor, $0.baseAddress!, $0.count)
            }
            if written < 0 && errno == EINTR { continue }
            guard written >= 0 else { throw failure(path) }
            rest = rest.dropFirst(written)
        }
    }

    private static func syncFolder(of path: String) throws {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(folder) }
    }

    private static func failure(_ path: String) -> TensorError {
        TensorError(.unwritable, "\(path): \(String(cString: strerror(errno)))")
    }
}
