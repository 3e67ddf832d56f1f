import CoreEvaluation
import Foundation
import ImageFiles
import Synchronization
import Testing

@Suite("The image cache")
struct ImageCacheTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "radiata-cache-\(UUID().uuidString)"
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
        try body(folder)
    }

    private func image(_ value: Int) -> RGBImage {
        RGBImage(width: 4, height: 4, fill: RGBColor(red: UInt8(value), green: 7, blue: 9))
    }

    @Test("a set is drawn once and read back bit for bit, in its order")
    func drawnOnce() throws {
        try withFolder { folder in
            let cache = try ImageCache(folder: folder)
            var drawn: [Int] = []
            let draw = { (index: Int) in
                drawn.append(index)
                return (0..<12).map { image(20 * index + $0) }
            }
            let first = try cache.sets(["a", "b"], draw: draw)
            let second = try cache.sets(["b", "a"], draw: draw)
            #expect(drawn == [0, 1] && second[0] == first[1] && second[1] == first[0])
        }
    }

    @Test("jobs that need the same sets at the same time draw each set once")
    func shared() throws {
        try withFolder { folder in
            let cache = try ImageCache(folder: folder)
            let drawn = Mutex<[Int]>([])
            let results = Mutex<[[[RGBImage]]]>([])
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                do {
                    let sets = try cache.sets(["a", "b", "c"]) { index in
                        drawn.withLock { $0.append(index) }
                        return [image(index)]
                    }
                    results.withLock { $0.append(sets) }
                } catch { Issue.record(error) }
            }
            #expect(drawn.withLock { $0.sorted() } == [0, 1, 2])
            #expect(results.withLock { $0.count == 4 && $0.allSatisfy { $0 == [[image(0)], [image(1)], [image(2)]] } })
        }
    }

    @Test("a set whose drawing failed is not kept")
    func failure() throws {
        try withFolder { folder in
            let cache = try ImageCache(folder: folder)
            #expect(throws: EvaluationError.self) {
                _ = try cache.sets(["a"]) { _ in throw EvaluationError(code: .stopped, message: "stopped") }
            }
            #expect(try cache.sets(["a"]) { _ in [image(1)] } == [[image(1)]])
        }
    }

    @Test("keys tell texts and contents of files apart")
    func keys() throws {
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            func key(_ text: String, _ bytes: [UInt8]) throws -> String {
                let path = folder + "/weights.safetensors"
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                var key = ContentKey()
                key.add(text)
                try key.add(folder: folder)
                return key.text
            }
            let bytes = [UInt8](0..<29)
            var changed = bytes
            changed[3] ^= 1
            let keys = try [key("a", bytes), key("b", bytes), key("a", changed), key("a", bytes + [0])]
            #expect(Set(keys).count == 4)
            #expect(try key("a", bytes) == keys[0])
        }
    }
}
