import Testing
import Worker

@Suite("Names of samples")
struct SampleNameTests {
    @Test(
        "a match is called by what its pattern leaves open",
        arguments: [
            ("/o/samples/1_00.png", "/o/samples/*.png", "1_00.png"),
            ("/o/samples/0 - a cat/t.jpg", "/o/samples/*/*.jpg", "0 - a cat_t.jpg"),
            ("/o[1]/s/x/t.jpg", "/o\\[1]/s/*/t.jpg", "x_t.jpg"),
            ("/o/run-7/s/t.png", "/o/run-[0-9]/s/?.png", "run-7_s_t.png"), ("/o/a.png", "/o/a.png", "a.png"),
        ])
    func name(path: String, pattern: String, wanted: String) {
        #expect(PathPattern.ownName(of: BytePath(path), in: pattern) == Array(wanted.utf8))
    }
}
