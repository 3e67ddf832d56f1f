import CoreTensor
import Foundation
import Testing

struct RandomStreamTests {
    @Test("Philox 4x32-10 gives the authors' known answers")
    func knownAnswers() {
        // kat_vectors of Random123 1.14.
        let zero = Philox.block(counter: (0, 0, 0, 0), key: (0, 0))
        #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = Philox.block(
            counter: (0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff), key: (0xffff_ffff, 0xffff_ffff))
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = Philox.block(
            counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test("normal numbers have the moments of the normal distribution")
    func moments() {
        var stream = RandomStream(seed: 1, purpose: "moments")
        let numbers = (0..<200_000).map { _ in Double(stream.normal()) }
        let mean = numbers.reduce(0, +) / Double(numbers.count)
        func moment(_ power: Int) -> Double {
            numbers.reduce(0) { total, x in total + (0..<power).reduce(1) { product, _ in product * (x - mean) } }
                / Double(numbers.count)
        }
        #expect(abs(mean) < 0.01)
        #expect(abs(moment(2) - 1) < 0.015)
        #expect(abs(moment(3)) < 0.03)
        #expect(abs(moment(4) - 3) < 0.1)
        // 4.55 % lie beyond two standard deviations.
        #expect(abs(Double(numbers.count { abs($0) > 2 }) / Double(numbers.count) - 0.0455) < 0.003)
    }

    @Test("uniform numbers and integers fill their range evenly")
    func uniformity() {
        var stream = RandomStream(seed: 2, purpose: "uniform")
        var (tenths, sevenths) = ([Int](repeating: 0, count: 10), [Int](repeating: 0, count: 7))
        for _ in 0..<70_000 {
            let x = stream.uniform()
            #expect(x >= 0 && x < 1)
            tenths[Int(x * 10)] += 1
            sevenths[stream.integer(below: 7)] += 1
        }
        #expect(tenths.allSatisfy { abs($0 - 7000) < 400 })
        #expect(sevenths.allSatisfy { abs($0 - 10_000) < 450 })
    }

    @Test("streams depend on seed, purpose, step and item, and on nothing else")
    func identity() {
        func first(_ seed: UInt64, _ purpose: String, _ step: Int, _ item: Int) -> [Float] {
            var stream = RandomStream(seed: seed, purpose: purpose, step: step, item: item)
            return (0..<8).map { _ in stream.uniform() }
        }
        let base = first(5, "noise", 3, 4)
        #expect(base == first(5, "noise", 3, 4))
        for other in [
            first(6, "noise", 3, 4), first(5, "time", 3, 4), first(5, "noise", 4, 3), first(5, "noise", 3, 5),
        ] {
            #expect(other != base)
        }
    }

    @Test("a shuffle is a permutation, and every order of three occurs as often")
    func shuffles() {
        var stream = RandomStream(seed: 9, purpose: "shuffle")
        var counts: [[Int]: Int] = [:]
        for _ in 0..<6000 {
            var order = [0, 1, 2]
            stream.shuffle(&order)
            counts[order, default: 0] += 1
        }
        #expect(counts.count == 6)
        #expect(counts.values.allSatisfy { abs($0 - 1000) < 150 })
    }

    struct StreamCase: Decodable {
        let seed: String
        let purpose: String
        let step: Int
        let item: Int
        let normals: [Float]
        let uniforms: [Float]
        let integers: [Int]
        let shuffled: [Int]
    }

    @Test("a second program, written from docs/explanation/numerics.md alone, draws the same numbers")
    func documented() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Fixtures/random-streams.json"
        let cases = try JSONDecoder().decode([StreamCase].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(cases.count == 5)
        for item in cases {
            let seed = try #require(UInt64(item.seed))
            func stream() -> RandomStream {
                RandomStream(seed: seed, purpose: item.purpose, step: item.step, item: item.item)
            }
            var (normals, uniforms, integers, shuffles) = (stream(), stream(), stream(), stream())
            for wanted in item.normals {
                let found = normals.normal()
                #expect(abs(found - wanted) <= 5e-7 * max(1, abs(wanted)))
            }
            for wanted in item.uniforms {
                let found = uniforms.uniform()
                #expect(found == wanted)
            }
            for wanted in item.integers {
                let found = integers.integer(below: 1000)
                #expect(found == wanted)
            }
            var order = Array(0..<9)
            shuffles.shuffle(&order)
            #expect(order == item.shuffled)
        }
    }
}
