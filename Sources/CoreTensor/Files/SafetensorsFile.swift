import Glibc

/// A safetensors file, mapped into memory; tensors are converted when they are asked for.
///
/// - SeeAlso: https://huggingface.co/docs/safetensors (format 0.x): 8 bytes of little-endian header length, a
///   JSON header, then the elements. Offsets must tile the data; the header holds at most 100 MB.
// Unchecked: the mapping is private and read-only, everything else is a constant.
package final class SafetensorsFile: @unchecked Sendable {
    package let path: String
    private let mapping: UnsafeMutableRawPointer
    private let mappedBytes: Int
    /// Where the elements begin, behind the header.
    package let dataStart: Int
    /// Which file this is, and in which state.
    package let identity: FileIdentity
    private let header: SafetensorsHeader

    /// - Throws: `TensorError` if the file cannot be read or its header is not sound.
    package init(path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TensorError(.unreadable, "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TensorError(.unreadable, "\(path): not a regular file")
        }
        let size = Int(status.st_size)
        guard size >= 10 else {
            throw TensorError(.malformed, "\(path): \(size) bytes are too few for a safetensors file")
        }
        guard let mapping = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), mapping != MAP_FAILED else {
            throw TensorError(.unreadable, "\(path): \(String(cString: strerror(errno)))")
        }
        do {
            let length = UInt64(littleEndian: mapping.loadUnaligned(as: UInt64.self))
            guard length <= SafetensorsHeader.largest else {
                throw TensorError(
                    .tooLarge,
                    "\(path): a header of \(length) bytes (limit \(SafetensorsHeader.largest)); not a safetensors file?"
                )
            }
            guard Int(length) <= size - 8 else {
                throw TensorError(
                    .malformed, "\(path): a header of \(length) bytes in a file of \(size); it may be cut short")
            }
            dataStart = 8 + Int(length)
            header = try SafetensorsHeader(
                json: UnsafeRawBufferPointer(start: mapping + 8, count: Int(length)), dataBytes: size - dataStart,
                file: path)
        } catch {
            munmap(mapping, size)
            throw error
        }
        self.path = path
        identity = FileIdentity(path: path, status)
        self.mapping = mapping
        mappedBytes = size
    }

    deinit { munmap(mapping, mappedBytes) }

    /// All tensors, by name.
    package var names: [String] { header.entries.keys.sorted() }
    package var metadata: [String: String] { header.metadata }

    /// Type, shape and place of a tensor; nil if the file has none of that name.
    package func info(_ name: String) -> SafetensorsEntry? { header.entries[name] }

    /// The elements as f32, from any real type.
    ///
    /// - Throws: `TensorError` for an unknown name, or a type that holds no floats.
    package func floats(_ name: String) throws -> [Float] {
        let entry = try entry(name)
        return try [Float](unsafeUninitializedCapacity: entry.count) { buffer, count in
            try read(name, into: buffer)
            count = entry.count
        }
    }

    /// Fills `out` with the elements as f32, from any real type.
    ///
    /// - Precondition: as many as the tensor has.
    /// - Throws: `TensorError` for an unknown name, or a type that holds no floats.
    package func read(_ name: String, into out: UnsafeMutableBufferPointer<Float>) throws {
        let entry = try entry(name)
        precondition(out.count >= entry.count, "\(entry.count) elements of \(name) into \(out.count)")
        let bytes = bytes(of: entry)
        defer { forget(bytes) }
        try convert(entry, bytes, named: name, into: out)
    }

    /// The elements as the file holds them, of any type: for copying.
    ///
    /// - Throws: `TensorError` for an unknown name.
    package func bytes(_ name: String) throws -> [UInt8] { Array(bytes(of: try entry(name))) }

    /// A tensor as f32, in the file's shape.
    ///
    /// - Throws: `TensorError` for an unknown name, or a type that holds no floats.
    package func tensor(_ name: String) throws -> Tensor {
        let result = Tensor(uninitialized: try entry(name).shape)
        try result.withMutableBuffer { try read(name, into: $0) }
        return result
    }

    /// The elements of an integer or boolean tensor.
    ///
    /// - Throws: `TensorError` for an unknown name, or a type that holds no integers.
    package func integers(_ name: String) throws -> [Int64] {
        let entry = try entry(name)
        let bytes = bytes(of: entry)
        func read<T: FixedWidthInteger>(_ type: T.Type) -> [Int64] {
            (0..<entry.count).map {
                Int64(
                    truncatingIfNeeded: T(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)))
            }
        }
        switch entry.dtype {
        case .bool, .u8: return read(UInt8.self)
        case .i8: return read(Int8.self)
        case .u16: return read(UInt16.self)
        case .i16: return read(Int16.self)
        case .u32: return read(UInt32.self)
        case .i32: return read(Int32.self)
        case .u64: return read(UInt64.self)
        case .i64: return read(Int64.self)
        default:
            throw TensorError(.wrongType, "\(path): '\(name)' is \(entry.dtype.rawValue), wanted an integer type")
        }
    }

    private func entry(_ name: String) throws -> SafetensorsEntry {
        guard let entry = header.entries[name] else {
            throw TensorError(.unknownTensor, "\(path): no tensor '\(name)' among \(header.entries.count)")
        }
        return entry
    }

    private func bytes(of entry: SafetensorsEntry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: mapping + dataStart + entry.offsets.lowerBound, count: entry.offsets.count)
    }

    /// Lets go of the pages of a tensor that was read, or a network and its whole file would be in memory
    /// together.
    private func forget(_ bytes: UnsafeRawBufferPointer) {
        let (page, start) = (Int(getpagesize()), Int(bitPattern: bytes.baseAddress))
        let (first, end) = ((start + page - 1) / page * page, (start + bytes.count) / page * page)
        // A hint: if it fails, the pages stay until the file is closed.
        if end > first { _ = madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_DONTNEED) }
    }

    private func convert(
        _ entry: SafetensorsEntry, _ bytes: UnsafeRawBufferPointer, named name: String,
        into out: UnsafeMutableBufferPointer<Float>
    ) throws {
        guard entry.count > 0, let to = out.baseAddress else { return }
        func read<T>(_ type: T.Type, _ value: (T) -> Float) {
            Elementwise.ranges(entry.count) { start, length in
                for index in start..<start + length {
                    let element = bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<T>.size, as: T.self)
                    (to + index).initialize(to: value(element))
                }
            }
        }
        switch entry.dtype {
        case .f32: read(UInt32.self) { Float(bitPattern: UInt32(littleEndian: $0)) }
        case .f16: read(UInt16.self) { HalfFloat.value(ofHalf: UInt16(littleEndian: $0)) }
        case .bf16: read(UInt16.self) { Float(bitPattern: UInt32(UInt16(littleEndian: $0)) << 16) }
        case .f64: read(UInt64.self) { Float(Double(bitPattern: UInt64(littleEndian: $0))) }
        case .bool, .u8, .i8, .u16, .i16, .u32, .i32, .u64, .i64:
            for (index, value) in try integers(name).enumerated() {
                let number = entry.dtype == .u64 ? Float(UInt64(bitPattern: value)) : Float(value)
                (out.baseAddress! + index).initialize(to: number)
            }
        default:
            throw TensorError(
                .wrongType, "\(path): '\(name)' is \(entry.dtype.rawValue), which has no f32 reading here")
        }
    }
}
