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

    @Test(
        "metadata is text for text, or null as the reference implementation reads it; the rest is named",
        arguments: [
            ("null", ""), ("{}", ""), (#"{"a": "b"}"#, ""),
            (#"{"ss_epoch": 3}"#, "__metadata__: 'ss_epoch' is a number, wanted text"),
            (
                #"{"ss_tag_frequency": {"10_cat": {"cat": 4}}}"#,
                "__metadata__: 'ss_tag_frequency' is a map, wanted text"
            ),
            (#"{"a": null}"#, "__metadata__: 'a' is null, wanted text"),
            (#"{"a": true}"#, "__metadata__: 'a' is true or false, wanted text"),
            (#"{"a": [1.5e3, -2]}"#, "__metadata__: 'a' is a list, wanted text"),
            ("[]", "__metadata__ is a list, wanted a map"), ("7", "__metadata__ is a number, wanted a map"),
            (#"{"a": "1", "a": "2"}"#, ""), (#"{"a": nope}"#, "wanted a value"),
        ])
    func metadata(value: String, mention: String) throws {
        let path = try write(
            "{\"__metadata__\": \(value), \"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", data: 8)
        guard mention.isEmpty else {
            let error = #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
            #expect(
                error?.message.contains(mention) == true && error?.message.contains(path) == true,
                "\(error?.message ?? "")")
            return
        }
        #expect(try SafetensorsFile(path: path).names == ["a"])
    }

    @Test(
        "unsound headers say what is wrong with which tensor",
        arguments: [
            (
                "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}", 12,
                "'a' starts at byte 4 and leaves a gap"
            ),
            (
                "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                    + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}", 12,
                "'b' starts at byte 4 and overlaps"
            ),
            ("\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 11, "3 bytes follow the last tensor"),
            ("\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", 4, "it may be cut short"),
            (
                "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                    + "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}", 8, "the name 'a' occurs twice"
            ),
            ("\"__metadata__\":{},\"__metadata__\":{}", 0, "the name '__metadata__' occurs twice"),
            ("\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}", 1, "'a' has the unknown dtype 'F4'"),
            ("\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}", 8, "'a' has no dtype"),
            ("\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}", 8, "'a' has the data_offsets [0]"),
            (
                "\"a\":{\"dtype\":\"F32\",\"shape\":[2000000,200000],\"data_offsets\":[0,8]}", 8,
                "'a' F32 [2000000, 200000] needs"
            ),
        ])
    func messages(entries: String, data: Int, mention: String) throws {
        let path = try write("{\(entries)}", data: data)
        let error = #expect(throws: TensorError.self) { try SafetensorsFile(path: path) }
        #expect(
            error?.message.contains(mention) == true && error?.message.contains(path) == true, "\(error?.message ?? "")"
        )
    }

    @Test("any JSON is read in the order of its text, and refused with the byte where it goes wrong")
    func orderedJSON() throws {
        let text = #" {"b": [1, -2.5e1, true, null, "ü\u00e9"], "a": {}, "b": 2} "#
        let value = try OrderedJSON(text, place: "test")
        guard case .object(let members) = value else {
            Issue.record("no object")
            return
        }
        #expect(members.map(\.name) == ["b", "a", "b"] && value["b"] == .number(2) && value["c"] == nil)
        #expect(members[0].value == .list([.number(1), .number(-25), .flag(true), .null, .text("üé")]))
        for bad in ["", "{", "[1,]", "nul", "1 2", "-", "1e999", String(repeating: "[", count: 100), "{\"a\" 1}"] {
            let error = #expect(throws: TensorError.self) { try OrderedJSON(bad, place: "test") }
            #expect(error?.message.hasPrefix("test, byte") == true)
        }
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
