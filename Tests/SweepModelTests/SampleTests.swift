import RunSpec
import SweepModel
import Testing

@Suite("Sampling")
struct SampleTests {
    private func points(_ spec: SampleSpec) throws -> [[String: ParameterValue]] {
        try SweepGroup(name: "s", shape: .sample(spec)).points(defaults: [:])
    }

    @Test("the Sobol sequence is scipy's, in all dimensions")
    func sobol() throws {
        let reference = try Reference.load().sobol
        // Integers over the whole 32-bit range give the coordinates themselves. Names sort as the dimensions
        // do.
        let names = (0..<32).map { "d" + String(100 + $0) }
        let space = Dictionary(uniqueKeysWithValues: names.map { ($0, SampleRange.integer(0, 4_294_967_295)) })
        let drawn = try points(SampleSpec(method: .sobol, count: 64, seed: nil, space: space))
        for (index, point) in drawn.enumerated() {
            #expect(names.map { UInt64(point[$0]?.number ?? -1) } == reference[index])
        }
    }

    @Test("a sampled parameter does not depend on the others or on the count")
    func independent() throws {
        let lr = SampleRange.log(1e-5, 1e-2)
        let few = try points(SampleSpec(method: .random, count: 3, seed: 7, space: ["lr": lr]))
        let more = try points(
            SampleSpec(
                method: .random, count: 9, seed: 7, space: ["lr": lr, "dim": .choice([4, 8]), "a": .uniform(0, 1)]))
        #expect(few.map { $0["lr"] } == more.prefix(3).map { $0["lr"] })
        let other = try points(SampleSpec(method: .random, count: 3, seed: 8, space: ["lr": lr]))
        #expect(few != other)
    }

    @Test("values stay in their ranges and fill them", arguments: SampleSpec.Method.allCases)
    func ranges(method: SampleSpec.Method) throws {
        let space: [String: SampleRange] = [
            "log": .log(1e-5, 1e-2), "uniform": .uniform(-1, 0.3), "int": .integer(2, 5),
            "choice": .choice(["a", "b", "c"]),
        ]
        let drawn = try points(SampleSpec(method: method, count: 256, seed: 1, space: space))
        let logs = drawn.compactMap { $0["log"]?.number }
        #expect(logs.allSatisfy { (1e-5...1e-2).contains($0) })
        // A third of the draws in each decade, give or take.
        for decade in [1e-5, 1e-4, 1e-3] {
            let share = logs.filter { ($0 >= decade) && $0 < decade * 10 }.count
            #expect((60...110).contains(share))
        }
        #expect(drawn.compactMap { $0["uniform"]?.number }.allSatisfy { (-1...0.3).contains($0) })
        #expect(Set(drawn.compactMap { $0["int"]?.integer }) == [2, 3, 4, 5])
        #expect(Set(drawn.compactMap { $0["choice"]?.text }) == ["a", "b", "c"])
        // Six significant digits: the same job on every machine.
        #expect(logs.allSatisfy { "\(ParameterValue.number($0))".filter(\.isNumber).count <= 12 })
    }
}
