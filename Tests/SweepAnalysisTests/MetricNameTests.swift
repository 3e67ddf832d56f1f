import SweepAnalysis
import Testing

@Suite("Names of metrics as people shorten them")
struct MetricNameTests {
    private static let names: Set<String> = [
        "kid", "kid@clip", "kid@dinov2-3f9c21aa", "kid@dinov2-77ab0c12", "vendi@dinov2-3f9c21aa",
        "kid@dinov2x-11111111",
    ]

    @Test(
        "a name stands for itself, an encoder without its digits for those that it may be",
        arguments: [
            ("kid", ["kid"]), ("kid@clip", ["kid@clip"]), ("kid@clip@train", ["kid@clip@train"]),
            ("vendi@dinov2", ["vendi@dinov2-3f9c21aa"]), ("vendi@dinov2@alter", ["vendi@dinov2-3f9c21aa@alter"]),
            ("kid@dinov2", ["kid@dinov2-3f9c21aa", "kid@dinov2-77ab0c12"]), ("kid@dinov2-3f", ["kid@dinov2-3f9c21aa"]),
            ("kid@dino", []), ("vendi", []), ("kid@", []), ("lpips@vgg19", []),
        ])
    func complete(text: String, wanted: [String]) {
        #expect(MetricName.complete(text, among: Self.names) == wanted)
    }
}
