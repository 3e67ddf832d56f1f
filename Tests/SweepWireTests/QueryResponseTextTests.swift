import Foundation
import SweepModel
import SweepWire
import Testing

@Suite("The answer of a query, written row by row")
struct QueryResponseTextTests {
    private static let rows: [[QueryValue]] = [
        [.null, .integer(.max), .integer(.min), .real(0.1), .real(1e-300), .real(-1.5e300)],
        [
            .real(.infinity), .real(-.infinity), .integer(0), .text(""), .text("ü\u{1F33A}\u{2028}"),
            .blob([0x00, 0xFF]),
        ],
        [.text("\"\\/\u{8}\u{c}\n\r\t\u{0}\u{1f}\u{7f}"), .text("null"), .text("1"), .text("{}"), .blob([]), .null],
        [],
    ]

    @Test("it reads as what was written, also in pieces")
    func reads() throws {
        var text = QueryResponseText()
        var bytes: [UInt8] = []
        text.begin(["a", "b \"c\"", "", "ü"])
        for row in Self.rows {
            text.add(row)
            bytes += text.take()
        }
        text.end(isTruncated: false)
        bytes += text.take()
        let expected = QueryResponse(columns: ["a", "b \"c\"", "", "ü"], rows: Self.rows, isTruncated: false)
        #expect(try QueryResponse(body: Data(bytes)) == expected)
        #expect(try JSONSerialization.jsonObject(with: Data(bytes)) is [String: Any])
    }

    @Test("numbers that JSON cannot hold are strings")
    func notFinite() throws {
        var text = QueryResponseText()
        text.begin(["x"])
        text.add([.real(.nan), .real(.infinity), .real(-.infinity), .real(3), .real(1e-5)])
        text.end(isTruncated: true)
        let written = String(decoding: text.take(), as: UTF8.self)
        #expect(
            written == #"{"columns":["x"],"rows":[["NaN","Infinity","-Infinity",3,1e-05]],"isTruncated":true}"#)
    }

    @Test("an error after the first rows is in the answer, and before them too")
    func late() throws {
        for hasBegun in [true, false] {
            var text = QueryResponseText()
            if hasBegun {
                text.begin(["x"])
                text.add([.integer(1)])
            }
            text.end(isTruncated: true, error: WireError(.badRequest, "it \"broke\""))
            let answer = try QueryResponse(body: Data(text.take()))
            #expect(answer.error == WireError(.badRequest, "it \"broke\"") && answer.isTruncated)
            #expect(answer.rows.count == (hasBegun ? 1 : 0))
        }
    }

    /// The general decoder is the oracle: it knows nothing of how answers are written.
    @Test("the fast reader and the general decoder read the same")
    func fast() throws {
        let rows: [[QueryValue]] = (0..<400).map { index in
            let texts = [
                "", "same", "a \"b\" \\", "ü\u{1F33A}", "{\"lr\":0.001}", "Infinity", "-", "1", "null", "a\nb",
            ]
            let numbers: [QueryValue] = [
                .null, .integer(.max), .integer(.min), .integer(-7), .real(0.1), .real(-1e-300), .real(1.5e300),
                .real(1e16),
                .real(.infinity), .real(-.infinity), .real(-0.25), .integer(0),
            ]
            return [
                .text(texts[index / 3 % 9]), .text(index % 50 == 0 ? texts[9] : texts[index % 9]), numbers[index % 12],
                numbers[index / 7 % 12], index % 97 == 0 ? .blob([1, 2]) : .text("column \(index / 10)"),
            ]
        }
        for part in [rows, Array(rows.filter { !"\($0)".contains("blob") && !"\($0)".contains("\\n") }), [], [rows[1]]]
        {
            var text = QueryResponseText()
            text.begin(["a", "b", "c", "d", "e"])
            for row in part { text.add(row) }
            text.end(isTruncated: part.count == 1)
            let body = Data(text.take())
            #expect(try QueryResponse(body: body) == WireJSON.decode(QueryResponse.self, from: body))
        }
        for broken in [
            #"{"columns":["a"],"rows":[["x]],"isTruncated":false}"#, #"{"columns":["a"],"rows":[[1"#, "{}", "",
            #"{"columns":["a"],"rows":[[1]],"isTruncated":false}x"#,
        ] { #expect(throws: WireError.self) { try QueryResponse(body: Data(broken.utf8)) } }
    }
}
