import CoreAdapters
import CoreTensor
import Foundation
import RunSpec
import TestSupport
import Testing

/// Truth: norms and singular values of updates that numpy wrote out (`Fixtures/norms.json`).
@Suite("Norms of updates")
struct UpdateNormTests {
    private struct Norms: Decodable {
        let total: Double
        let layers: [String: Double]
        let nineTenths: [String: Int]?
    }

    private static func norms() throws -> [String: Norms] {
        try JSONDecoder().decode(
            [String: Norms].self, from: Data(contentsOf: URL(filePath: Fixtures.path("norms.json"))))
    }

    @Test(
        "come out of the factors as out of the whole",
        arguments: [
            "lora", "lora_tucker", "lora_rs", "loha", "loha_tucker", "lokr_full", "lokr_low", "lokr_both",
            "lokr_tucker",
            "lokr_unbalanced", "full",
        ])
    func norms(name: String) throws {
        let wanted = try #require(try Self.norms()[name])
        let report = try AdapterInspection(path: AdapterToolTests.adapter(name))
        let rows = report.layers.filter { $0.algorithm != "norm" }
        let total = rows.reduce(0) { $0 + ($1.norm ?? 0) * ($1.norm ?? 0) }.squareRoot()
        #expect(abs(total - wanted.total) < 1e-12 * wanted.total)
        for (layer, norm) in wanted.layers {
            let found = try #require(rows.first { $0.name == layer }?.norm)
            #expect(abs(found - norm) < 1e-12 * norm, "\(layer)")
        }
        // And as this program writes it out.
        for layer in try StoredAdapter(path: AdapterToolTests.adapter(name)).layers where !layer.isNorm {
            let (factors, dense) = (try layer.factors(), try layer.delta(base: nil))
            #expect(abs(factors.norm - dense.norm) < 1e-12 * dense.norm)
            #expect(abs(factors.largest - dense.values.reduce(0) { max($0, abs($1)) }) < 1e-12)
            let middle = factors.rows / 2
            #expect((factors.rows(middle - 1..<middle + 2) - dense.rows(middle - 1..<middle + 2)).norm < 1e-12)
        }
    }

    private static func random(_ rows: Int, _ columns: Int, _ seed: UInt64) -> DoubleMatrix {
        DoubleMatrix(randomTensor([rows, columns], seed: seed).values.map(Double.init), rows: rows, columns: columns)
    }

    /// Every form, in sizes where the Gram matrices are smaller than the product.
    private static var forms: [UpdateFactors] {
        let a = UpdateFactors.product(random(60, 2, 1), random(2, 80, 2))
        let b = UpdateFactors.product(random(60, 3, 3), random(3, 80, 4))
        let whole = UpdateFactors.whole(random(60, 80, 5))
        let small = UpdateFactors.kronecker(
            .product(random(6, 2, 6), random(2, 8, 7)), .product(random(10, 1, 8), random(1, 10, 9)))
        return [
            a, b, whole, small, .scaled(a, -0.5), .hadamard(a, b), .scaled(.hadamard(b, a), 3), .sum(a, whole),
            .kronecker(.whole(random(6, 8, 10)), .whole(random(10, 10, 11))),
        ]
    }

