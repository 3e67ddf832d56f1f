import Figures
import Foundation
import Testing

@Suite("Scales")
struct ScaleTests {
    @Test("a linear scale maps ends to ends and halves to halves, in either direction")
    func linear() {
        let scale = LinearScale(low: -2, high: 6, start: 100, end: 20)
        #expect(scale.position(-2) == 100 && scale.position(6) == 20 && scale.position(2) == 60)
        #expect(scale.position(10) == -20)
    }

    @Test("a logarithmic scale has the geometric mean in its middle, and equal ratios equally far apart")
    func logarithmic() {
        let scale = LogScale(low: 1e-5, high: 1e-3, start: 0, end: 200)
        #expect(abs(scale.position(1e-4) - 100) < 1e-9)
        #expect(abs(scale.position(2e-5) - 200 * log10(2) / 2) < 1e-9)
        #expect(
            abs((scale.position(6e-4) - scale.position(3e-4)) - (scale.position(4e-5) - scale.position(2e-5))) < 1e-9)
    }

    @Test("names lie in the middles of equal bands")
    func categories() {
        let scale = CategoryScale(names: ["a", "b", "c", "d"], start: 10, end: 90)
        #expect((0..<4).map { scale.position(Double($0)) } == [20, 40, 60, 80] && scale.band == 20)
        #expect(scale.ticks(1).map(\.text) == ["a", "b", "c", "d"])
    }

    @Test("round values as one would choose them")
    func roundTicks() {
        func texts(_ low: Double, _ high: Double, _ count: Int) -> [String] {
            LinearScale(low: low, high: high, start: 0, end: 1).ticks(count).map(\.text)
        }
        #expect(texts(0, 10, 6) == ["0", "2", "4", "6", "8", "10"])
        #expect(texts(0.71, 0.86, 5) == ["0.75", "0.80", "0.85"])
        #expect(texts(-1, 1, 5) == ["−1.0", "−0.5", "0.0", "0.5", "1.0"])
        #expect(texts(0, 2e6, 3) == ["0", "1e6", "2e6"])
        #expect(texts(0, 2e-5, 3) == ["0", "1e-5", "2e-5"])
        let logarithmic = LogScale(low: 1e-5, high: 1e-2, start: 0, end: 1)
        #expect(logarithmic.ticks(5).map(\.text) == ["1e-5", "0.0001", "0.001", "0.01"])
        #expect(LogScale(low: 1, high: 64, start: 0, end: 1).ticks(7).map(\.text) == ["1", "2", "5", "10", "20", "50"])
        #expect(LogScale(low: 3.1, high: 3.9, start: 0, end: 1).ticks(5).map(\.text) == ["3.2", "3.4", "3.6", "3.8"])
    }

    @Test("marked values lie in the scale, increase, and are no more than asked for")
    func ticksHold() {
        var state: UInt64 = 7
        func next() -> Double {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Double(state >> 11) / Double(1 << 53)
        }
        for _ in 0..<2000 {
            let low = (next() - 0.3) * pow(10, 8 * next() - 4)
            let span = pow(10, 8 * next() - 4) + abs(low) * 1e-6
            let count = 2 + Int(next() * 8)
            let linear = LinearScale(low: low, high: low + span, start: 0, end: 100)
            check(linear, count, low, low + span)
            let rounded = linear.rounded(count)
            #expect(rounded.low <= low + span * 1e-8 && rounded.high >= low + span - span * 1e-8)
            #expect(rounded.high - rounded.low < 3.01 * max(span, 0) || count == 2)
            let bottom = pow(10, 10 * next() - 6)
            let top = bottom * (1.01 + pow(10, 5 * next()))
            check(LogScale(low: bottom, high: top, start: 0, end: 100), count, bottom, top)
        }
    }

    private func check(_ scale: some AxisScale, _ count: Int, _ low: Double, _ high: Double) {
        let ticks = scale.ticks(count)
        #expect(ticks.count <= count)
        #expect(zip(ticks, ticks.dropFirst()).allSatisfy { $0.value < $1.value })
        let margin = (high - low) * 1e-6
        #expect(ticks.allSatisfy { $0.value >= low - margin && $0.value <= high + margin })
    }

    @Test("a scale of one value, of none and of values that are no numbers has room all the same")
    func degenerate() {
        for values in [[0.0], [3.0], [-2e-9], [], [.nan, .infinity]] as [[Double]] {
            let scale = LinearScale(holding: values, start: 0, end: 100)
            #expect(scale.low < scale.high)
            for value in values where value.isFinite { #expect(abs(scale.position(value) - 50) < 1e-6) }
        }
        let one = LogScale(holding: [5e-4, -1, 0, .nan], start: 0, end: 100)
        #expect(abs(one.position(5e-4) - 50) < 1e-9)
    }
}

@Suite("Text in figures")
struct FigureTextTests {
    /// Python's `format(value, ".3g")`, zeros at the end kept.
    @Test(
        "three significant digits",
        arguments: [
            (0.81234, "0.812"), (12.345, "12.3"), (153.4, "153"), (1234.5, "1235"), (0.00512, "0.00512"),
            (5.123e-5, "5.12e-5"), (-0.25, "−0.250"), (0.001, "0.00100"), (2_500_000, "2.5e6"), (0, "0"),
            (.infinity, "–"), (9.9999e-5, "1e-4"), (-0.0, "0"),
        ])
    func short(value: Double, text: String) {
        #expect(NumberText.short(value) == text)
    }

    @Test(
        "chosen values stay as they were written",
        arguments: [
            (5e-4, "0.0005"), (1e-4, "0.0001"), (1e-6, "1e-6"), (3e-5, "3e-5"), (16, "16"), (0.1, "0.1"),
            (0.15, "0.15"), (1e6, "1e6"), (100_000, "100000"), (-1, "−1"), (0.30000000000000004, "0.3"),
        ])
    func plain(value: Double, text: String) {
        #expect(NumberText.plain(value) == text)
    }

    @Test("text is as wide as Pillow sets it in the widest face; see Fixtures/make_text_widths.py")
    func widths() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/widths.json")
        let widths = try JSONDecoder().decode([String: Double].self, from: Data(contentsOf: file))
        #expect(widths.count == 9)
        for (text, width) in widths {
            #expect(abs(TextWidth.of(text, size: 20) / (20 * width) - 1) < 0.01, "\(text)")
        }
    }

    @Test("what is shortened fits, is a beginning, and is as long as it can be")
    func shortened() {
        let text = "loha · dim 16 · alpha 8 · layers attn-mlp"
        for room in stride(from: 0.0, through: 320, by: 7) {
            let shown = TextWidth.shortened(text, to: room, size: 12)
            #expect(TextWidth.of(shown, size: 12) <= room || shown.isEmpty)
            guard shown != text else { continue }
            #expect(shown.isEmpty || (shown.hasSuffix("…") && text.hasPrefix(shown.dropLast())))
            let kept = max(0, shown.count - 1)
            // Spaces and dots at the end are dropped, at most three characters.
            let longer = String(text.prefix(kept + 4)) + "…"
            #expect(TextWidth.of(longer, size: 12) > room)
        }
        #expect(TextWidth.shortened(text, to: 1000, size: 12) == text)
    }
}
