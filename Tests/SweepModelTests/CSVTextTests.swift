import SweepModel
import Testing

/// The one writer of CSV: RFC 4180, and what OWASP calls CSV injection.
@Suite("CSV")
struct CSVTextTests {
    @Test(
        "a text that a spreadsheet would run is marked as text",
        arguments: [
            ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"), ("\r=1", "\"'\r=1\""), ("\n=1", "\"'\n=1\""), ("\u{0}=1", "'\u{0}=1"), ("＝1", "'＝1"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""), ("-5", "'-5"),
            ("plain", "plain"), ("a=b", "a=b"), (" =1", " =1"), ("", ""), ("a,b", "\"a,b\""), ("a\r\nb", "\"a\r\nb\""),
            ("say \"a\"", "\"say \"\"a\"\"\""), ("ümläut", "ümläut"), ("'=1", "'=1"),
        ])
    func texts(text: String, written: String) {
        #expect(CSVText.line([.text(text)]) == written + "\n")
        #expect(CSVText.line([text, text]) == "\(written),\(written)\n")
    }

    @Test(
        "numbers stay numbers",
        arguments: [
            (-1, "-1"), (0, "0"), (-0.5, "-0.5"), (1e-5, "1e-05"), (-1e-5, "-1e-05"), (1e300, "1e+300"),
            (5e-4, "0.0005"),
            (.infinity, "Infinity"), (-.infinity, "-Infinity"), (.nan, "NaN"), (-0.0, "-0.0"), (123_456, "123456"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] as [(Double, String)])
    func numbers(value: Double, written: String) {
        #expect(CSVText.line([.number(value), .none, .integer(-7)]) == "\(written),,-7\n")
        #expect(value.isNaN || Double(written) == value)
    }
}
