import CoreNets
import CoreTensor
import Foundation
import TestSupport
import Testing

@Suite("Weights that jobs of a machine share")
struct WeightStoreTests {
    private final class Pair: Module {
        let first = Linear(inputs: 5, outputs: 3)
        let second = Conv2d(inputs: 2, outputs: 4, kernel: 3, padding: Padding(1), bias: false)
        var className: String { "Pair" }
        var children: [(name: String, module: any Module)] { [("first", first), ("second", second)] }
    }

    /// Counts how often somebody reads; every number is its place, so that the layout shows.
    private final class Source: WeightSource {
        let label = "source"
        let names = ["first.weight", "first.bias", "second.weight"]
        let identity: String?
        let factor: Float
        private(set) var reads = 0

        init(_ identity: String?, factor: Float = 1) {
            self.identity = identity
            self.factor = factor
        }

        func shape(of name: String) -> [Int]? {
            ["first.weight": [3, 5], "first.bias": [3], "second.weight": [4, 2, 3, 3]][name]
        }

        func floats(_ name: String) throws -> [Float] {
            reads += 1
            return (0..<(shape(of: name) ?? []).reduce(1, *)).map { Float($0) * factor }
        }
    }

    private let folder: TemporaryFolder
    private var weights: String { folder.path + "/weights" }

    init() throws { folder = try TemporaryFolder() }

    private func loaded(_ source: Source, halves: Bool = false, limit: Int = 1 << 30) throws -> Pair {
        let pair = Pair()
        if halves { pair.keepWeightsAsHalfWhenSet() }
        let store = try #require(WeightStore(folder: weights, limit: limit))
        try WeightStore.$current.withValue(store) { try pair.load(source) }
        return pair
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: weights).filter { $0.hasSuffix(".weights") }.sorted()
    }

    /// What the file holds, by PyTorch's own layout.
    private func values(_ pair: Pair) -> [[Float]] { pair.allParameters().map { $0.parameter.fileValues().floats } }

    @Test("the second network reads nothing and has the same numbers", arguments: [false, true])
    func shared(halves: Bool) throws {
        let source = Source("one")
        let plain = Pair()
        try plain.load(Source("one"))
        let first = try loaded(source, halves: halves)
        #expect(source.reads == 3)
        let second = try loaded(source, halves: halves)
        #expect(source.reads == 3)
        #expect(values(first) == values(plain) && values(second) == values(plain))
        // Filters lie with their inputs last.
        #expect(Array(second.second.weight.tensor.values[..<4]) == [0, 9, 1, 10])
        #expect(second.first.weight.tensor.isHalf == halves && second.first.bias?.tensor.isHalf == false)
        let x = Tensor([1, 2, 3, 4, 5], [1, 5])
        #expect(second.first(x).values == plain.first(x).values)
    }

    @Test("a file of f32 numbers is not taken for halves, nor one of another state of the base")
    func apart() throws {
        let source = Source("one")
        _ = try loaded(source)
        _ = try loaded(source, halves: true)
        #expect(source.reads == 6)
        let changed = Source("two", factor: 2)
        #expect(try loaded(changed).first.bias?.tensor.values == [0, 2, 4])
        #expect(changed.reads == 3)
        let unknown = Source(nil)
        _ = try loaded(unknown)
        _ = try loaded(unknown)
        #expect(unknown.reads == 6)
        #expect(try files().count == 3)
    }

    @Test("who changes a weight changes no other's")
    func copyOnWrite() throws {
        let source = Source("one")
        let first = try loaded(source)
        let other = try loaded(source)
        first.first.weight.fill(7)
        #expect(first.first.weight.tensor.values == Array(repeating: 7, count: 15))
        #expect(other.first.weight.tensor.values[1] == 1)
        #expect(try loaded(source).first.weight.tensor.values[1] == 1)
        #expect(source.reads == 3)
    }

    @Test("a file that is cut short or another's is made again")
    func damaged() throws {
        let source = Source("one")
        _ = try loaded(source)
        let path = "\(weights)/\(try #require(files().first))"
        for bytes in [Data(), Data(repeating: 1, count: 9000), try Data(contentsOf: URL(filePath: path)).prefix(4200)] {
            try FileManager.default.removeItem(atPath: path)
            try bytes.write(to: URL(filePath: path))
            let before = source.reads
            #expect(try loaded(source).first.weight.tensor.values[14] == 14)
            #expect(source.reads == before + 3)
        }
        _ = try loaded(source)
        #expect(source.reads == 12)
    }

    @Test("nothing is kept beyond the limit, and what was used last stays")
    func bounded() throws {
        let large = Source("large")
        #expect(try loaded(large, limit: 1000).first.weight.tensor.values[14] == 14)
        #expect(try files().isEmpty)
        _ = try loaded(Source("old"))
        let old = try files()
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: weights + "/" + old[0])
        _ = try loaded(Source("new"))
        let both = try files()
        _ = try loaded(Source("newest"), limit: 20_000)
        #expect(both.count == 2 && both.contains(old[0]))
        #expect(try !files().contains(old[0]) && files().count == 2)
    }

    @Test("a network whose weights do not fit is refused as ever, and nothing of it is kept")
    func refused() throws {
        let source = Source("one", factor: .infinity)
        #expect(throws: NetsError.self) { try loaded(source) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: weights).allSatisfy { $0.hasSuffix(".lock") })
    }
}
