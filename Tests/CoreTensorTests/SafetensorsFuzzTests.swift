import CoreTensor
import Foundation
import Testing

@Suite("The safetensors decoder under damage")
struct SafetensorsFuzzTests {
    private static let dictionary = [
        "\"dtype\"", "\"shape\"", "\"data_offsets\"", "__metadata__", "\"F32\"", "\"BF16\"", "\"I64\"", "[", "]", "{",
        "}", ",",
        ":", "\"", "\\", "\\u0000", "\\uD800", "0", "-1", "1e9", "9223372036854775807", "18446744073709551616", "null",
        "true", String(repeating: "[", count: 300), String(repeating: "{\"a\":", count: 300), "\u{0}", "\u{FEFF}",
    ]

    /// A sound file of several types.
    private func sound(_ path: String) throws -> [UInt8] {
        var writer = SafetensorsWriter(metadata: ["format": "pt", "note": "ü"])
        // As large as the header, so that some damage falls outside it.
        writer.add("a.weight", shape: [32, 3], floats: (0..<96).map { Float($0) })
        writer.add("a.bias", shape: [2], floats: [7, 8], type: .f16)
        writer.add("ids", shape: [1, 3], integers: [1, 2, 3])
        writer.add("empty", shape: [0], floats: [])
        try writer.write(to: path)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// One damage: a flipped bit, a changed length, text from the dictionary, a cut, a repetition.
    private func damaged(_ bytes: [UInt8], _ random: inout RandomStream) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.integer(below: 3) {
            guard !bytes.isEmpty else { return bytes }
            let place = random.integer(below: bytes.count)
            switch random.integer(below: 9) {
            case 0, 6, 7, 8: bytes[place] ^= 1 << UInt8(random.integer(below: 8))
            case 1: bytes[min(place, random.integer(below: 8))] = UInt8(random.integer(below: 256))
            case 2:
                let text = Self.dictionary[random.integer(below: Self.dictionary.count)]
                bytes.insert(contentsOf: Array(text.utf8), at: place)
            case 3: bytes.removeLast(bytes.count - place)
            case 4: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.integer(below: 12)))
            case 5:
                let part = bytes[place..<min(bytes.count, place + 24)]
                bytes.insert(contentsOf: part, at: random.integer(below: bytes.count))
            default: break
            }
        }
        // Half of the time the stated length fits again, so that the damage reaches the header's parser.
        if bytes.count > 8, random.integer(below: 2) == 0, let close = bytes.lastIndex(of: UInt8(ascii: "}")), close > 8
        {
            withUnsafeBytes(of: UInt64(close - 7).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
        }
        return bytes
    }

    @Test("1,000 damaged files are read or refused: no trap, no absurd memory, no tensor larger than the file")
    func damage() throws {
        let path = NSTemporaryDirectory() + "radiata-fuzz-\(UUID().uuidString).safetensors"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        let original = try sound(path)
        var random = RandomStream(seed: 20, purpose: "fuzz")
        var (read, refused, wrong) = (0, 0, 0)
        for _ in 0..<1000 {
            let bytes = damaged(original, &random)
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            do {
                let file = try SafetensorsFile(path: path)
                read += 1
                for name in file.names {
                    guard let entry = file.info(name) else { continue }
                    if entry.count > bytes.count || entry.shape.contains(where: { $0 < 0 }) { wrong += 1 }
                    do { _ = try file.floats(name) } catch is TensorError {}
                    do { _ = try file.integers(name) } catch is TensorError {}
                }
            } catch let error as TensorError {
                refused += 1
                if !error.message.contains(path) { wrong += 1 }
            }
        }
        // Both happen: the damage is neither trivial nor total.
        #expect(read > 30 && refused > 300 && wrong == 0, "\(read) read, \(refused) refused, \(wrong) wrong")
    }
}
