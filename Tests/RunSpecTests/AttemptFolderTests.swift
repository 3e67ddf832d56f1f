import Foundation
import RunSpec
import Testing

@Suite("Attempt folder")
struct AttemptFolderTests {
    @Test("checkpoint names sort by step and give it back", arguments: [0, 7, 120, 99_999_999, 123_456_789])
    func names(step: Int) {
        let name = AttemptFolder.checkpointName(step: step)
        #expect(AttemptFolder.step(ofCheckpoint: name) == step)
        #expect(AttemptFolder.checkpointName(step: 120) == "step-00000120")
    }

    @Test("other names are no checkpoints", arguments: ["step-", "step-12", ".step-00000120", "final"])
    func otherNames(name: String) {
        #expect(AttemptFolder.step(ofCheckpoint: name) == nil)
    }

    @Test("a manifest reads with and without digests")
    func manifest() throws {
        let text =
            #"{"step":120,"epoch":3,"final":true,"files":[{"name":"adapter.safetensors","kind":"adapter","bytes":9}]}"#
        let manifest = try JSONDecoder().decode(CheckpointManifest.self, from: Data(text.utf8))
        #expect(manifest.isDeliverable && !manifest.isResumable && manifest.files[0].sha256 == nil)
        #expect(try JSONDecoder().decode(CheckpointManifest.self, from: JSONEncoder().encode(manifest)) == manifest)
    }

    @Test("the plan of checkpoints drops what lies past the end and always adds the final one")
    func plan() {
        let plan = CheckpointPlan(epochs: [50, 10, 30, 30])
        #expect(plan.epochs == [10, 30, 50])
        #expect(plan.count(epochs: 50) == 3)
        #expect(plan.count(epochs: 30) == 2)
        #expect(plan.count(epochs: 60) == 4)
        #expect(plan.trimmed(toEpochs: 30).epochs == [10])
    }
}

@Suite("Metric lines")
struct MetricLineTests {
    @Test(
        "numbers are read, the rest is passed over",
        arguments: [
            (#"{"step": 3, "loss": 0.12, "lr": 5e-4}"#, ["loss": 0.12, "lr": 5e-4]),
            // What Python's json.dumps writes.
            (
                #"{"loss": NaN, "step": 3, "high": Infinity, "low": -Infinity}"#,
                ["loss": .nan, "high": .infinity, "low": -.infinity]
            ),
            (#"{"step":3,"loss":"NaN","grad":null}"#, ["loss": .nan, "grad": .nan]),
            (
                #"{"step":3.0,"zero":-0.0,"note":"x\"}","deep":{"a":[1,{"b":2}]},"on":true,"e":1E+2}"#,
                ["zero": -0.0, "e": 100]
            ),
            (#" {"step" : 3 } "#, [:]),
            // Numbers in text count, as some loggers write them.
            (#"{"step":"3","loss":"0.25","lr":" 1e-4 ","note":"0x10"}"#, ["loss": 0.25, "lr": 1e-4]),
            (#"{"step":3,"caf\u00e9 \ud83d\ude00":1}"#, ["café 😀": 1]),
        ] as [(String, [String: Double])])
    func parsed(line: String, values: [String: Double]) throws {
        #expect(try MetricLine(parsing: line) == MetricLine(step: 3, values: values))
    }

    @Test(
        "broken lines are refused",
        arguments: [
            "", "{", "[]", #"{"loss": 1}"#, #"{"step": 1.5}"#, #"{"step": "three"}"#, #"{"step": -3}"#,
            #"{"step": 3,}"#, #"{"step": 3} x"#,
            #"{"step": 0x10}"#, #"{"step": 3, "a": }"#, #"{"step": 3, "a": tru}"#, #"{"step": 3, "a": "\ud83d"}"#,
            #"{"step": 1e300}"#,
        ])
    func refused(line: String) {
        #expect(throws: RunSpecError.self) { try MetricLine(parsing: line) }
    }

    @Test("what is written reads back, bit for bit")
    func roundTrip() throws {
        let line = MetricLine(
            step: 12,
            values: [
                "a": 0.1 + 0.2, "b": -0.0, "c": .nan, "d": -.infinity, "e": .leastNonzeroMagnitude,
                "k\"\\\n\u{1}": 1e300,
            ])
        #expect(try MetricLine(parsing: line.text) == line)
    }

    @Test("deep nesting is refused, not crashed on")
    func deep() {
        let line = #"{"step":1,"a":"# + String(repeating: "[", count: 100_000)
        #expect(throws: RunSpecError.self) { try MetricLine(parsing: line) }
    }
}
