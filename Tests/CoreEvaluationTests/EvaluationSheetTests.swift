import CoreEvaluation
import ImageFiles
import Testing

@Suite("Contact sheets")
struct EvaluationSheetTests {
    private let red = RGBColor(red: 200, green: 0, blue: 0)

    private func row(_ label: String, adapter: Int = 6) -> EvaluationSheet.Row {
        let image = RGBImage(width: 8, height: 8, fill: red)
        return EvaluationSheet.Row(
            label: label, prompt: "veko cat", base: [image], adapter: Array(repeating: image, count: adapter), real: [])
    }

    private func count(_ image: RGBImage, _ color: RGBColor) -> Int {
        (0..<image.height).reduce(0) { sum, y in sum + (0..<image.width).count { image[$0, y] == color } }
    }

    @Test("each row shows its images enlarged, and no more than fit")
    func images() {
        let sheet = EvaluationSheet(title: "step", rows: [row("cat, train"), row("cat, style", adapter: 9)]).drawn(
            cell: 32)
        #expect(count(sheet, red) == 2 * 7 * 32 * 32)
    }

    @Test("labels are written, and longer texts are cut at the edge")
    func labels() {
        let plain = EvaluationSheet(title: "", rows: [row("")]).drawn(cell: 32)
        let long = String(repeating: "wide ", count: 200)
        let labelled = EvaluationSheet(title: long, rows: [row(long)]).drawn(cell: 32)
        #expect(labelled.width == plain.width && labelled.height == plain.height)
        #expect(count(labelled, .white) < count(plain, .white) - 2000)
        // Nothing runs into the margin.
        let edge = (labelled.width - 14)..<labelled.width
        #expect((0..<labelled.height).allSatisfy { y in edge.allSatisfy { labelled[$0, y] == .white } })
    }
}
