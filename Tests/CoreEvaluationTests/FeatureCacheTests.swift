import CoreEvaluation
import Foundation
import Testing

@Suite("Cache of features")
final class FeatureCacheTests {
    private let folder = NSTemporaryDirectory() + "radiata-features-\(UUID().uuidString)"

    deinit {
        do { try FileManager.default.removeItem(atPath: folder) } catch { print("left behind: \(folder): \(error)") }
    }

    private func key(_ text: String) -> ContentKey {
        var key = ContentKey()
        key.add(text)
        return key
    }

    @Test("vectors come back bit for bit, under their own key, to another process's cache too")
    func keeps() {
        let vector: [Float] = [1.5, -0, .leastNonzeroMagnitude, 3e30]
        let cache = FeatureCache(folder: folder)
        #expect(cache.read(key("a")) == nil)
        cache.keep(vector, key("a"))
        let found = FeatureCache(folder: folder).read(key("a"))
        #expect(found?.map(\.bitPattern) == vector.map(\.bitPattern))
        #expect(cache.read(key("b")) == nil)
    }

    @Test("a file that is torn or changed is no vector")
    func damaged() throws {
        let cache = FeatureCache(folder: folder)
        cache.keep([1, 2, 3], key("a"))
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        let path = "\(folder)/\(name)"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for damage in [Data(), whole.dropLast(1), whole.dropLast(4), whole.dropLast(1) + Data([7])] {
            try Data(damage).write(to: URL(fileURLWithPath: path))
            #expect(cache.read(key("a")) == nil, "\(damage.count) bytes")
        }
        cache.keep([1, 2, 3], key("a"))
        #expect(cache.read(key("a")) == [1, 2, 3])
    }

    @Test("beyond its limit what was not used for the longest time goes")
    func bounded() throws {
        let cache = FeatureCache(folder: folder)
        for number in 0..<10 { cache.keep([Float](repeating: Float(number), count: 99), key("\(number)")) }
        // 400 bytes each; 0 and 3 were used last.
        for number in 0..<10 {
            let path = "\(folder)/\(key("\(number)").text).f32"
            let age = [0, 3].contains(number) ? 10.0 : 1000 + Double(number)
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceReferenceDate: 1e8 - age)], ofItemAtPath: path)
        }
        let small = FeatureCache(folder: folder, limit: 2000)
        let left = (0..<10).filter { small.read(key("\($0)")) != nil }
        #expect(left == [0, 1, 2, 3])
    }

    @Test("a folder that cannot be made is no fault: nothing is kept")
    func noFolder() throws {
        try "a file".write(toFile: folder, atomically: true, encoding: .utf8)
        let cache = FeatureCache(folder: folder + "/below")
        cache.keep([1], key("a"))
        #expect(cache.read(key("a")) == nil)
    }
}