    @Test("and inner products, distances and singular values agree with those of matrices")
    func products() throws {
        for (i, a) in Self.forms.enumerated() {
            let (x, size) = (a.dense, a.dense.norm)
            #expect(abs(a.norm - size) < 1e-12 * size, "\(i)")
            let values = try #require(a.singularValues(limit: 1 << 20))
            let wanted = try #require(x.singularValues()).values
            for (found, value) in zip(values, wanted) { #expect(abs(found - value) < 1e-12 * wanted[0], "\(i)") }
            for (j, b) in Self.forms.enumerated() {
                let y = b.dense
                #expect(abs(a.inner(b) - x.inner(y)) < 1e-12 * size * y.norm, "\(i), \(j)")
                #expect(abs(a.distance(to: b) - (x - y).norm) < 1e-12 * (size + y.norm), "\(i), \(j)")
            }
        }
        // Nearly equal factors: no cancellation.
        let (up, down) = (Self.random(60, 2, 1), Self.random(2, 80, 2))
        let near = UpdateFactors.product(up, down.scaled(by: 1 + 1e-9))
        let distance = UpdateFactors.product(up, down).distance(to: near)
        #expect(abs(distance / (1e-9 * (up * down).norm) - 1) < 1e-5)
    }

    private static let layer = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"

    private func write(_ tensors: [(String, [Int])], to path: String) throws {
        var writer = SafetensorsWriter()
        for (suffix, shape) in tensors {
            writer.add("\(Self.layer).\(suffix)", shape: shape, floats: filled(shape, q: 3).map { $0 + 0.01 })
        }
        try writer.write(to: path)
    }

    @Test(
        "of a huge update cost what its file costs",
        arguments: [
            [("lora_up.weight", [200_000, 1]), ("lora_down.weight", [1, 200_000]), ("alpha", [])],
            [
                ("hada_w1_a", [20_000, 2]), ("hada_w1_b", [2, 20_000]), ("hada_w2_a", [20_000, 2]),
                ("hada_w2_b", [2, 20_000]), ("alpha", []),
            ],
            [("lokr_w1", [2, 2]), ("lokr_w2_a", [100_000, 1]), ("lokr_w2_b", [1, 100_000]), ("alpha", [])],
            [("lora_up.weight", [60_000, 2]), ("lora_down.weight", [2, 60_000]), ("dora_scale", [60_000, 1])],
        ])
    func huge(tensors: [(String, [Int])]) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/huge.safetensors"
        try write(tensors, to: path)
        let report = try AdapterInspection(path: path, countsRanks: true)
        let row = try #require(report.layers.first)
        let isDoRA = tensors.contains { $0.0 == "dora_scale" }
        #expect(try #require(isDoRA ? row.innerNorm : row.norm) > 0)
        #expect(row.largest == nil && (row.norm == nil) == isDoRA)
        if !isDoRA { #expect((row.numericalRank ?? 0) >= 1) }
        // Comparing and resizing go by the factors too; what must be written out is refused in words before
        // it is.
        if row.algorithm == "lora" {
            let same = try? AdapterComparison(adapters: [(path, 1), (path, 0.5)])
            #expect(isDoRA ? same == nil : abs((same?.pairs[0].cosine ?? 0) - 1) < 1e-9)
            let resized = try AdapterResize(path: path, out: folder.path + "/r.safetensors", rule: .fixed(3)).run()
            #expect(resized.layers[0].error < 1e-6)
        } else {
            #expect {
                var conversion = AdapterConversion(path: path, out: folder.path + "/c.safetensors", format: .lora)
                conversion.rule = .fixed(1)
                _ = try conversion.run()
            } throws: {
                "\($0)".contains(Self.layer) && "\($0)".contains("GB if written out")
            }
        }
        if row.algorithm == "loha" {
            #expect {
                try AdapterResize(path: path, out: folder.path + "/r.safetensors", rule: .fixed(1)).run()
            } throws: { "\($0)".contains("GB if written out") }
        }
        // Against a base of another size it is refused before any product.
        #expect {
            try AdapterMerge(base: AdapterToolTests.pipeline, adapters: [(path, 1)], out: folder.path + "/m").run()
        } throws: { "\($0)".contains("the base's weight is [8, 8]") }
    }

    @Test(
        "resizing by energy keeps it in every layer of every form, and says what it keeps",
        arguments: ["lora", "lora_tucker", "loha", "loha_tucker", "lokr_full", "lokr_low", "lokr_both", "lokr_tucker"])
    func energy(name: String) throws {
        let folder = try TemporaryFolder()
        let (path, out) = (AdapterToolTests.adapter(name), folder.path + "/out.safetensors")
        let wanted = try Self.norms()[name]
        for share in [0.5, 0.9] {
            let report = try AdapterResize(path: path, out: out, rule: .energy(share), type: .f32).run()
            let (before, after) = (try StoredAdapter(path: path).layers, try StoredAdapter(path: out).layers)
            for ((old, new), row) in zip(zip(before, after), report.layers) where !old.isNorm {
                let (x, y) = (try old.delta(base: nil), try new.delta(base: nil))
                let error = (y - x).norm / x.norm
                #expect(1 - error * error >= share - 1e-5, "\(old.name)")
                #expect(abs(row.kept - (1 - error * error)) < 1e-5, "\(old.name)")
                #expect(abs(new.scale - old.scale) < 1e-6 || new.rank == nil)
                if share == 0.9, let rank = wanted?.nineTenths?[old.name] { #expect(row.to == rank, "\(old.name)") }
            }
            // Something was to be gained.
            if share == 0.5, ["lora", "loha", "loha_tucker"].contains(name) {
                #expect(report.layers.contains { ($0.to ?? 0) < ($0.from ?? 0) })
            }
        }
    }
}
