import RunSpec
import Testing

@Suite("One line of metrics")
struct MetricReadingTests {
    @Test(
        "a step is a whole number from 0, also as text",
        arguments: [
            (#"{"step": 3}"#, 3), (#"{"step": "3"}"#, 3), (#"{"step": 3.0}"#, 3), (#"{"step": 1e3}"#, 1000),
            (#"{"step": 0}"#, 0), (#"{"step": " 12 "}"#, 12), (#"{"step": 9007199254740992}"#, 9_007_199_254_740_992),
            (#"{"step": -1}"#, nil), (#"{"step": 1.5}"#, nil), (#"{"step": null}"#, nil), (#"{"step": "x"}"#, nil),
            (#"{"step": 1e300}"#, nil), (#"{"step": NaN}"#, nil), (#"{"step": [3]}"#, nil), (#"{"loss": 3}"#, nil),
            (#"{"step": "0x10"}"#, nil), (#"{"step": true}"#, nil),
        ] as [(String, Int?)])
    func steps(line: String, step: Int?) {
        let reading = MetricReading(line)
        #expect(reading.step == step)
        #expect(reading.fault == nil)
    }

    @Test("the step may have another name; a key 'step' is then a value like others")
    func namedStep() {
        let reading = MetricReading(#"{"global_step": "20", "step": 5, "loss": 1}"#, stepName: "global_step")
        #expect(reading.step == 20)
        #expect(reading.values.map(\.name) == ["step", "loss"])
    }

    @Test(
        "what is no number is named, and not taken", arguments: ["\"train\"", "true", "[1, 2]", "{\"a\": 1}", "\"\""])
    func others(value: String) {
        let reading = MetricReading(#"{"step": 1, "odd": \#(value), "loss": 0.5}"#)
        #expect(reading.values.map(\.name) == ["loss"])
        #expect(reading.others == ["odd"])
    }

    @Test(
        "lines that are no object have a fault", arguments: ["[1, 2]", "3", "step 3 loss 0.1", "{", "{\"step\": 3} x"])
    func faults(line: String) { #expect(MetricReading(line).fault != nil) }

    @Test("names are told apart by their bytes; of the same bytes the last value counts")
    func bytes() {
        let reading = MetricReading("{\"step\": 1, \"caf\u{E9}\": 1, \"cafe\u{301}\": 2, \"a\": 3, \"a\": 4}")
        #expect(reading.values.map { Array($0.name.utf8) } == ["caf\u{E9}", "cafe\u{301}", "a"].map { Array($0.utf8) })
        #expect(reading.values.map(\.value) == [1, 2, 4])
    }

    @Test("the remedy names what looks like the step")
    func candidates() {
        let line = #"{"epoch": 1, "global_step": 10, "lr": 1e-4, "loss": 1.0}"#
        #expect(MetricReading(line).stepCandidates == ["global_step", "epoch"])
        #expect(MetricReading(#"{"loss": 0.5}"#).stepCandidates.isEmpty)
    }

    @Test("names have 1 to 256 bytes")
    func names() {
        #expect(MetricLimit.accepts("a") && MetricLimit.accepts(String(repeating: "ü", count: 128)))
        #expect(!MetricLimit.accepts("") && !MetricLimit.accepts(String(repeating: "ü", count: 129)))
        #expect(!MetricLimit.accepts("a\0b"))
    }
}
