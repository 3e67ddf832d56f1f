import CoreTensor
import Foundation
import Testing

struct SafetensorsTests {
    private let folder = FileManager.default.temporaryDirectory.appending(path: "safetensors-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    /// A file of the given header text and data bytes; `length` overrides the header's stated length.
    private func write(_ header: String, data: Int = 0, length: UInt64? = nil) throws -> String {
        let path = folder + "/case.safetensors"
        var bytes = Data()
        withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: header.utf8)
        bytes.append(Data(count: data))
        try bytes.write(to: URL(filePath: path))
        return path
    }

    @Test("tensors and metadata come back as they were written")
    func roundTrip() throws {
        let path = folder + "/round.safetensors"
        let floats: [Float] = [1, -2.5, 3e-8, 65504, .infinity, 0.1]
        var writer = SafetensorsWriter(metadata: ["format": "pt", "quote": "a \"b\" \\ \n ü 🐈"])
        writer.add("b.full", shape: [2, 3], floats: floats)
        writer.add("a.half", shape: [6], floats: floats, type: .f16)
        writer.add("brain", shape: [3, 2, 1], floats: floats, type: .bf16)
        writer.add("count", shape: [], integers: [-7])
        writer.add("empty", shape: [0, 4], floats: [])
        try writer.write(to: path)

        let file = try SafetensorsFile(path: path)
        #expect(file.names == ["a.half", "b.full", "brain", "count", "empty"])
        #expect(file.metadata["quote"] == "a \"b\" \\ \n ü 🐈")
        #expect(try file.floats("b.full") == floats)
        #expect(try file.tensor("b.full").shape == [2, 3])
        #expect(try file.floats("a.half") == [1, -2.5, 0x1p-24 * 1, 65504, .infinity, 0.099975586])
        #expect(try file.floats("brain") == [1, -2.5, 0x1.02p-25, 65536, .infinity, 0x1.9ap-4])
        #expect(try file.integers("count") == [-7])
        #expect(try file.floats("empty").isEmpty)
        #expect(file.info("count")?.dtype == .i64)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["round.safetensors"])
    }

    @Test("every half float survives widening and narrowing")
    func halves() {
        for bits in UInt16.min...UInt16.max {
            let value = HalfFloat.value(ofHalf: bits)
            if value.isNaN {
                #expect(HalfFloat.half(value) & 0x7E00 == 0x7E00)
            } else if HalfFloat.half(value) != bits {
                Issue.record("\(bits) became \(value), \(HalfFloat.half(value))")
            }
        }
        // Between 1 and its successor 1 + 2⁻¹⁰: ties go to the even neighbour.
        #expect(HalfFloat.half(1 + 0x1p-11) == 0x3C00)
        #expect(HalfFloat.half(1 + 0x1.8p-10) == 0x3C02)
        #expect(HalfFloat.half(65520) == 0x7C00)
    }

    @Test(
        "unsound headers are refused with the reason",
        arguments: [
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 8, TensorError.Code.malformed),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4, .malformed),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 12, .malformed),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, .malformed),
            ("{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, .wrongType),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, .malformed),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, .malformed),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, .malformed),
            (
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                    + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, .malformed
            ),
            (
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                    + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, .malformed
            ),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,8],\"data_offsets\":[0,8]}}", 8, .malformed),
            ("[1,2,3]   ", 0, .malformed),
            ("{\"a\":\"unfinished", 0, .malformed),
        ])
    func refusesUnsoundHeaders(header: String, data: Int, code: TensorError.Code) throws {
        let path = try write(header, data: data)
        let error = #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
        #expect(error?.code == code)
        #expect(error?.message.contains(path) == true)
    }

    @Test("a header longer than the file or than any sound one is refused at once")
    func refusesWrongLengths() throws {
        let header = "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"
        for (length, code) in [
            (UInt64(header.utf8.count + 9), TensorError.Code.malformed), (2_000_000_000, .tooLarge), (.max, .tooLarge),
        ] {
            let path = try write(header, data: 8, length: length)
            #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
            do { _ = try SafetensorsFile(path: path) } catch let error as TensorError { #expect(error.code == code) }
        }
        try Data().write(to: URL(filePath: folder + "/empty"))
        #expect(throws: TensorError.self) { try SafetensorsFile(path: folder + "/empty") }
        #expect(throws: TensorError.self) { try SafetensorsFile(path: folder + "/missing") }
        #expect(throws: TensorError.self) { try SafetensorsFile(path: folder) }
    }

    @Test("asking for an absent tensor or the wrong type names file and tensor")
    func namesWhatIsWrong() throws {
        let path = try write("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", data: 8)
        let file = try SafetensorsFile(path: path)
        let absent = #expect(throws: TensorError.self) { try file.floats("b") }
        #expect(absent?.code == .unknownTensor && absent?.message.contains("'b'") == true)
        let wrong = #expect(throws: TensorError.self) { try file.integers("a") }
        #expect(wrong?.code == .wrongType && wrong?.message.contains("F32") == true)
    }

    @Test("a tensor at an odd byte is read correctly")
    func readsUnaligned() throws {
        let header =
            "{\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
            + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}"
        let file = try SafetensorsFile(path: try write(header, data: 9))
        #expect(try file.floats("a") == [0, 0])
        #expect(try file.integers("b") == [0])
    }
}
